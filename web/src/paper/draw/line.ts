/** A lead's line: every sample when they are few, else smallest and largest of each pixel. */
import { levelFor, type Pyramid } from "../../ecg/pyramid";
import type { Context } from "./grid";

/** How a lead's samples become device pixels. */
export interface Scale {
  readonly fs: number;
  readonly pxPerS: number;
  /** Negative for a lead that is turned over. */
  readonly pxPerMv: number;
  /** The voltage at y = 0. */
  readonly centre: number;
}

/** The part of a line that is drawn, and where. */
export interface Stretch {
  /** Pixels of the lead's own time, 0 at its first sample. */
  readonly from: number;
  readonly to: number;
  /** The x of `from`, and the y of the lead's centre. */
  readonly at: number;
  readonly baseline: number;
}

/** Samples a pixel up to which each one is drawn. */
const FEW = 2;

/** Add a stretch of a lead's line to the context's path. */
export function addLine(context: Context, pyramid: Pyramid, scale: Scale, stretch: Stretch): void {
  const samplesPerPixel = scale.fs / scale.pxPerS;
  if (samplesPerPixel <= FEW) addSamples(context, pyramid, scale, stretch);
  else addExtremes(context, pyramid, scale, stretch);
}

function addSamples(
  context: Context,
  pyramid: Pyramid,
  scale: Scale,
  { from, to, at, baseline }: Stretch,
): void {
  const samples = (pyramid[0] as Pyramid[number]).min;
  const perSample = scale.pxPerS / scale.fs;
  // One sample more at both ends, so that the line reaches the edges.
  const first = Math.max(0, Math.floor(from / perSample) - 1);
  const last = Math.min(samples.length - 1, Math.ceil(to / perSample) + 1);
  let broken = true;
  for (let index = first; index <= last; index++) {
    const value = samples[index] as number;
    if (Number.isNaN(value)) {
      broken = true;
      continue;
    }
    const x = at + index * perSample - from;
    const y = baseline - (value - scale.centre) * scale.pxPerMv;
    if (broken) context.moveTo(x, y);
    else context.lineTo(x, y);
    broken = false;
  }
}

function addExtremes(
  context: Context,
  pyramid: Pyramid,
  scale: Scale,
  { from, to, at, baseline }: Stretch,
): void {
  const samplesPerPixel = scale.fs / scale.pxPerS;
  const { size, min, max } = levelFor(pyramid, samplesPerPixel);
  const perPixel = samplesPerPixel / size;
  const first = Math.max(0, Math.floor(from) - 1);
  const last = Math.min(Math.ceil((min.length * size) / samplesPerPixel), Math.ceil(to) + 1);
  let broken = true;
  let before = 0;
  for (let pixel = first; pixel < last; pixel++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    let lowAt = 0;
    let highAt = 0;
    const end = Math.min(min.length, Math.floor((pixel + 1) * perPixel));
    for (let block = Math.floor(pixel * perPixel); block < end; block++) {
      const less = min[block] as number;
      const more = max[block] as number;
      if (less < low) {
        low = less;
        lowAt = block;
      }
      if (more > high) {
        high = more;
        highAt = block;
      }
    }
    if (low > high) {
      broken = true;
      continue;
    }
    const x = at + pixel + 0.5 - from;
    const top = baseline - (high - scale.centre) * scale.pxPerMv;
    const bottom = baseline - (low - scale.centre) * scale.pxPerMv;
    // In the order of time; within one block, from the end nearer to the line so far.
    const topFirst =
      lowAt === highAt ? Math.abs(before - top) < Math.abs(before - bottom) : highAt < lowAt;
    const one = topFirst ? top : bottom;
    const two = topFirst ? bottom : top;
    if (broken) context.moveTo(x, one);
    else context.lineTo(x, one);
    if (two !== one) context.lineTo(x, two);
    else if (broken) context.lineTo(x + 0.5, two);
    before = two;
    broken = false;
  }
}
