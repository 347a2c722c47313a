/**
 * The statements of a report as rows: what the rules found and what the model's labels say, each
 * once, with who claims it. The server decided which labels are believed (`abnormalities`).
 */
import type { Analysis, Finding, Label } from "../../api/answer";
import { number, words } from "../../i18n";
import type { Statement } from "../../i18n/facts";
import { outsideRows } from "../measurements/outside";
import { qualityRows } from "../quality/qualityRows";
import { factsOf, worded } from "./facts";
import { rhythmEvidence, rhythmOf } from "./rhythm";

export type Claim = "rule" | "model" | "both";

export interface FindingRow {
  readonly key: string;
  /** 1 for a finding that details the one above it. */
  readonly level: 0 | 1;
  readonly severity: Finding["severity"];
  readonly statement: string;
  /** English where the server's own sentence stands for words that the language lacks. */
  readonly statementLang?: "en" | undefined;
  /** A probability, or what was measured, with its unit. */
  readonly value: string;
  readonly detail: string;
  readonly detailLang?: "en" | undefined;
  /** What is written over its evidence on the trace: what was measured, or else its name. */
  readonly caption: string;
  /** What lights up on the trace. */
  readonly finding: Finding;
}

export interface FindingCounts {
  readonly abnormal: number;
  readonly technical: number;
}

/** Label -> label that says the same less exactly. */
const PARENTS: Readonly<Record<string, string>> = {
  "Complete right bundle branch block": "Right bundle branch block",
  "Incomplete right bundle branch block": "Right bundle branch block",
  "Complete left bundle branch block": "Left bundle branch block",
  "Incomplete left bundle branch block": "Left bundle branch block",
  "1st degree atrioventricular block": "Atrioventricular block",
  "Anterior infarction": "Infarction",
  "Inferior infarction": "Infarction",
};
/** Finding of a rule -> label that says the same. */
const SAME: Readonly<Record<string, string>> = {
  "1st_degree_atrioventricular_block": "1st degree atrioventricular block",
  left_ventricular_hypertrophy_voltage: "Left ventricular hypertrophy",
};
/** Finding of a rule -> label that it details. */
const DETAILS: Readonly<Record<string, string>> = {
  "2nd_degree_atrioventricular_block_type_1": "Atrioventricular block",
  "2nd_degree_atrioventricular_block_type_2": "Atrioventricular block",
  "2nd_degree_atrioventricular_block_2_to_1": "Atrioventricular block",
  "2nd_degree_atrioventricular_block_advanced": "Atrioventricular block",
  bigeminy: "Premature ventricular contraction",
  trigeminy: "Premature ventricular contraction",
  frequent_ectopic_beats: "Premature ventricular contraction",
  run_of_ectopic_beats: "Premature ventricular contraction",
};
/** Label -> measurement that a reader compares it with. */
const COMPARED: Readonly<Record<string, readonly [string, string]>> = {
  "Right bundle branch block": ["qrs_ms", "ms"],
  "Left bundle branch block": ["qrs_ms", "ms"],
  "Complete right bundle branch block": ["qrs_ms", "ms"],
  "Incomplete right bundle branch block": ["qrs_ms", "ms"],
  "Complete left bundle branch block": ["qrs_ms", "ms"],
  "Incomplete left bundle branch block": ["qrs_ms", "ms"],
  "Intraventricular conduction disturbance": ["qrs_ms", "ms"],
  "Left anterior fascicular block": ["qrs_axis_deg", "°"],
  "Left posterior fascicular block": ["qrs_axis_deg", "°"],
  "Bifascicular block": ["qrs_axis_deg", "°"],
  "Atrioventricular block": ["pr_ms", "ms"],
  "1st degree atrioventricular block": ["pr_ms", "ms"],
  "Wolff-Parkinson-White pattern": ["pr_ms", "ms"],
  "Left atrial enlargement": ["p_duration_ms", "ms"],
  Tachycardia: ["heart_rate_bpm", "/min"],
  Bradycardia: ["heart_rate_bpm", "/min"],
};
const RATE_WORDS: readonly string[] = ["Tachycardia", "Bradycardia"];
/** Finding -> its number, decimals and unit at the right of the row. */
const VALUES: Readonly<Record<string, readonly [string, number, string]>> = {
  asystole: ["pause_s", 1, "s"],
  pause: ["pause_s", 1, "s"],
  run_of_ectopic_beats: ["rate_bpm", 0, "/min"],
  flutter_conduction: ["flutter_per_min", 0, "/min"],
  atrioventricular_dissociation: ["ventricular_per_min", 0, "/min"],
  "1st_degree_atrioventricular_block": ["pr_ms", 0, "ms"],
  bigeminy: ["ectopic_beats", 0, ""],
  trigeminy: ["ectopic_beats", 0, ""],
  frequent_ectopic_beats: ["ectopic_beats", 0, ""],
  st_elevation: ["largest_j_mv", 2, "mV"],
  st_depression: ["largest_j_mv", 2, "mV"],
  st_elevation_with_hypertrophy_voltage: ["largest_j_mv", 2, "mV"],
  st_depression_with_hypertrophy_voltage: ["largest_j_mv", 2, "mV"],
  early_repolarisation_ascending_st: ["highest_notch_mv", 2, "mV"],
  early_repolarisation_horizontal_or_descending_st: ["highest_notch_mv", 2, "mV"],
  pathological_q: ["longest_q_ms", 0, "ms"],
};
const SEVERITIES: readonly Finding["severity"][] = ["critical", "abnormal", "normal", "technical"];

