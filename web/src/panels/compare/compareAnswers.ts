/** Two recordings of one patient: what is new, gone and the same, and what the measurements did. */
import type { Analysis, Measurements, RepresentativeBeat } from "../../api/answer";
import { number, words } from "../../i18n";
import { type BeatSheet, overlaidSheet } from "../beats/beatBoxes";
import { worded } from "../findings/facts";
import { type FindingRow, findingRows } from "../findings/findingRows";
import { unitOf } from "../measurements/measurementRows";
import { differenceOf, numberOf, signed } from "../measurements/reportedRows";

export interface ComparedMeasurement {
  readonly name: string;
  readonly shownName: string;
  readonly unit: string;
  readonly before: string;
  readonly after: string;
  readonly difference: string;
  /** The difference is larger than both uncertainties together. */
  readonly isBeyond: boolean;
}

export interface ComparedFindings {
  readonly appeared: readonly FindingRow[];
  readonly gone: readonly FindingRow[];
  readonly same: readonly FindingRow[];
}

export interface Comparison {
  /** Null where either recording is not judged: what nobody looked for is neither new nor gone. */
  readonly findings: ComparedFindings | null;
  readonly measurements: readonly ComparedMeasurement[];
}

const COMPARED = [
  "heart_rate_bpm",
  "pr_ms",
  "p_duration_ms",
  "qrs_ms",
  "qt_ms",
  "qtc_fridericia_ms",
  "qtc_bazett_ms",
  "p_axis_deg",
  "qrs_axis_deg",
  "t_axis_deg",
] as const;

export function compareAnswers(before: Analysis, after: Analysis): Comparison {
  return {
    findings: compareFindings(findingRows(before), findingRows(after)),
    measurements: COMPARED.map((name) =>
      compareMeasurement(name, before.measurements ?? null, after.measurements ?? null),
    ),
  };
}

/** Faults of the recordings are no change of the patient. */
function compareFindings(
  before: readonly FindingRow[] | null,
  after: readonly FindingRow[] | null,
): ComparedFindings | null {
  if (before === null || after === null) return null;
  const isOfHeart = (row: FindingRow) => row.severity !== "technical";
  const earlier = before.filter(isOfHeart);
  const later = after.filter(isOfHeart);
  const isIn = (row: FindingRow, rows: readonly FindingRow[]) =>
    rows.some((each) => each.key === row.key);
  return {
    appeared: later.filter((row) => !isIn(row, earlier)),
    gone: earlier.filter((row) => !isIn(row, later)),
    same: later.filter((row) => isIn(row, earlier)),
  };
}

function compareMeasurement(
  name: string,
  before: Measurements | null,
  after: Measurements | null,
): ComparedMeasurement {
  const earlier = before && numberOf(before, name);
  const later = after && numberOf(after, name);
  const difference = earlier === null || later === null ? null : differenceOf(later, earlier, name);
  const uncertainty = combined(
    before?.uncertainty_ms[name] ?? null,
    after?.uncertainty_ms[name] ?? null,
  );
  return {
    name,
    shownName: worded(words.value.clinical.measurements, name),
    unit: unitOf(name),
    before: number(earlier),
    after: number(later),
    difference: difference === null ? "" : signed(difference),
    isBeyond: difference !== null && uncertainty !== null && Math.abs(difference) > uncertainty,
  };
}

/** Of two independent values; null if either is unknown. */
function combined(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : Math.hypot(one, other);
}

/** Both mean beats about their R peaks, at one gain; null where either has none. */
export function comparedBeats(before: Analysis, after: Analysis): BeatSheet | null {
  const beats: readonly (RepresentativeBeat | null | undefined)[] = [
    before.representative_beat,
    after.representative_beat,
  ];
  const [earlier, later] = beats;
  return earlier && later ? overlaidSheet(earlier, later) : null;
}
