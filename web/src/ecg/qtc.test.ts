import { expect, test } from "vitest";
import { correctedQt } from "./qtc";

// The numbers of tests/intervals/test_formulas.py.
test("QT is corrected by each formula: RR 640 ms has the root 0.8 and the rate 93.75", () => {
  const { bazett, fridericia, framingham, hodges } = correctedQt(360, 640);
  expect(bazett).toBeCloseTo(360 / 0.8);
  expect(fridericia).toBeCloseTo(360 / Math.exp(Math.log(0.64) / 3));
  expect(framingham).toBeCloseTo(360 + 154 * 0.36);
  expect(hodges).toBeCloseTo(360 + 1.75 * 33.75);
});

test("QT at sixty a minute is not corrected", () => {
  expect(Object.values(correctedQt(401.5, 1000))).toEqual([401.5, 401.5, 401.5, 401.5]);
});
