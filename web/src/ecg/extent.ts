/** What a picture needs to know of a lead: its middle, how far it reaches, where its gaps are. */
import type { Span } from "./span";

export interface Extent {
  /** The median, in mV: where the baseline is drawn. */
  readonly centre: number;
  /** How far the lead reaches over and under its centre, in mV, both 0 or more. */
  readonly up: number;
  readonly down: number;
}

/** Enough values for a median of minutes. */
const MOST_VALUES = 20_000;
/** Of long recordings, single spikes of an artefact do not push the rows apart. */
const SHORT = 30_000;
const TAIL = 0.001;

export function extentOf(samples: Float32Array): Extent {
  const step = Math.max(1, Math.floor(samples.length / MOST_VALUES));
  const values = samples.filter((value, at) => at % step === 0 && Number.isFinite(value)).sort();
  if (values.length === 0) return { centre: 0, up: 0, down: 0 };
  const at = (part: number) => values[Math.round(part * (values.length - 1))] ?? 0;
  const centre = at(0.5);
  const tail = samples.length > SHORT ? TAIL : 0;
  return { centre, up: at(1 - tail) - centre, down: centre - at(tail) };
}

/** Shorter runs of missing samples are drawn as a break in the line, without a hatch. */
const LEAST_GAP_S = 0.02;

/** Return the spans without samples. */
export function gapsOf(samples: Float32Array, fs: number): Span[] {
  const gaps: Span[] = [];
  let start = -1;
  for (let at = 0; at <= samples.length; at++) {
    const missing = at < samples.length && Number.isNaN(samples[at]);
    if (missing && start < 0) start = at;
    if (!missing && start >= 0) {
      if (at - start >= LEAST_GAP_S * fs) gaps.push({ fromS: start / fs, toS: at / fs });
      start = -1;
    }
  }
  return gaps;
}