interface Draft {
  readonly row: FindingRow;
  /** The label's name, or the code. */
  readonly name: string;
  readonly parent: string | null;
}

/** The rows in the order of a report; null if the recording is not judged. */
export function findingRows(answer: Analysis): readonly FindingRow[] | null {
  const findings = answer.findings;
  if (!findings) return null;
  const [rhythm, ...others] = findings;
  const labels = believedLabels(answer);
  const drafts = [
    ...labels.map((label) => labelDraft(answer, label, ruleFor(label, others))),
    ...measuredRate(answer, labels),
    ...others
      .filter((finding) => !labels.some((label) => label.name === SAME[finding.code]))
      .map((finding) => ruleDraft(finding)),
  ];
  const outside = outsideRows(answer, new Set(drafts.map((draft) => draft.name)));
  const technical = qualityRows(answer.quality ?? null);
  const rows = [...inFamilies(drafts), ...outside, ...technical];
  const ordered = bySeverity(rows);
  return rhythm === undefined ? ordered : [rhythmRow(answer, rhythm), ...ordered];
}

export function countsOf(rows: readonly FindingRow[]): FindingCounts {
  const count = (...severities: Finding["severity"][]) =>
    rows.filter((row) => severities.includes(row.severity)).length;
  return { abnormal: count("abnormal", "critical"), technical: count("technical") };
}

function believedLabels(answer: Analysis): readonly Label[] {
  const believed = new Set(answer.clinical_analysis?.abnormalities ?? []);
  return (answer.labels ?? [])
    .filter((label) => label.positive && believed.has(label.name))
    .toSorted((one, other) => other.probability - one.probability);
}

function ruleFor(label: Label, findings: readonly Finding[]): Finding | null {
  return findings.find((finding) => SAME[finding.code] === label.name) ?? null;
}

function rhythmRow(answer: Analysis, rhythm: Finding): FindingRow {
  const analysis = answer.clinical_analysis;
  const claim = analysis?.rhythm_source === "labels" ? "model" : "rule";
  const evidence = rhythmEvidence(answer);
  return {
    key: rhythm.code,
    level: 0,
    severity: rhythm.severity,
    statement: rhythmOf(answer) ?? rhythm.statement,
    value: analysis?.rhythm_source === "labels" ? number(analysis.confidence, 2) : "",
    detail: claimed(claim, evidence),
    caption: rhythmOf(answer) ?? rhythm.statement,
    finding: rhythm,
  };
}

function labelDraft(answer: Analysis, label: Label, rule: Finding | null): Draft {
  const { findings, labels } = words.value.clinical;
  const ruled = rule === null ? undefined : statementTable(findings)[rule.code];
  const seen = ectopicBeats(answer, label.name);
  const compared = comparedWith(answer, label.name);
  const both = rule !== null || seen !== "" || isMeasuredRate(answer, label.name);
  const detail = rule !== null && ruled ? ruled.evidence(factsOf(rule.evidence)) : seen || compared;
  return {
    name: label.name,
    parent: PARENTS[label.name] ?? null,
    row: {
      key: `label:${label.name}`,
      level: 0,
      severity: rule?.severity ?? "abnormal",
      statement: worded(labels, label.name),
      value: number(label.probability, 2),
      detail: claimed(both ? "both" : "model", detail),
      caption: compared || worded(labels, label.name),
      finding: rule ?? findingOf(label, answer),
    },
  };
}

function ruleDraft(finding: Finding): Draft {
  const known = statementTable(words.value.clinical.findings)[finding.code];
  const facts = factsOf(finding.evidence);
  return {
    name: finding.code,
    parent: DETAILS[finding.code] ?? null,
    row: {
      key: `rule:${finding.code}`,
      level: 0,
      severity: finding.severity,
      // What this table does not know yet is shown as the server says it.
      statement: known ? known.statement(facts) : finding.statement,
      statementLang: known ? undefined : "en",
      value: shownValue(finding),
      detail: claimed("rule", known ? known.evidence(facts) : ""),
      caption: shownValue(finding) || (known ? known.statement(facts) : finding.statement),
      finding,
    },
  };
}

