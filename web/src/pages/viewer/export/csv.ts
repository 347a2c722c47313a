/** Tables as RFC 4180 text: CRLF, quotes where needed, dots in numbers, units in the head. */
import type { Analysis } from "../../../api/answer";
import { type Recording, samplesOf } from "../../../ecg/recording";
import { type ByHand, withCorrectedQt } from "../../../panels/measurements/byHand";

type Cell = string | number | null;

/** Of a sample: the microvolt is finer than any recorder's steps. */
const MV_DECIMALS = 4;
const SECONDS_DECIMALS = 6;

export function csvOf(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

function cellText(cell: Cell): string {
  if (cell === null) return "";
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One row a measurement: its name, value, unit, uncertainty, range, and whether a person measured it. */
export function measurementsCsv(answer: Analysis, byHand: ByHand): string {
  const head = [
    "measurement",
    "unit",
    "value",
    "plus_minus",
    "low",
    "high",
    "range_source",
    "by_hand",
  ];
  const { measurements } = answer;
  if (measurements == null) return csvOf([head]);
  const manual = withCorrectedQt(byHand, measurements);
  const measured = Object.entries(measurements).filter(
    (entry): entry is [string, number | null] => entry[1] === null || typeof entry[1] === "number",
  );
  const rows = measured.map(([name, value]) => {
    const range = measurements.reference_ranges[name];
    const own = manual[name];
    return [
      name,
      unitOf(name),
      own ?? value,
      own === undefined ? (measurements.uncertainty_ms[name] ?? null) : null,
      range?.low ?? null,
      range?.high ?? null,
      range?.source ?? null,
      own === undefined ? "no" : "yes",
    ];
  });
  return csvOf([head, ...rows]);
}

const UNITS: readonly (readonly [string, string])[] = [
  ["_ms", "ms"],
  ["_bpm", "1/min"],
  ["_deg", "deg"],
];

function unitOf(name: string): string {
  return UNITS.find(([ending]) => name.endsWith(ending))?.[1] ?? "";
}

/** One row a sample: its time, then the leads. A gap is an empty cell. */
export function samplesCsv(recording: Recording): string {
  const { fs, samples, leadNames } = recording;
  const columns = leadNames.map((name) => samplesOf(recording, name));
  const lines = [["time_s", ...leadNames.map((name) => `${name}_mV`)].map(cellText).join(",")];
  for (let at = 0; at < samples; at++) {
    let line = rounded(at / fs, SECONDS_DECIMALS);
    for (const column of columns) line += `,${rounded(column[at] ?? Number.NaN, MV_DECIMALS)}`;
    lines.push(line);
  }
  return `${lines.join("\r\n")}\r\n`;
}

function rounded(value: number, decimals: number): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(decimals))) : "";
}
