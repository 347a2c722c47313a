import { expect, test } from "vitest";
import { counted, type Distributions, psi, weekOf } from "./drift";

const of = (quality: Record<string, number>): Distributions => ({
  labels: {},
  quality,
  amplitude: {},
  samplingRate: {},
  seconds: {},
});

test("the same shares have no distance; others have that of the definition", () => {
  expect(psi({ a: 1000, b: 1000 }, { a: 500, b: 500 })).toBeCloseTo(0, 5);
  // (0.9 - 0.5) ln(0.9 / 0.5) + (0.1 - 0.5) ln(0.1 / 0.5) = 0.879
  expect(psi({ a: 50_000, b: 50_000 }, { a: 90_000, b: 10_000 })).toBeCloseTo(0.879, 2);
});

test("few recordings are not compared, and a new class is no infinity", () => {
  expect(psi({ a: 99 }, { a: 1000 })).toBeNull();
  expect(psi({ a: 200 }, { a: 100, b: 100 })).toBeGreaterThan(0.25);
});

test("weeks add up what was counted since, also over a restart", () => {
  const first = counted(null, of({ Good: 10 }), "2026-W48");
  const second = counted(first, of({ Good: 15, Poor: 1 }), "2026-W49");
  const third = counted(second, of({ Good: 2 }), "2026-W49");
  expect(third.byWeek["2026-W48"]?.quality).toEqual({ Good: 10 });
  expect(third.byWeek["2026-W49"]?.quality).toEqual({ Good: 7, Poor: 1 });
});

test("ISO weeks at the turn of a year", () => {
  expect(weekOf(new Date(2026, 11, 1))).toBe("2026-W49");
  expect(weekOf(new Date(2027, 0, 1))).toBe("2026-W53");
  expect(weekOf(new Date(2024, 11, 30))).toBe("2025-W01");
});
