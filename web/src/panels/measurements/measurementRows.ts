/** The measurements as rows of a table, with the place of each value in its reference range. */
import type { Measurements } from "../../api/answer";
import { number, words } from "../../i18n";
import { worded } from "../findings/facts";
import { type ByHand, withCorrectedQt } from "./byHand";
import { rangeText } from "./outside";

export interface MeasurementRow {
  readonly name: string;
  readonly shownName: string;
  readonly value: string;
  readonly unit: string;
  readonly plusMinus: string;
  readonly isOutside: boolean;
  readonly isByHand: boolean;
  /** Share of the track at which the value is, the range from RANGE_START to RANGE_END; null without one. */
  readonly place: number | null;
  /** The range with its source; empty without one. */
  readonly rangeNote: string;
}

export const RANGE_START = 0.3;
export const RANGE_END = 0.7;
/** Marks stay this far from the ends of the track. */
const MARGIN = 0.05;
/** In this order; those after FIRST_ROWS are shown on demand. */
const ORDER = [
  "heart_rate_bpm",
  "pr_ms",
  "qrs_ms",
  "qt_ms",
  "qtc_fridericia_ms",
  "qtc_bazett_ms",
  "qrs_axis_deg",
  "t_axis_deg",
  "p_axis_deg",
  "p_duration_ms",
  "rr_ms",
  "qtc_framingham_ms",
  "qtc_hodges_ms",
  "sdnn_ms",
  "rmssd_ms",
] as const;
export const FIRST_ROWS = 8;

export function measurementRows(
  measured: Measurements,
  byHand: ByHand = {},
): readonly MeasurementRow[] {
  const manual = withCorrectedQt(byHand, measured);
  return ORDER.map((name) => row(name, measured, manual[name]));
}

function row(
  name: (typeof ORDER)[number],
  measured: Measurements,
  byHand: number | undefined,
): MeasurementRow {
  const value = byHand ?? measured[name];
  const unit = unitOf(name);
  const found = measured.reference_ranges[name];
  const range = found === undefined ? undefined : [found.low, found.high];
  const uncertainty = byHand === undefined ? (measured.uncertainty_ms[name] ?? null) : null;
  const said = words.value;
  return {
    name,
    shownName: worded(said.clinical.measurements, name),
    value: number(value),
    unit: value === null ? "" : unit,
    plusMinus: uncertainty === null ? "" : number(uncertainty),
    isOutside: range !== undefined && value !== null && !isWithin(value, range),
    isByHand: byHand !== undefined,
    place: range === undefined || value === null ? null : placeOf(value, range),
    rangeNote:
      found === undefined || range === undefined
        ? ""
        : said.panels.rangeFrom(rangeText(range, unit), found.source),
  };
}

export function unitOf(name: string): string {
  if (name.endsWith("_ms")) return "ms";
  return name.endsWith("_deg") ? "°" : "/min";
}

function isWithin(value: number, range: readonly (number | null)[]): boolean {
  const [low, high] = [range[0] ?? null, range[1] ?? null];
  return (low === null || value >= low) && (high === null || value <= high);
}

/** A range with one bound begins or ends at 0, as all of them are of positive values. */
export function placeOf(value: number, range: readonly (number | null)[]): number {
  const low = range[0] ?? 0;
  const high = range[1] ?? 2 * low;
  const share = (value - low) / (high - low);
  const place = RANGE_START + (RANGE_END - RANGE_START) * share;
  return Math.min(Math.max(place, MARGIN), 1 - MARGIN);
}
