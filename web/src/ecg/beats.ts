/** Waves of beats as moments that a caliper can snap to, and what an interval between two is called. */

/** A beat's waves in seconds of the recording. */
export interface Beat {
  readonly r: number;
  readonly pOnset: number | null;
  readonly pOffset: number | null;
  readonly qrsOnset: number | null;
  readonly qrsOffset: number | null;
  readonly tOffset: number | null;
}

export type Wave = keyof Beat;

export const WAVES: readonly Wave[] = [
  "pOnset",
  "pOffset",
  "qrsOnset",
  "r",
  "qrsOffset",
  "tOffset",
];

export interface Moment {
  readonly second: number;
  readonly wave: Wave;
  /** The beat's index. */
  readonly beat: number;
}

/** Return the wave nearest to a second, within a reach; null where there is none. */
export function nearestMoment(
  beats: readonly Beat[],
  second: number,
  reachS: number,
): Moment | null {
  let nearest: Moment | null = null;
  let least = reachS;
  for (const [beat, waves] of beats.entries()) {
    for (const wave of WAVES) {
      const at = waves[wave];
      if (at === null || Math.abs(at - second) > least) continue;
      least = Math.abs(at - second);
      nearest = { second: at, wave, beat };
    }
  }
  return nearest;
}

export type IntervalName = "RR" | "PR" | "QRS" | "QT" | "P";

/** Waves of one beat whose distance has a name. */
const OF_ONE_BEAT: readonly (readonly [Wave, Wave, IntervalName])[] = [
  ["pOnset", "qrsOnset", "PR"],
  ["pOnset", "pOffset", "P"],
  ["qrsOnset", "qrsOffset", "QRS"],
  ["qrsOnset", "tOffset", "QT"],
];
/** Half a sample at 250 Hz: a caliper that was snapped is this near to its wave. */
const SAME_S = 0.002;

/** Return what the interval between two seconds is called, or null where it is just a distance. */
export function intervalName(
  beats: readonly Beat[],
  fromS: number,
  toS: number,
): IntervalName | null {
  const [first, second] = fromS < toS ? [fromS, toS] : [toS, fromS];
  const is = (at: number | null | undefined, wanted: number) =>
    at !== null && at !== undefined && Math.abs(at - wanted) <= SAME_S;
  for (const [index, beat] of beats.entries()) {
    if (is(beat.r, first) && is(beats[index + 1]?.r, second)) return "RR";
    for (const [from, to, name] of OF_ONE_BEAT) {
      if (is(beat[from], first) && is(beat[to], second)) return name;
    }
  }
  return null;
}

/** Return the RR interval (s) that ends at the beat of a moment, else the one that begins there. */
export function rrAt(beats: readonly Beat[], second: number): number | null {
  let at = -1;
  for (const [index, beat] of beats.entries()) {
    const from = beat.pOnset ?? beat.qrsOnset ?? beat.r;
    if (from <= second + SAME_S) at = index;
  }
  const [before, here, after] = [beats[at - 1], beats[at], beats[at + 1]];
  if (here === undefined) return null;
  if (before !== undefined) return here.r - before.r;
  return after === undefined ? null : after.r - here.r;
}
