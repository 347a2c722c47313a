import { expect, test } from "vitest";
import { STALE_MS, StripClock } from "./strip_clock";

/** A device whose clock is an hour behind sends a second each second, up to a second late. */
const BEHIND_MS = 3_600_000;

function feed(clock: StripClock, fromS: number, seconds: number, lateMs: (s: number) => number) {
  let jumps = 0;
  let outOfSamples = 0;
  for (let second = fromS; second < fromS + seconds; second++) {
    const now = second * 1000 + lateMs(second);
    if (clock.shownMs(now) > (second - 1) * 1000 - BEHIND_MS) outOfSamples++;
    if (clock.arrived(second * 1000 - BEHIND_MS, now)) jumps++;
  }
  return { jumps, outOfSamples };
}

test("a strip that comes evenly is drawn without a jump, with little delay", () => {
  const clock = new StripClock();
  expect(feed(clock, 0, 120, () => 40)).toEqual({ jumps: 1, outOfSamples: 0 });
  const delay = 119_040 - BEHIND_MS - clock.shownMs(119_040);
  expect(delay).toBeLessThan(2_000);
});

test("the delay grows with the longest wait, once", () => {
  const clock = new StripClock();
  feed(clock, 0, 10, () => 0);
  const uneven = feed(clock, 10, 120, (second) => (second % 10 === 9 ? 2_500 : 0));
  expect(uneven.jumps).toBe(1);
  expect(uneven.outOfSamples).toBeLessThanOrEqual(2);
});

test("after a break the strip goes on soon after the newest sample", () => {
  const clock = new StripClock();
  feed(clock, 0, 10, () => 0);
  feed(clock, 70, 1, () => 0);
  const delay = 70_000 - BEHIND_MS - clock.shownMs(70_000);
  expect(delay).toBeLessThanOrEqual(6_000);
  // It is shortened once half a minute has shown that less is enough.
  feed(clock, 71, 60, () => 0);
  expect(130_000 - BEHIND_MS - clock.shownMs(130_000)).toBeLessThan(2_000);
});

test("a strip is stale some seconds after its last new sample", () => {
  const clock = new StripClock();
  clock.arrived(0, 1_000);
  clock.arrived(0, 9_000);
  expect(clock.silentMs(5_900)).toBeLessThan(STALE_MS);
  expect(clock.silentMs(6_000)).toBeGreaterThanOrEqual(STALE_MS);
});
