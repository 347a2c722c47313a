/** The representative beat as paths in millimetres of paper, one box a lead, all at one gain. */
import type { RepresentativeBeat } from "../api/answer";

export interface BeatBox {
  readonly lead: string;
  /** Null where the lead has no signal. */
  readonly path: string | null;
  /** The level 0 mV, in mm from the top of the box. */
  readonly zeroMm: number;
}

export interface BeatSheet {
  readonly boxes: readonly BeatBox[];
  readonly gain: 5 | 10;
  readonly widthMm: number;
  readonly heightMm: number;
  /** Onset and end of P and QRS, end of T, in mm from the left. */
  readonly marksMm: readonly number[];
}

export const MM_PER_S = 25;
/** Above this, a beat is drawn at 5 mm a millivolt. */
const TALL_MV = 2;
/** Left and right of what is marked. */
const MARGIN_S = 0.08;
/** About R, where nothing is marked. */
const AROUND_R_S = [0.3, 0.5] as const;
const LABEL_MM = 4;
const LOWEST_BOX_MM = 14;

/** All leads about one level, to lay them over each other. */
export function overlay(beat: RepresentativeBeat): BeatSheet {
  return sheetOf(beat, (rows) => rows.map(() => extent(rows.flat())));
}

export function beatSheet(beat: RepresentativeBeat): BeatSheet {
  return sheetOf(beat, (rows) => rows.map(extent));
}

type Row = readonly (number | null)[];

/**
 * @param extents lowest and highest value in mV that a box of each row has to hold
 */
function sheetOf(
  beat: RepresentativeBeat,
  extents: (rows: readonly Row[]) => readonly (readonly [number, number])[],
): BeatSheet {
  const marks = Object.values(beat.fiducials).filter((time) => time !== null);
  const lengthS = (beat.data[0]?.length ?? 0) / beat.fs;
  const fromS = Math.max(0, Math.min(beat.r - AROUND_R_S[0], ...marks) - MARGIN_S);
  const toS = Math.min(lengthS, Math.max(beat.r + AROUND_R_S[1], ...marks) + MARGIN_S);
  const rows = beat.data.map((row) => samplesOf(row, beat.fs, fromS, toS));
  const all = rows.flat().filter((value) => value !== null);
  const gain = all.some((value) => Math.abs(value) > TALL_MV) ? 5 : 10;
  const held = extents(rows);
  const heights = held.map(([low, high]) => (high - low) * gain + LABEL_MM);
  const heightMm = Math.max(LOWEST_BOX_MM, ...heights);
  const xOf = (second: number) => (second - fromS) * MM_PER_S;
  return {
    gain,
    widthMm: xOf(toS),
    heightMm,
    marksMm: marks.map(xOf),
    boxes: rows.map((row, at) => {
      const [low, high] = held[at] ?? [0, 0];
      // The trace in the middle of what the label leaves free.
      const zeroMm = LABEL_MM / 2 + heightMm / 2 + ((high + low) / 2) * gain;
      return {
        lead: beat.lead_names[at] ?? "",
        zeroMm,
        path: hasSignal(row) ? pathOf(row, beat.fs, zeroMm, gain) : null,
      };
    }),
  };
}

function samplesOf(row: Row, fs: number, fromS: number, toS: number): Row {
  return row.slice(Math.round(fromS * fs), Math.round(toS * fs));
}

function extent(row: Row): readonly [number, number] {
  const values = row.filter((value) => value !== null);
  return [Math.min(0, ...values), Math.max(0, ...values)];
}

/** The server sends zeros for a lead that was not recorded. */
function hasSignal(row: Row): boolean {
  return row.some((value) => value !== null && value !== 0);
}

export function pathOf(row: Row, fs: number, zeroMm: number, gain: number): string {
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
