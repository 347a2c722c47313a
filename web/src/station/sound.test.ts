import { expect, test } from "vitest";
import { BURSTS, mostUrgent, SoundClock } from "./sound";

test("a burst has ten notes at high priority, three at medium, and ends before the next", () => {
  expect([BURSTS.high.notes.length, BURSTS.medium.notes.length]).toEqual([10, 3]);
  for (const { notes, everyS } of Object.values(BURSTS)) {
    const ends = notes.map(({ atS, lastsS }) => atS + lastsS);
    expect(notes.slice(1).every(({ atS }, at) => atS > (ends[at] ?? 0))).toBe(true);
    expect(Math.max(...ends)).toBeLessThan(everyS);
    expect(notes.every(({ hz }) => hz >= 150 && hz <= 1000)).toBe(true);
  }
});

test("the most urgent alarm is heard, at once, and again after its interval", () => {
  const clock = new SoundClock();
  expect(mostUrgent(["low", "high", "medium"])).toBe("high");
  expect(mostUrgent([])).toBeNull();
  expect(clock.next("low", 0)).toBe("low");
  expect(clock.next("low", 5)).toBeNull();
  expect(clock.next("high", 6)).toBe("high");
  expect(clock.next("high", 7)).toBeNull();
  expect(clock.next("medium", 8)).toBeNull();
  expect(clock.next("high", 14)).toBe("high");
  expect(clock.next(null, 15)).toBeNull();
  expect(clock.next("low", 16)).toBe("low");
});
