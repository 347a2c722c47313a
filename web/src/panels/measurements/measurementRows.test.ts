// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { exampleAnswer } from "../exampleAnswer";
import { measurementRows, placeOf, RANGE_END, RANGE_START } from "./measurementRows";

const MEASURED = exampleAnswer().measurements;
const rowsOf = (changes: object, byHand = {}) =>
  measurementRows({ ...(MEASURED as NonNullable<typeof MEASURED>), ...changes }, byHand);
const row = (name: string, changes: object, byHand = {}) =>
  rowsOf(changes, byHand).find((each) => each.name === name);

test("the range lies in the middle of the track, and marks stay on it", () => {
  expect(placeOf(120, [120, 200])).toBeCloseTo(RANGE_START);
  expect(placeOf(200, [120, 200])).toBeCloseTo(RANGE_END);
  expect(placeOf(110, [null, 110])).toBeCloseTo(RANGE_END);
  expect(placeOf(900, [120, 200])).toBeLessThan(1);
});

test("a value outside its range is told with the range and its source", () => {
  expect(row("qrs_ms", { qrs_ms: 174 })).toMatchObject({
    value: "174",
    plusMinus: "10",
    isOutside: true,
    rangeNote: "Normal up to 110 ms. a book",
  });
  expect(row("qrs_ms", {})).toMatchObject({ isOutside: false });
});

test("what is missing is a dash without a unit or a place", () => {
  expect(row("pr_ms", { pr_ms: null })).toMatchObject({ value: "–", unit: "", place: null });
});

test("a value by hand is marked, has no uncertainty, and is judged by the same range", () => {
  expect(row("pr_ms", {}, { pr_ms: 230 })).toMatchObject({
    value: "230",
    plusMinus: "",
    isByHand: true,
    isOutside: true,
  });
});

test("a QT by hand has its QTc by hand, by the measured rate, as in the report", () => {
  const rows = rowsOf({ heart_rate_bpm: 75 }, { qt_ms: 412 });
  const shown = rows.filter(({ isByHand }) => isByHand).map(({ name, value }) => [name, value]);
  expect(shown.slice(0, 3)).toEqual([
    ["qt_ms", "412"],
    ["qtc_fridericia_ms", "444"],
    ["qtc_bazett_ms", "461"],
  ]);
  expect(
    rowsOf({ heart_rate_bpm: null }, { qt_ms: 412 }).filter((row) => row.isByHand),
  ).toHaveLength(1);
});
