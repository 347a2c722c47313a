/**
 * Filters for the screen, without a phase shift: forwards and backwards, as scipy.signal.filtfilt.
 * Measurements never see them.
 */

export const FILTERS = ["off", "0.05-150", "0.05-40"] as const;
export const NOTCHES = ["off", "50", "60"] as const;
export type FilterName = (typeof FILTERS)[number];
export type MainsNotch = (typeof NOTCHES)[number];

/** One second-order section: b and a as in the difference equation, a0 = 1. */
interface Section {
  readonly b: readonly [number, number, number];
  readonly a: readonly [number, number];
}

const HIGH_PASS_HZ = 0.05;
const LOW_PASS_HZ: Readonly<Record<Exclude<FilterName, "off">, number>> = {
  "0.05-150": 150,
  "0.05-40": 40,
};
/** Each way. A Butterworth filter of the second order has this quality. */
const BUTTERWORTH_Q = Math.SQRT1_2;
/** A notch of 50/30 Hz width at half power. */
const NOTCH_Q = 30;
/** A cut-off above this part of the sampling rate would be distorted, and is left out. */
const MOST_OF_RATE = 0.45;

/** Return the samples as the filters show them; gaps stay NaN. The same array where nothing is on. */
export function filtered(
  samples: Float32Array,
  fs: number,
  filter: FilterName,
  notch: MainsNotch,
): Float32Array {
  const sections = sectionsOf(fs, filter, notch);
  const filled = sections.length === 0 ? null : withoutGaps(samples);
  if (filled === null) return samples;
  let values = filled;
  for (const section of sections) values = bothWays(values, section.section, section.edge);
  return samples.map((value, at) => (Number.isNaN(value) ? value : (values[at] as number)));
}

interface Padded {
  readonly section: Section;
  /** Samples of mirrored signal at both ends, for the filter to settle. */
  readonly edge: number;
}

function sectionsOf(fs: number, filter: FilterName, notch: MainsNotch): Padded[] {
  const sections: Padded[] = [];
  const add = (hz: number, make: (hz: number, fs: number) => Section, settlesS: number) => {
    if (hz < MOST_OF_RATE * fs)
      sections.push({ section: make(hz, fs), edge: Math.ceil(settlesS * fs) });
  };
  if (filter !== "off") {
    // Three periods of the cut-off.
    add(HIGH_PASS_HZ, highPass, 3 / HIGH_PASS_HZ);
    add(LOW_PASS_HZ[filter], lowPass, 3 / LOW_PASS_HZ[filter]);
  }
  if (notch !== "off") add(Number(notch), notchAt, (3 * NOTCH_Q) / Number(notch));
  return sections;
}

/** Sections from the Audio EQ Cookbook (Bristow-Johnson), by the bilinear transform. */
function lowPass(hz: number, fs: number): Section {
  const { cos, alpha } = angles(hz, fs, BUTTERWORTH_Q);
  return divided([(1 - cos) / 2, 1 - cos, (1 - cos) / 2], cos, alpha);
}

function highPass(hz: number, fs: number): Section {
  const { cos, alpha } = angles(hz, fs, BUTTERWORTH_Q);
  return divided([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], cos, alpha);
}

function notchAt(hz: number, fs: number): Section {
  const { cos, alpha } = angles(hz, fs, NOTCH_Q);
  return divided([1, -2 * cos, 1], cos, alpha);
}

function angles(hz: number, fs: number, quality: number) {
  const angle = (2 * Math.PI * hz) / fs;
  return { cos: Math.cos(angle), alpha: Math.sin(angle) / (2 * quality) };
}

function divided(b: readonly [number, number, number], cos: number, alpha: number): Section {
  const a0 = 1 + alpha;
  return { b: [b[0] / a0, b[1] / a0, b[2] / a0], a: [(-2 * cos) / a0, (1 - alpha) / a0] };
}

/** Gaps bridged by straight lines, so that the filter does not ring at their edges. */
function withoutGaps(samples: Float32Array): Float64Array | null {
  const values = Float64Array.from(samples);
  let last = -1;
  for (let at = 0; at < values.length; at++) {
    if (Number.isNaN(values[at])) continue;
    const [from, to] = [last < 0 ? values[at] : values[last], values[at]] as [number, number];
    for (let gap = last + 1; gap < at; gap++) {
      values[gap] = from + ((to - from) * (gap - last)) / (at - last);
    }
    last = at;
  }
  if (last < 0) return null;
  values.fill(values[last] as number, last + 1);
  return values;
}

/** Filter forwards and backwards, over odd mirror images of both ends. */
function bothWays(values: Float64Array, section: Section, edge: number): Float64Array {
  const pad = Math.min(edge, values.length - 1);
  const padded = new Float64Array(values.length + 2 * pad);
  const [first, last] = [values[0] ?? 0, values.at(-1) ?? 0];
  for (let at = 0; at < pad; at++) {
    padded[at] = 2 * first - (values[pad - at] as number);
    padded[padded.length - 1 - at] = 2 * last - (values[values.length - 1 - pad + at] as number);
  }
  padded.set(values, pad);
  run(padded, section);
  padded.reverse();
  run(padded, section);
  padded.reverse();
  return padded.subarray(pad, pad + values.length);
}

/** Filter in place, begun in the steady state of the first value. */
function run(values: Float64Array, { b, a }: Section): void {
  const first = values[0] ?? 0;
  const steady = (b[0] + b[1] + b[2]) / (1 + a[0] + a[1]);
  let two = first * (b[2] - a[1] * steady);
  let one = first * (b[1] - a[0] * steady) + two;
  for (let at = 0; at < values.length; at++) {
    const x = values[at] as number;
    const y = b[0] * x + one;
    one = b[1] * x - a[0] * y + two;
    two = b[2] * x - a[1] * y;
    values[at] = y;
  }
}
