// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { DEFAULT_DISPLAY, display } from "../state";
import { reportOptions } from "./exports";

afterEach(() => {
  display.value = DEFAULT_DISPLAY;
});

test.each(["limb", "chest", "rhythm"] as const)(
  "the phone's %s leads are a 3x4 report",
  (layout) => {
    display.value = { ...DEFAULT_DISPLAY, layout };
    expect(reportOptions({ byHand: {} }).layout).toBe("3x4");
  },
);

test("the rhythm lead is named where the report knows its name", () => {
  display.value = { ...DEFAULT_DISPLAY, rhythmLead: "V5" };
  expect(reportOptions({ byHand: {} }).rhythm_lead).toBe("V5");
  display.value = { ...DEFAULT_DISPLAY, rhythmLead: "MLII" };
  expect(reportOptions({ byHand: {} }).rhythm_lead).toBeUndefined();
});
