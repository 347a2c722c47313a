import { expect, test } from "vitest";
import { levelFor, pyramidOf } from "./pyramid";

test("each level holds the extremes of four blocks of the level below", () => {
  const levels = pyramidOf(Float32Array.from({ length: 18 }, (_, at) => (at % 2 ? at : -at)));
  expect(levels.map(({ size }) => size)).toEqual([1, 4, 16, 64]);
  expect([...(levels[1]?.min ?? [])]).toEqual([-2, -6, -10, -14, -16]);
  expect([...(levels[1]?.max ?? [])]).toEqual([3, 7, 11, 15, 17]);
  expect([...(levels[3]?.max ?? [])]).toEqual([17]);
});

test("a gap stays NaN where a block holds nothing else", () => {
  const { NaN: gap } = Number;
  const levels = pyramidOf(Float32Array.from([gap, gap, gap, gap, gap, 3, gap, 1]));
  expect([...(levels[1]?.min ?? [])]).toEqual([gap, 1]);
  expect([...(levels[1]?.max ?? [])]).toEqual([gap, 3]);
});

test("a pixel reads at least two blocks", () => {
  const levels = pyramidOf(new Float32Array(10_000));
  expect([1, 7.9, 8, 40, 1e9].map((per) => levelFor(levels, per).size)).toEqual([
    1, 1, 4, 16, 16_384,
  ]);
});
