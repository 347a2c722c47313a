/** The hours of a patient in bins, as they are drawn: one for each time, null where nothing was found. */
import type { TrendBin } from "../../../station/api";

/** What was read. */
export interface Bins {
  readonly patient: string;
  readonly binMs: number;
  readonly found: readonly TrendBin[];
  readonly archived: boolean;
}

/** Return a bin for each time; of several sources the one that could be read for longest. */
export function binsOf(
  found: readonly TrendBin[],
  fromMs: number,
  toMs: number,
  binMs: number,
): (TrendBin | null)[] {
  const bins = new Array<TrendBin | null>(Math.round((toMs - fromMs) / binMs)).fill(null);
  for (const bin of found) {
    const at = Math.floor((bin.start_ms - fromMs) / binMs);
    const other = bins[at];
    if (other === undefined) continue;
    if (other === null || bin.known_ms > other.known_ms) bins[at] = bin;
  }
  return bins;
}

export interface Run {
  /** The first place, and that after the last. */
  readonly from: number;
  readonly to: number;
}

/** Return the runs of places of which something holds. */
export function runsOf<T>(values: readonly T[], holds: (value: T) => boolean): Run[] {
  const runs: Run[] = [];
  let from = -1;
  for (let at = 0; at <= values.length; at++) {
    const is = at < values.length && holds(values[at] as T);
    if (is && from < 0) from = at;
    if (!is && from >= 0) {
      runs.push({ from, to: at });
      from = -1;
    }
  }
  return runs;
}

/** Beats of a class a minute of readable signal; null where there is none. */
export function perMinute(bin: TrendBin | null, label: "S" | "V"): number | null {
  if (bin === null || bin.known_ms === 0) return null;
  return (bin.beats[label] * 60_000) / bin.known_ms;
}

export interface Summary {
  readonly low: number | null;
  readonly mean: number | null;
  readonly high: number | null;
  readonly ventricular: number;
  readonly supraventricular: number;
  /** Share of the time with a signal that could be read. */
  readonly known: number;
}

/** Say in numbers what is drawn. `ms` is the time that has passed of it. */
export function summaryOf(bins: readonly (TrendBin | null)[], ms: number): Summary {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [sum, weight, known, ventricular, supraventricular] = [0, 0, 0, 0, 0];
  for (const bin of bins) {
    if (bin === null) continue;
    known += bin.known_ms;
    ventricular += bin.beats.V;
    supraventricular += bin.beats.S;
    if (bin.rate_mean === null) continue;
    sum += bin.rate_mean * bin.known_ms;
    weight += bin.known_ms;
    low = Math.min(low, bin.rate_low ?? low);
    high = Math.max(high, bin.rate_high ?? high);
  }
  const has = weight > 0;
  return {
    low: has ? low : null,
    mean: has ? sum / weight : null,
    high: has ? high : null,
    ventricular,
    supraventricular,
    known: Math.min(1, known / ms),
  };
}
