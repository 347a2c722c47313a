import { expect, test } from "vitest";
import { layoutOf } from "../ecg/layout";
import { STANDARD } from "../ecg/leads";
import { geometryOf, type Sheet, xOf } from "./draw/geometry";
import { fitted, held, panned, START, showing, zoomed } from "./view";

const NEED = { up: 8, down: 8 };

function sheet(totalS: number, width = 1056, height = 484): Sheet {
  const layout = layoutOf("3x4", STANDARD, "II");
  const needs = layout.rows.map(() => NEED);
  return {
    width,
    height,
    pxPerMm: 4,
    above: 18,
    below: 32,
    speed: 25,
    gain: 10,
    totalS,
    layout,
    needs,
  };
}

test("a page of 10 s has columns of 2.5 s, 100 px a second, after a margin of 10 mm", () => {
  const geometry = geometryOf(sheet(10), START);
  expect(geometry.pxPerS).toBe(100);
  expect(geometry.columnS).toBe(2.5);
  const cells = geometry.cells.filter((cell) => cell.row === 0);
  expect(cells.map((cell) => [cell.lead, cell.left, cell.fromS])).toEqual([
    ["I", 40, 0],
    ["aVR", 290, 2.5],
    ["V1", 540, 5],
    ["V4", 790, 7.5],
  ]);
  // Columns are consecutive: one time axis for all.
  expect(geometry.cells.map((cell) => xOf(geometry, cell, 6))).toEqual(Array(13).fill(640));
});

test("a narrower paper shows less, a wider one more of a longer recording", () => {
  expect(geometryOf(sheet(10, 640), START).pageS).toBeCloseTo(5.96);
  expect(geometryOf(sheet(60, 2044), START).pageS).toBeCloseTo(20);
  expect(geometryOf(sheet(10, 2044), START).pageS).toBe(10);
});

test("panning stays within the recording", () => {
  const long = sheet(60);
  expect(panned(long, START, -500, 0).fromS).toBe(0);
  expect(panned(long, START, 250, 0).fromS).toBeCloseTo(2.5);
  const { pageS } = geometryOf(long, START);
  expect(panned(long, START, 1e6, 0).fromS).toBeCloseTo(60 - pageS);
});

test.each([2, 0.5, 8])("a zoom of %f keeps the moment and the row under the pointer", (factor) => {
  const long = sheet(60);
  const before = held(long, { fromS: 20, zoom: 1, topMm: 0 });
  const after = zoomed(long, before, factor, 640, 200);
  const [one, two] = [geometryOf(long, before), geometryOf(long, after)];
  const second = (geometry: typeof one) => geometry.fromS + (640 - geometry.left) / geometry.pxPerS;
  expect(second(two)).toBeCloseTo(second(one), 2);
  const mm = (geometry: typeof one) => geometry.topMm + (200 - 18) / geometry.down;
  if (factor > 1) expect(mm(two)).toBeCloseTo(mm(one), 6);
});

test("the farthest zoom shows ten minutes, with rows as high as they fit", () => {
  const long = sheet(600);
  const view = zoomed(long, START, 1e-6, 500, 200);
  const geometry = geometryOf(long, view);
  expect(geometry.pageS).toBeCloseTo(600, 0);
  expect(geometry.down).toBeGreaterThan(3.5);
});

test("fit shows ten seconds over the width, and once more true to scale", () => {
  const narrow = sheet(10, 640);
  const fit = fitted(narrow, START);
  expect(geometryOf(narrow, fit).pageS).toBeCloseTo(10, 2);
  expect(fitted(narrow, fit).zoom).toBe(1);
});

test("a moment that is seen moves nothing; another one comes to the middle", () => {
  const long = sheet(60);
  expect(showing(long, START, 3, 4)).toBe(START);
  const geometry = geometryOf(long, showing(long, START, 30, 31));
  expect(geometry.fromS + geometry.pageS / 2).toBeCloseTo(30.5);
});
