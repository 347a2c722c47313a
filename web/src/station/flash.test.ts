import { expect, test } from "vitest";
import { HIGH_HZ, isLit, litAt, MEDIUM_HZ } from "./flash";

test.each([
  ["high", HIGH_HZ, 1.4, 2.8],
  ["medium", MEDIUM_HZ, 0.4, 0.8],
])(
  "%s priority flashes as often as the standard asks, half of the time on",
  (_, hz, least, most) => {
    const seconds = 60;
    const steps = Array.from({ length: seconds * 1000 }, (_, ms) => isLit(hz, ms));
    const starts = steps.filter((lit, at) => lit && !steps[at - 1]).length;
    expect(starts / seconds).toBeGreaterThanOrEqual(least);
    expect(starts / seconds).toBeLessThanOrEqual(most);
    expect(steps.filter((lit) => lit).length / steps.length).toBeCloseTo(0.5, 1);
  },
);

test("all lights hang on the time of day", () => {
  expect(litAt(0)).toBe("lit-high lit-medium");
  expect(litAt(300)).toBe("lit-medium");
  expect(litAt(900)).toBe("");
  expect(litAt(1_764_000_000_000)).toBe(litAt(1_764_000_010_000));
});
