import { expect, test } from "vitest";
import { type Beat, intervalName, nearestMoment, rrAt } from "./beats";
import { deviations, medianInterval, steps } from "./march";

function beat(r: number): Beat {
  return {
    r,
    pOnset: r - 0.2,
    pOffset: r - 0.1,
    qrsOnset: r - 0.04,
    qrsOffset: r + 0.06,
    tOffset: r + 0.36,
  };
}
const BEATS = [beat(1), beat(1.8), beat(2.7), { ...beat(3.5), pOnset: null }];

test("the nearest wave within reach is found", () => {
  expect(nearestMoment(BEATS, 1.79, 0.05)).toEqual({ second: 1.8, wave: "r", beat: 1 });
  expect(nearestMoment(BEATS, 1.37, 0.05)?.wave).toBe("tOffset");
  expect(nearestMoment(BEATS, 1.5, 0.05)).toBeNull();
});

test("intervals between waves have names, in either direction", () => {
  expect(intervalName(BEATS, 1, 1.8)).toBe("RR");
  expect(intervalName(BEATS, 1.8, 1)).toBe("RR");
  expect(intervalName(BEATS, 0.8, 0.96)).toBe("PR");
  expect(intervalName(BEATS, 0.96, 1.06)).toBe("QRS");
  expect(intervalName(BEATS, 0.961, 1.36)).toBe("QT");
  expect(intervalName(BEATS, 1, 2.7)).toBeNull();
  expect(intervalName(BEATS, 1, 1.81)).toBeNull();
});

test("the RR of a beat is the interval before it; the first beat's is the one after it", () => {
  expect(rrAt(BEATS, 1.76)).toBeCloseTo(0.8);
  expect(rrAt(BEATS, 2.66)).toBeCloseTo(0.9);
  expect(rrAt(BEATS, 0.96)).toBeCloseTo(0.8);
  expect(rrAt([], 1)).toBeNull();
});

test("an interval marches over the strip in both directions", () => {
  const interval = { fromS: 1.8, toS: 1 };
  expect(steps(interval, { fromS: 0, toS: 4 })).toEqual(
    [0.2, 1, 1.8, 2.6, 3.4].map((second) => expect.closeTo(second)),
  );
  expect(deviations(interval, BEATS).map(({ ms }) => Math.round(ms))).toEqual([0, 0, 100, 100]);
  expect(steps({ fromS: 1, toS: 1.01 }, { fromS: 0, toS: 4 })).toEqual([]);
  expect(medianInterval(BEATS)).toEqual({ fromS: 1, toS: expect.closeTo(1.8) });
  expect(medianInterval([])).toBeNull();
});
