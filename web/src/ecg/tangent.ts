/**
 * The end of the T wave by the tangent method: where the tangent at the steepest part of the T
 * wave's last limb meets the baseline. Lepeschkin and Surawicz, The measurement of the Q-T interval
 * of the electrocardiogram, Circulation 1952;6:378-388.
 */

export interface Tangent {
  /** The end of T, in seconds. */
  readonly endS: number;
  /** The steepest point of the last limb. */
  readonly steepestS: number;
  readonly steepestMv: number;
  /** mV a second. */
  readonly slope: number;
  readonly baselineMv: number;
}

/** T is sought from here after R; QRS is over, save in very wide ones. */
const AFTER_R_S = 0.12;
/** The latest end of T: this part of an RR interval, or this long where the next beat is unknown. */
const MOST_OF_RR = 0.75;
const LATEST_S = 0.6;
/** The slope is that of a straight line through this long a piece. */
const SLOPE_S = 0.02;
/** The baseline is the mean of this long a piece before QRS. */
const BASELINE_S = 0.04;
/** A T wave that is lower than this is not measured. */
const LEAST_T_MV = 0.05;

/**
 * Return the tangent for one beat of a lead, or null where no T wave is seen. `onsetS` is the onset
 * of QRS, `nextS` the R of the next beat.
 */
export function tangentOf(
  samples: Float32Array,
  fs: number,
  onsetS: number,
  rS: number,
  nextS: number | null,
): Tangent | null {
  const baselineMv = meanOf(
    samples,
    Math.round((onsetS - BASELINE_S) * fs),
    Math.round(onsetS * fs),
  );
  const latestS = nextS === null ? rS + LATEST_S : rS + MOST_OF_RR * (nextS - rS);
  const first = Math.round((rS + AFTER_R_S) * fs);
  const last = Math.min(samples.length - 1, Math.round(latestS * fs));
  const peak = peakOf(samples, baselineMv, first, last);
  if (peak < 0) return null;
  const up = (samples[peak] as number) > baselineMv;
  const half = Math.max(1, Math.round((SLOPE_S / 2) * fs));
  let [steepest, slope] = [-1, 0];
  for (let at = peak; at <= last - half; at++) {
    const here = slopeAt(samples, fs, at, half);
    if (up ? here < slope : here > slope) [steepest, slope] = [at, here];
    // The limb ends where the line has come back to the baseline.
    const value = samples[at] as number;
    if (up ? value <= baselineMv : value >= baselineMv) break;
  }
  if (steepest < 0) return null;
  const steepestMv = samples[steepest] as number;
  const endS = steepest / fs + (baselineMv - steepestMv) / slope;
  return { endS, steepestS: steepest / fs, steepestMv, slope, baselineMv };
}

function meanOf(samples: Float32Array, from: number, to: number): number {
  let [sum, count] = [0, 0];
  for (let at = Math.max(0, from); at <= Math.min(to, samples.length - 1); at++) {
    const value = samples[at] as number;
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count === 0 ? Number.NaN : sum / count;
}

/** The sample that is furthest from the baseline, or -1 where none is far enough. */
function peakOf(samples: Float32Array, baselineMv: number, first: number, last: number): number {
  let [peak, furthest] = [-1, LEAST_T_MV];
  for (let at = first; at <= last; at++) {
    const away = Math.abs((samples[at] as number) - baselineMv);
    if (away > furthest) [peak, furthest] = [at, away];
  }
  return peak;
}

/** The slope (mV/s) of the least-squares line through the samples around one. */
function slopeAt(samples: Float32Array, fs: number, at: number, half: number): number {
  let [products, squares] = [0, 0];
  for (let away = -half; away <= half; away++) {
    products += away * (samples[at + away] ?? Number.NaN);
    squares += away * away;
  }
  return (products / squares) * fs;
}
