/** Measurements outside their reference range, as findings where no other finding says so. */
import type { Analysis, Finding, Measurements } from "../../api/answer";
import { number, words } from "../../i18n";
import { worded } from "../findings/facts";
import type { FindingRow } from "../findings/findingRows";

type Flag = Measurements["flags"][number];

/** A flag is left out where one of these labels or findings says the same. */
const SAID_BY: Readonly<Record<string, readonly string[]>> = {
  pr_ms: ["1st_degree_atrioventricular_block", "1st degree atrioventricular block"],
  qrs_ms: [
    "Right bundle branch block",
    "Left bundle branch block",
    "Complete right bundle branch block",
    "Incomplete right bundle branch block",
    "Complete left bundle branch block",
    "Incomplete left bundle branch block",
    "Intraventricular conduction disturbance",
    "Bifascicular block",
  ],
  qrs_axis_deg: ["Left anterior fascicular block", "Left posterior fascicular block"],
};
const CORRECTED: readonly string[] = ["qtc_fridericia_ms", "qtc_bazett_ms"];
/** A complex from here on lengthens QT itself (AHA/ACCF/HRS 2009, part IV). */
const WIDE_QRS_MS = 120;

/**
 * @param said names of labels and codes of findings that are shown already
 */
export function outsideRows(answer: Analysis, said: ReadonlySet<string>): readonly FindingRow[] {
  const measured = answer.measurements;
  const isPaced = answer.clinical_analysis?.rhythm === "Electronic pacemaker";
  if (!measured) return [];
  const isSaid = (flag: Flag) => (SAID_BY[flag.name] ?? []).some((name) => said.has(name));
  const flags = measured.flags.filter((flag) => !isSaid(flag));
  const rows: FindingRow[] = [];
  for (const name of ["pr_ms", "p_duration_ms", "qrs_ms"] as const) {
    const flag = flags.find((each) => each.name === name);
    // A paced complex is wide by itself.
    if (flag === undefined || (name === "qrs_ms" && isPaced)) continue;
    const side = sideOf(flag);
    rows.push(row(flag, side, words.value.clinical.outside[name][side], "ms"));
  }
  rows.push(...correctedRow(measured, flags), ...axisRow(answer, flags));
  return rows;
}

/** "140 to 200 ms", "up to 110 ms" of a range with one open side. */
export function rangeText(range: readonly (number | null)[], unit: string): string {
  const [low, high] = [range[0] ?? null, range[1] ?? null];
  const said = words.value.panels.range;
  const spaced = unit === "°" || unit === "/min" ? unit : ` ${unit}`;
  if (low === null) return said.upTo(number(high) + spaced);
  if (high === null) return said.from(number(low) + spaced);
  return said.between(number(low), number(high) + spaced);
}

function correctedRow(measured: Measurements, flags: readonly Flag[]): readonly FindingRow[] {
  const corrected = flags.filter((flag) => CORRECTED.includes(flag.name));
  const [first] = corrected;
  if (first === undefined) return [];
  const side = sideOf(first);
  const second = corrected.slice(1).find((flag) => sideOf(flag) === side);
  const { outside, measurements } = words.value.clinical;
  const statement = outside.qtc_ms[side];
  const formula = (name: string) => worded(measurements, name).replace("QTc ", "");
  const other = CORRECTED.find((name) => name !== first.name) ?? "";
  const isMeasured = measured[other as "qtc_bazett_ms"] !== null;
  const shown =
    second === undefined && isMeasured
      ? outside.byNotBy(statement, formula(first.name), formula(other))
      : statement;
  const qrs = measured.qrs_ms ?? 0;
  // One finding, whichever of the formulas say it.
  const found = { ...row(first, side, shown, "ms"), key: `outside:qtc_ms:${side}` };
  return [qrs < WIDE_QRS_MS ? found : { ...found, detail: outside.wideQrs(number(qrs)) }];
}

function axisRow(answer: Analysis, flags: readonly Flag[]): readonly FindingRow[] {
  const flag = flags.find((each) => each.name === "qrs_axis_deg");
  const deviation = answer.clinical_analysis?.axis_deviation ?? null;
  if (flag === undefined || deviation === null || deviation === "Normal") return [];
  return [row(flag, deviation, words.value.clinical.outside.qrs_axis_deg[deviation], "°")];
}

/** @param side of the range, so that too low and too high are two findings */
function row(flag: Flag, side: string, statement: string, unit: string): FindingRow {
  const finding: Finding = {
    code: `outside_${flag.name}`,
    statement,
    severity: "abnormal",
    evidence: { [flag.name]: flag.value },
    source: flag.source,
  };
  const { claim } = words.value.panels;
  return {
    key: `outside:${flag.name}:${side}`,
    level: 0,
    severity: "abnormal",
    statement,
    value: unit === "°" ? `${number(flag.value)}°` : `${number(flag.value)} ${unit}`,
    detail: `${claim.measured}: ${words.value.clinical.outside.normalRange(rangeText(flag.range, unit))}`,
    caption: unit === "°" ? `${number(flag.value)}°` : `${number(flag.value)} ${unit}`,
    finding,
  };
}

function sideOf(flag: Flag): "low" | "high" {
  const low = flag.range[0] ?? null;
  return low !== null && flag.value < low ? "low" : "high";
}
