/** From a point on the paper to a moment and a voltage, and what a caliper says. */
import { type IntervalName, intervalName, nearestMoment } from "../../ecg/beats";
import type { BeatMark, Caliper } from "../props";
import { recordedMv, type ShownLead, shownMv } from "../shown";
import { type Cell, mvAt, secondAt, xOf, yOf } from "./geometry";
import { type Picture, signOf } from "./picture";

/** CSS px within which a point moves onto a wave, or onto the trace. */
const SNAP_PX = 12;

export interface Point {
  readonly second: number;
  readonly mv: number;
}

/** Return the moment and the recorded voltage at a place of a cell; on a wave where one is near. */
export function pointAt(
  picture: Picture,
  cell: Cell,
  lead: ShownLead,
  beats: readonly BeatMark[],
  x: number,
  y: number,
  free: boolean,
): Point {
  const { geometry, fs, ratio } = picture;
  const last = (lead.samples.length - 1) / fs;
  const raw = Math.min(last, Math.max(0, secondAt(geometry, cell, x)));
  const reachS = (SNAP_PX * ratio) / geometry.pxPerS;
  const moment = free ? null : nearestMoment(beats, raw, reachS);
  // A person can't mean less than one sample.
  const second = moment?.second ?? Math.round(raw * fs) / fs;
  return { second, mv: voltageAt(picture, cell, lead, second, y, free) };
}

function voltageAt(
  picture: Picture,
  cell: Cell,
  lead: ShownLead,
  second: number,
  y: number,
  free: boolean,
): number {
  const { fs, geometry, ratio } = picture;
  const recorded = recordedMv(lead, fs, second);
  const traceY = traceYOf(picture, cell, lead, second);
  if (!free && Math.abs(traceY - y) <= SNAP_PX * ratio) return recorded;
  const shown = lead.extent.centre + signOf(cell, picture.reversed) * mvAt(geometry, cell, y);
  const offset = recorded - shownMv(lead, fs, second);
  return Number.isFinite(offset) ? shown + offset : shown;
}

/** The trace's y at a second; NaN in a gap. */
export function traceYOf(picture: Picture, cell: Cell, lead: ShownLead, second: number): number {
  const shown = shownMv(lead, picture.fs, second) - lead.extent.centre;
  return yOf(picture.geometry, cell, signOf(cell, picture.reversed) * shown);
}

/** The y of a recorded voltage, beside the trace as it is shown. */
export function voltageYOf(
  picture: Picture,
  cell: Cell,
  lead: ShownLead,
  second: number,
  mv: number,
): number {
  const offset = recordedMv(lead, picture.fs, second) - shownMv(lead, picture.fs, second);
  const shown = mv - (Number.isFinite(offset) ? offset : 0) - lead.extent.centre;
  return yOf(picture.geometry, cell, signOf(cell, picture.reversed) * shown);
}

/** Return the cell that shows both ends of a caliper best: both, else one; the lowest of several. */
export function cellOf(picture: Picture, caliper: Caliper): Cell | null {
  let [best, most] = [null as Cell | null, -1];
  for (const cell of picture.geometry.cells) {
    if (cell.lead !== caliper.lead) continue;
    const ends =
      Number(isIn(picture, cell, caliper.fromS)) + Number(isIn(picture, cell, caliper.toS));
    if (ends >= most) [best, most] = [cell, ends];
  }
  return most > 0 ? best : null;
}

function isIn(picture: Picture, cell: Cell, second: number): boolean {
  const x = xOf(picture.geometry, cell, second);
  return x >= cell.left - 1 && x <= cell.right + 1;
}

export interface Measured {
  readonly name: IntervalName | null;
  readonly ms: number;
  /** Null for an interval that is no cycle. */
  readonly perMinute: number | null;
  /** Null between two waves, where only the time is meant. */
  readonly mv: number | null;
}

/** Shorter than this an interval is no cycle of a heart: 300 a minute. */
const LEAST_CYCLE_MS = 200;

export function measured(caliper: Caliper, beats: readonly BeatMark[], turned: boolean): Measured {
  const { fromS, toS, fromMv, toMv } = caliper;
  const ms = Math.abs(toS - fromS) * 1000;
  const name = intervalName(beats, fromS, toS);
  const isCycle = (name === null || name === "RR") && ms >= LEAST_CYCLE_MS;
  const rise = (fromS <= toS ? toMv - fromMv : fromMv - toMv) * (turned ? -1 : 1);
  return {
    name,
    ms,
    perMinute: isCycle ? 60_000 / ms : null,
    mv: name === null && Number.isFinite(rise) ? rise : null,
  };
}
