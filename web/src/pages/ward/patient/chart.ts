/** Where things are on the trends: a pure function of time, values and width. Lengths are CSS px. */
import type { TrendBin } from "../../../station/api";
import { perMinute, type Run } from "./trend_bins";

export const LEFT = 96;
const RIGHT = 12;
export const SIGNAL = { top: 4, height: 12 } as const;
export const LANE_PX = 18;
export const LANES_TOP = 20;
/** Over each plot its name is written. */
export const NAME_PX = 20;
export const RATE_TOP = LANES_TOP + 3 * LANE_PX + NAME_PX;
const RATE_PX = 100;
const BEATS_PX = 44;
const AXIS_PX = 24;

export interface Chart {
  readonly width: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly binMs: number;
  /** Of the plot of rates. */
  readonly ratePx: number;
  /** The least and the greatest rate of the axis. */
  readonly rates: readonly [number, number];
  /** The most beats a minute of the axis. */
  readonly mostBeats: number;
}

export interface Wanted {
  readonly width: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly binMs: number;
  readonly isTall: boolean;
  /** Limits of the rate, which are seen, too. */
  readonly limits: readonly number[];
}

const RATE_STEP = 20;
const USUAL_RATES = [40, 120] as const;
const BEAT_STEPS = [5, 10, 20, 40, 60, 100, 200, 400] as const;

export function chartOf(bins: readonly (TrendBin | null)[], wanted: Wanted): Chart {
  const rates = bins.flatMap((bin) => [bin?.rate_low ?? null, bin?.rate_high ?? null]);
  const known = [...rates.filter((rate) => rate !== null), ...wanted.limits, ...USUAL_RATES];
  const least = Math.floor(Math.min(...known) / RATE_STEP) * RATE_STEP;
  const most = Math.ceil(Math.max(...known) / RATE_STEP) * RATE_STEP;
  const beats = bins.map((bin) => (perMinute(bin, "V") ?? 0) + (perMinute(bin, "S") ?? 0));
  const highest = Math.max(0, ...beats);
  const { width, fromMs, toMs, binMs, isTall } = wanted;
  return {
    width,
    fromMs,
    toMs,
    binMs,
    ratePx: isTall ? 2 * RATE_PX : RATE_PX,
    rates: [least, most],
    mostBeats: BEAT_STEPS.find((each) => each >= highest) ?? Math.ceil(highest),
  };
}

function rateBottom({ ratePx }: Chart): number {
  return RATE_TOP + ratePx;
}

export function beatsTop(chart: Chart): number {
  return rateBottom(chart) + NAME_PX;
}

export function beatsBottom(chart: Chart): number {
  return beatsTop(chart) + BEATS_PX;
}

export function heightOf(chart: Chart): number {
  return beatsBottom(chart) + AXIS_PX;
}

export function xOf({ width, fromMs, toMs }: Chart, ms: number): number {
  return LEFT + ((ms - fromMs) / (toMs - fromMs)) * (width - LEFT - RIGHT);
}

export function msAt({ width, fromMs, toMs }: Chart, x: number): number {
  const part = (x - LEFT) / Math.max(1, width - LEFT - RIGHT);
  return fromMs + Math.min(1, Math.max(0, part)) * (toMs - fromMs);
}

export function yOfRate(chart: Chart, rate: number): number {
  const [least, most] = chart.rates;
  return rateBottom(chart) - ((rate - least) / (most - least)) * chart.ratePx;
}

export function yOfBeats(chart: Chart, beats: number): number {
  return beatsBottom(chart) - (Math.min(beats, chart.mostBeats) / chart.mostBeats) * BEATS_PX;
}

/** Whole multiples of the step between the ends of the axis. */
export function rateTicks({ rates: [least, most] }: Chart): number[] {
  const step = most - least > 160 ? 2 * RATE_STEP : RATE_STEP;
  const count = Math.floor((most - least) / step);
  return Array.from({ length: count + 1 }, (_, at) => least + at * step);
}

/** Times that a person counts by, in minutes, and how far apart they are at least. */
const TIME_STEPS_MIN = [5, 10, 15, 30, 60, 120, 180, 240, 360] as const;
const LEAST_STEP_PX = 90;
const MINUTE_MS = 60_000;

/** Return whole times of the person's own clock. */
export function timeTicks(chart: Chart): number[] {
  const { fromMs, toMs } = chart;
  const pxPerMs = (chart.width - LEFT - RIGHT) / (toMs - fromMs);
  const minutes =
    TIME_STEPS_MIN.find((each) => each * MINUTE_MS * pxPerMs >= LEAST_STEP_PX) ??
    TIME_STEPS_MIN.at(-1) ??
    1;
  const stepMs = minutes * MINUTE_MS;
  const zoneMs = new Date(fromMs).getTimezoneOffset() * MINUTE_MS;
  const ticks: number[] = [];
  for (let ms = Math.ceil((fromMs - zoneMs) / stepMs) * stepMs + zoneMs; ms < toMs; ms += stepMs) {
    ticks.push(ms);
  }
  return ticks;
}

type Rates = readonly (readonly [x: number, low: number, mean: number, high: number])[];

/** The runs of bins with a rate: a line breaks where there is none. */
function ratesOf(chart: Chart, bins: readonly (TrendBin | null)[], runs: readonly Run[]): Rates[] {
  return runs.map(({ from, to }) =>
    bins.slice(from, to).flatMap((bin) => {
      const { rate_low: low, rate_mean: mean, rate_high: high } = bin ?? {};
      if (bin === null || low == null || mean == null || high == null) return [];
      return [[xOf(chart, bin.start_ms + chart.binMs / 2), low, mean, high] as const];
    }),
  );
}

export interface RatePaths {
  readonly line: string;
  readonly band: string;
}

export function ratePaths(
  chart: Chart,
  bins: readonly (TrendBin | null)[],
  runs: readonly Run[],
): RatePaths {
  let [line, band] = ["", ""];
  const at = (x: number, rate: number) => `${x.toFixed(1)} ${yOfRate(chart, rate).toFixed(1)}`;
  for (const points of ratesOf(chart, bins, runs)) {
    if (points.length === 0) continue;
    // A value alone is a dot of the line's round end.
    line += points.map(([x, , mean], index) => `${index === 0 ? "M" : "L"}${at(x, mean)}`).join("");
    if (points.length === 1) line += "h0.01";
    const upper = points.map(([x, , , high]) => at(x, high));
    const lower = [...points].reverse().map(([x, low]) => at(x, low));
    band += `M${[...upper, ...lower].join("L")}Z`;
  }
  return { line, band };
}

const HATCH_PX = 7;

/** Slanted lines over a box. */
export function hatchPath(left: number, right: number, top: number, bottom: number): string {
  const height = bottom - top;
  let path = "";
  for (let start = left - height; start < right; start += HATCH_PX) {
    const from = Math.max(left, start);
    const to = Math.min(right, start + height);
    if (to <= from) continue;
    path += `M${from.toFixed(1)} ${(bottom - (from - start)).toFixed(1)}`;
    path += `L${to.toFixed(1)} ${(bottom - (to - start)).toFixed(1)}`;
  }
  return path;
}