/** The measured rate's word where no label says it. */
function measuredRate(answer: Analysis, labels: readonly Label[]): readonly Draft[] {
  const analysis = answer.clinical_analysis;
  const word = analysis?.abnormalities.find((name) => RATE_WORDS.includes(name));
  if (!analysis || word === undefined || labels.some((label) => label.name === word)) return [];
  const finding: Finding = {
    code: word.toLowerCase(),
    statement: word,
    severity: "abnormal",
    evidence: { heart_rate_bpm: analysis.heart_rate ?? Number.NaN },
    source: "",
  };
  const row: FindingRow = {
    key: `rate:${word}`,
    level: 0,
    severity: "abnormal",
    statement: worded(words.value.clinical.labels, word),
    value: `${number(analysis.heart_rate)}/min`,
    detail: claimed("rule", ""),
    caption: `${number(analysis.heart_rate)}/min`,
    finding,
  };
  return [{ name: word, parent: null, row }];
}

/** A label as a finding, so that its evidence can be pointed at. */
function findingOf(label: Label, answer: Analysis): Finding {
  return {
    code: label.name.toLowerCase().replaceAll("-", " ").split(" ").join("_"),
    statement: label.name,
    severity: "abnormal",
    evidence: { probability: label.probability },
    source: answer.model.labels ?? "",
  };
}

function ectopicBeats(answer: Analysis, label: string): string {
  if (label !== "Premature ventricular contraction") return "";
  const times = (answer.fiducials ?? []).filter((beat) => beat.class === "ectopic");
  const beats = answer.measurements?.beats;
  if (times.length === 0 || beats === undefined) return "";
  const shown = times.slice(0, 3).map((beat) => number(beat.r, 2));
  const more = times.length > shown.length ? ", …" : "";
  return words.value.clinical.ectopicAt(
    number(times.length),
    number(beats),
    shown.join(", ") + more,
  );
}

function comparedWith(answer: Analysis, label: string): string {
  const compared = COMPARED[label];
  if (compared === undefined) return "";
  const [name, unit] = compared;
  const value = answer.measurements?.[name as "qrs_ms"] ?? null;
  if (value === null) return "";
  const space = unit === "ms" ? " " : "";
  return `${worded(words.value.clinical.measurements, name)} ${number(value)}${space}${unit}`;
}

function isMeasuredRate(answer: Analysis, label: string): boolean {
  const rate = answer.measurements?.heart_rate_bpm ?? null;
  if (rate === null) return false;
  return (label === "Tachycardia" && rate > 100) || (label === "Bradycardia" && rate < 60);
}

function shownValue(finding: Finding): string {
  const value = VALUES[finding.code];
  if (value === undefined) return "";
  const [name, digits, unit] = value;
  const space = unit === "" || unit === "/min" ? "" : " ";
  return `${factsOf(finding.evidence).n(name, digits)}${space}${unit}`;
}

function claimed(claim: Claim, evidence: string): string {
  const said = words.value.panels.claim;
  if (evidence !== "") return `${said[claim]}: ${evidence}`;
  if (claim === "both") return said.both;
  return claim === "model" ? said.modelOnly : said.ruleOnly;
}

/** Each parent with its children beneath it. */
function inFamilies(drafts: readonly Draft[]): readonly FindingRow[] {
  const names = new Set(drafts.map((draft) => draft.name));
  const isChild = (draft: Draft) => draft.parent !== null && names.has(draft.parent);
  return drafts
    .filter((draft) => !isChild(draft))
    .flatMap((parent) => [
      parent.row,
      ...drafts
        .filter((draft) => isChild(draft) && draft.parent === parent.name)
        .map((child): FindingRow => ({ ...child.row, level: 1 })),
    ]);
}

/** The most severe first; a child stays with its parent, which takes the severer of the two. */
function bySeverity(rows: readonly FindingRow[]): readonly FindingRow[] {
  const families: FindingRow[][] = [];
  for (const row of rows) {
    const last = families.at(-1);
    if (row.level === 1 && last !== undefined) last.push(row);
    else families.push([row]);
  }
  const rank = (family: readonly FindingRow[]) =>
    Math.min(...family.map((row) => SEVERITIES.indexOf(row.severity)));
  return families.toSorted((one, other) => rank(one) - rank(other)).flat();
}

function statementTable(
  table: (typeof words.value.clinical)["findings"],
): Readonly<Record<string, Statement>> {
  return table;
}
