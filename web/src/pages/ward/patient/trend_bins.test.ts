import { expect, test } from "vitest";
import type { TrendBin } from "../../../station/api";
import { binsOf, perMinute, runsOf, summaryOf } from "./trend_bins";

function bin(start_ms: number, rate: number | null, more: Partial<TrendBin> = {}): TrendBin {
  return {
    source: "strap-1",
    start_ms,
    known_ms: 10_000,
    rate_low: rate === null ? null : rate - 2,
    rate_mean: rate,
    rate_high: rate === null ? null : rate + 3,
    beats: { N: 10, S: 1, V: 2, F: 0, Q: 0 },
    irregular: null,
    ...more,
  };
}

test("a time without windows has no bin, and of two sources the better one counts", () => {
  const found = [
    bin(100_000, 60),
    bin(120_000, 80, { known_ms: 4_000 }),
    bin(120_000, 70, { source: "strap-2" }),
    bin(90_000, 50),
  ];
  const bins = binsOf(found, 100_000, 140_000, 10_000);
  expect(bins.map((each) => each?.rate_mean ?? null)).toEqual([60, null, 70, null]);
  expect(runsOf(bins, (each) => each === null)).toEqual([
    { from: 1, to: 2 },
    { from: 3, to: 4 },
  ]);
});

test("beats are counted a minute of readable signal", () => {
  expect(perMinute(bin(0, 60), "V")).toBe(12);
  expect(perMinute(bin(0, 60, { known_ms: 0 }), "V")).toBeNull();
  expect(perMinute(null, "V")).toBeNull();
});

test("the summary leaves out what could not be read", () => {
  const bins = [bin(0, 60), null, bin(20_000, 90), bin(30_000, null, { known_ms: 0 })];
  expect(summaryOf(bins, 40_000)).toEqual({
    low: 58,
    mean: 75,
    high: 93,
    ventricular: 6,
    supraventricular: 3,
    known: 0.5,
  });
  expect(summaryOf([null], 10_000).mean).toBeNull();
});
