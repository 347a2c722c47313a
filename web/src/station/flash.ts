/**
 * The one clock of all alarm lights. It is the time of day, so that lights of all screens of a ward
 * flash together.
 *
 * IEC 60601-1-8 asks for 1.4 to 2.8 Hz at high priority and 0.4 to 0.8 Hz at medium; 2 Hz stays
 * under the three flashes a second of WCAG 2.3.1. Low priority is steady.
 */
export const HIGH_HZ = 2;
export const MEDIUM_HZ = 0.6;

/** Lit for the first half of each period. */
export function isLit(hz: number, ms: number): boolean {
  const periodMs = 1000 / hz;
  return ms % periodMs < periodMs / 2;
}

/** Which lights are on at a moment: `high`, `medium`, both, or none, as a CSS class list. */
export function litAt(ms: number): string {
  const lit = [isLit(HIGH_HZ, ms) ? "lit-high" : "", isLit(MEDIUM_HZ, ms) ? "lit-medium" : ""];
  return lit.filter((name) => name !== "").join(" ");
}
