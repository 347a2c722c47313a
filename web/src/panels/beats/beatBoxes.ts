/** The representative beat as paths in millimetres of paper, one box a lead, all at one gain. */
import type { RepresentativeBeat } from "../../api/answer";

export interface BeatBox {
  readonly lead: string;
  /** One path for each beat that is drawn: the earlier first. Empty where the lead has no signal. */
  readonly paths: readonly string[];
}

export interface BeatSheet {
  readonly boxes: readonly BeatBox[];
  readonly gain: 5 | 10;
  readonly widthMm: number;
  readonly heightMm: number;
  /** Onset and end of P and QRS, end of T, in mm from the left. */
  readonly marksMm: readonly number[];
}

type Row = readonly (number | null)[];
/** Lowest and highest value in mV. */
type Extent = readonly [number, number];
/** From and to, in seconds about the R peak. */
type Window = readonly [number, number];

export const MM_PER_S = 25;
/** Above this, a beat is drawn at 5 mm a millivolt. */
const TALL_MV = 2;
/** Left and right of what is marked. */
const MARGIN_S = 0.08;
/** What is shown about R at least. */
const LEAST_WINDOW_S: Window = [-0.3, 0.5];
/** Left free for the label at the top, and at the bottom. */
const LABEL_MM = 5;
const FOOT_MM = 1.5;
const LOWEST_BOX_MM = 14;

export function beatSheet(beat: RepresentativeBeat): BeatSheet {
  return sheetOf([beat], false);
}

/** All leads about one level, to lay them over each other. */
export function overlay(beat: RepresentativeBeat): BeatSheet {
  return sheetOf([beat], true);
}

/** Two beats over each other, R on R; the marks are those of the later one. */
export function overlaidSheet(earlier: RepresentativeBeat, later: RepresentativeBeat): BeatSheet {
  return sheetOf([earlier, later], false);
}

/**
 * @param isOneLevel whether all leads have the same level of 0 mV, or each fills its own box
 */
function sheetOf(beats: readonly RepresentativeBeat[], isOneLevel: boolean): BeatSheet {
  const last = beats.at(-1) as RepresentativeBeat;
  const marks = Object.values(last.fiducials)
    .filter((time) => time !== null)
    .map((time) => time - last.r);
  const window = windowOf(beats, marks);
  const leads = last.lead_names.map((lead) => ({
    lead,
    rows: beats.map((beat) => samplesOf(beat, lead, window)),
  }));
  const whole = extentOf(leads.flatMap(({ rows }) => rows.flat()));
  const gain = Math.max(-whole[0], whole[1]) > TALL_MV ? 5 : 10;
  const extents = leads.map(({ rows }) => (isOneLevel ? whole : extentOf(rows.flat())));
  const heightMm = Math.max(
    LOWEST_BOX_MM,
    ...extents.map(([low, high]) => (high - low) * gain + LABEL_MM + FOOT_MM),
  );
  return {
    gain,
    widthMm: (window[1] - window[0]) * MM_PER_S,
    heightMm,
    marksMm: marks.map((mark) => (mark - window[0]) * MM_PER_S),
    boxes: leads.map(({ lead, rows }, at) => {
      const [low, high] = extents[at] ?? whole;
      // The trace in the middle of what the label leaves free.
      const zeroMm = (LABEL_MM + heightMm - FOOT_MM) / 2 + ((high + low) / 2) * gain;
      const paths = rows.map((row, beat) => pathOf(row, beats[beat]?.fs ?? 1, zeroMm, gain));
      return { lead, paths: rows.every(hasSignal) ? paths : [] };
    }),
  };
}

function windowOf(beats: readonly RepresentativeBeat[], marks: readonly number[]): Window {
  const recordedFrom = Math.max(...beats.map((beat) => -beat.r));
  const recordedTo = Math.min(...beats.map((beat) => lengthS(beat) - beat.r));
  const from = Math.min(LEAST_WINDOW_S[0], ...marks) - MARGIN_S;
  const to = Math.max(LEAST_WINDOW_S[1], ...marks) + MARGIN_S;
  return [Math.max(from, recordedFrom), Math.min(to, recordedTo)];
}

function lengthS(beat: RepresentativeBeat): number {
  return (beat.data[0]?.length ?? 0) / beat.fs;
}

function samplesOf(beat: RepresentativeBeat, lead: string, [from, to]: Window): Row {
  const row = beat.data[beat.lead_names.indexOf(lead)] ?? [];
  return row.slice(Math.round((beat.r + from) * beat.fs), Math.round((beat.r + to) * beat.fs));
}

function extentOf(row: Row): Extent {
  const values = row.filter((value) => value !== null);
  return [Math.min(0, ...values), Math.max(0, ...values)];
}

/** The server sends zeros for a lead that was not recorded. */
function hasSignal(row: Row): boolean {
  return row.some((value) => value !== null && value !== 0);
}

function pathOf(row: Row, fs: number, zeroMm: number, gain: number): string {
  let path = "";
  let isDown = false;
  for (const [at, value] of row.entries()) {
    if (value === null) {
      isDown = false;
      continue;
    }
    const x = ((at / fs) * MM_PER_S).toFixed(2);
    const y = (zeroMm - value * gain).toFixed(2);
    path += `${isDown ? "L" : "M"}${x} ${y}`;
    isDown = true;
  }
  return path;
}
