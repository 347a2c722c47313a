/** Marching out: an interval repeated over a strip, and how far each real beat is from it. */
import type { Beat } from "./beats";
import type { Span } from "./span";

export interface Deviation {
  readonly second: number;
  /** Milliseconds after the nearest step; negative before it. */
  readonly ms: number;
}

/** Shorter than this nothing is repeated: ticks would fill the strip. */
const LEAST_INTERVAL_S = 0.1;

/** Return the repeated moments between two seconds, in order. */
export function steps({ fromS, toS }: Span, within: Span): number[] {
  const interval = Math.abs(toS - fromS);
  if (interval < LEAST_INTERVAL_S) return [];
  const start = Math.min(fromS, toS);
  const first = Math.ceil((within.fromS - start) / interval);
  const last = Math.floor((within.toS - start) / interval);
  return Array.from(
    { length: Math.max(0, last - first + 1) },
    (_, at) => start + (first + at) * interval,
  );
}

/** Return how far each beat's R is from the nearest repeated moment. */
export function deviations({ fromS, toS }: Span, beats: readonly Beat[]): Deviation[] {
  const interval = Math.abs(toS - fromS);
  if (interval < LEAST_INTERVAL_S) return [];
  const start = Math.min(fromS, toS);
  return beats.map(({ r }) => {
    const nearest = start + Math.round((r - start) / interval) * interval;
    return { second: r, ms: (r - nearest) * 1000 };
  });
}

/** Return the interval to begin with where none was measured: the median RR, from the first beat. */
export function medianInterval(beats: readonly Beat[]): Span | null {
  const intervals = beats.slice(1).map((beat, at) => beat.r - (beats[at]?.r ?? 0));
  const median = intervals.sort((a, b) => a - b)[Math.floor(intervals.length / 2)];
  const first = beats[0];
  if (median === undefined || first === undefined) return null;
  return { fromS: first.r, toS: first.r + median };
}
