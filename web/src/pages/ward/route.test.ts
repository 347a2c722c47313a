// @vitest-environment happy-dom
import { effect } from "@preact/signals";
import { beforeEach, expect, test } from "vitest";
import { addressOfPatient, openBoard, openPatient, showMoment, watchRoute } from "./route";
import { moment, now, patient } from "./state";

watchRoute();
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

test("an address names a moment up to tomorrow, by a whole number", () => {
  now.value = 1_800_000_000_000;
  const tomorrow = now.value + 86_400_000;
  const momentOf = (at: string) => {
    history.replaceState(null, "", `${addressOfPatient("p-4")}?at=${at}`);
    dispatchEvent(new PopStateEvent("popstate"));
    return moment.value;
  };
  expect(["0", "1790000000000", String(tomorrow)].map(momentOf)).toEqual([
    0,
    1_790_000_000_000,
    tomorrow,
  ]);
  const refused = [String(tomorrow + 1), "9000000000000000", "-1", "1.5", "1e3", "", "x"];
  expect(refused.map(momentOf)).toEqual(refused.map(() => null));
});
