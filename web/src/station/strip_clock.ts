/**
 * Says which moment of a device's clock is drawn now. Pieces arrive about once a second and not
 * evenly, so a strip is shown with a delay, as long as the pieces of the last half minute needed.
 * The device's clock need not be right: only the time between arrivals counts.
 */

/** What is added to the longest wait, for the next one that is a little longer. */
const SPARE_MS = 300;
/** Longer waits are not smoothed out: then the sweep stops. */
const MOST_DELAY_MS = 6_000;
/** The delay of a strip that has only begun: a piece a second. */
const FIRST_DELAY_MS = 1_500;
/** Waits of this many arrivals count. */
const REMEMBERED = 30;
/** A delay that is longer than needed by this much is shortened, which makes the strip jump once. */
const TOO_LONG_MS = 2_000;
/** After this long without anything new, a strip is stale. The sweep has stopped before. */
export const STALE_MS = 5_000;

export class StripClock {
  /** Device time = time of this computer - offset. */
  private offsetMs = Number.NaN;
  private newestMs = Number.NEGATIVE_INFINITY;
  private arrivedAtMs = Number.NEGATIVE_INFINITY;
  private waitsMs: number[] = [];

  /** Samples up to `newestMs` by the device's clock are there. Return whether the strip jumps. */
  arrived(newestMs: number, nowMs: number): boolean {
    if (newestMs <= this.newestMs) return false;
    const isFirst = Number.isNaN(this.offsetMs);
    // How far behind the device's end the drawing had to be, not to run out of samples just before.
    const waitMs = nowMs - this.newestMs;
    this.newestMs = newestMs;
    this.arrivedAtMs = nowMs;
    if (isFirst) return this.set(nowMs - newestMs + FIRST_DELAY_MS);
    this.waitsMs = [...this.waitsMs, waitMs].slice(-REMEMBERED);
    const needed = Math.max(...this.waitsMs) + SPARE_MS;
    if (waitMs > this.offsetMs) {
      return this.set(Math.min(waitMs + SPARE_MS, nowMs - newestMs + MOST_DELAY_MS));
    }
    const isSettled = this.waitsMs.length === REMEMBERED;
    return isSettled && this.offsetMs - needed > TOO_LONG_MS ? this.set(needed) : false;
  }

  /** The device's time that is at the cursor, which may be later than the newest sample. */
  shownMs(nowMs: number): number {
    return nowMs - this.offsetMs;
  }

  /** How long there has been nothing new. */
  silentMs(nowMs: number): number {
    return nowMs - this.arrivedAtMs;
  }

  private set(offsetMs: number): boolean {
    this.offsetMs = offsetMs;
    this.waitsMs = [];
    return true;
  }
}
