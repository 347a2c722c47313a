// @vitest-environment happy-dom
import { effect } from "@preact/signals";
import { beforeEach, expect, test } from "vitest";
import { openBoard, openPatient, showMoment } from "./route";
import { moment, patient } from "./state";

beforeEach(openBoard);

test("nobody sees a patient with the moment of another", () => {
  openPatient("p-4");
  showMoment(1_000);
  const seen: unknown[] = [];
  const stop = effect(() => {
    seen.push([patient.value, moment.value]);
  });
  openPatient("p-5");
  stop();
  expect(seen).toEqual([
    ["p-4", 1_000],
    ["p-5", null],
  ]);
});
