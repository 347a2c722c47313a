/** Everything over the traces: evidence, beats, spikes, calipers, marched intervals, a cropped span. */
import type { Beat, Wave } from "../../ecg/beats";
import { deviations, medianInterval, steps } from "../../ecg/march";
import type { Tangent } from "../../ecg/tangent";
import type { BeatMark, Caliper, EvidenceBand, PoorLead, Span, Tool } from "../props";
import { drawCaliper, type Words } from "./caliper";
import { type Cell, type Geometry, xOf } from "./geometry";
import type { Context } from "./grid";
import { haloed } from "./labels";
import { traceYOf } from "./measure";
import type { Picture } from "./picture";
import { wash } from "./wash";

export interface Overlay {
  readonly tool: Tool;
  readonly beats: readonly BeatMark[];
  readonly evidence: readonly EvidenceBand[];
  readonly spikesS: readonly number[];
  readonly poorLeads: readonly PoorLead[];
  readonly caliper: Caliper | null;
  readonly crop: Span | null;
  /** The beat whose waves are marked; all where null and `fiducials`. */
  readonly beat: number | null;
  readonly fiducials: boolean;
  readonly tangent: Tangent | null;
  readonly words: Words;
}

export function drawOverlay(context: Context, picture: Picture, overlay: Overlay): void {
  drawEvidence(context, picture, overlay.evidence);
  drawSpikes(context, picture, overlay.spikesS);
  drawWaves(context, picture, overlay);
  drawClasses(context, picture, overlay);
  if (overlay.tool === "march") drawMarch(context, picture, overlay);
  if (overlay.crop !== null) drawCrop(context, picture, overlay.crop, overlay.words);
  if (overlay.caliper !== null) drawCaliper(context, picture, overlay.caliper, overlay);
}

function drawEvidence(context: Context, picture: Picture, bands: readonly EvidenceBand[]): void {
  const { geometry, colours, ratio } = picture;
  let captioned = false;
  for (const band of bands) {
    for (const cell of geometry.cells) {
      const isWhole = band.leads.length === 0;
      // A band over all leads is drawn once, from the first row to the last.
      if (isWhole ? !isFirstOf(geometry, cell) : !band.leads.includes(cell.lead)) continue;
      const left = Math.max(cell.left, xOf(geometry, cell, band.fromS));
      const right = Math.min(cell.right, xOf(geometry, cell, band.toS));
      if (right <= left) continue;
      const bottom = isWhole ? lowest(geometry) : cell.bottom;
      const top = cell.top;
      wash(context, { left, top, right, bottom }, colours.evidence, colours.accent, ratio);
      if (!captioned) {
        caption(context, picture, band.caption, (left + right) / 2, top - 5 * ratio);
        captioned = true;
      }
    }
  }
}

/** Strips lie under the columns: a band over all leads begins in the first row. */
function isFirstOf({ cells }: Geometry, cell: Cell): boolean {
  return cell.row === (cells[0]?.row ?? 0);
}

function lowest({ cells }: Geometry): number {
  return cells.at(-1)?.bottom ?? 0;
}

function caption(
  context: Context,
  picture: Picture,
  words: string,
  middle: number,
  y: number,
): void {
  const { geometry, colours, ratio } = picture;
  context.font = `500 ${12 * ratio}px ${colours.font}`;
  const width = context.measureText(words).width;
  const x = Math.min(geometry.width - width - 4, Math.max(4, middle - width / 2));
  haloed(context, picture, words, x, y, colours.accentText);
}

const SPIKE_MM = 4;

/** Ticks over the trace, as a pacemaker's pulse is too short to be seen in the samples. */
function drawSpikes(context: Context, picture: Picture, spikesS: readonly number[]): void {
  if (spikesS.length === 0) return;
  const { geometry, leads, colours, ratio } = picture;
  context.fillStyle = colours.accent;
  const width = Math.max(1, Math.round(1.5 * ratio));
  const height = SPIKE_MM * geometry.down;
  for (const cell of geometry.cells) {
    const lead = leads.get(cell.lead);
    if (lead === undefined) continue;
    for (const second of spikesS) {
      const x = Math.round(xOf(geometry, cell, second));
      if (x < cell.left || x > cell.right) continue;
      const y = traceYOf(picture, cell, lead, second);
      const foot =
        (Number.isFinite(y) ? Math.min(y, cell.baseline) : cell.baseline) - geometry.down;
      context.fillRect(x - width / 2, foot - height, width, height);
    }
  }
}

/** Dotted lines at the waves of beats, as in the representative beat. */
function drawWaves(context: Context, picture: Picture, overlay: Overlay): void {
  const { geometry, colours, ratio } = picture;
  const one = overlay.beat === null ? undefined : overlay.beats[overlay.beat];
  const shown = one === undefined ? (overlay.fiducials ? overlay.beats : []) : [one];
  if (shown.length === 0) return;
  context.save();
  context.strokeStyle = colours.accent;
  context.lineWidth = ratio;
  context.setLineDash([2 * ratio, 3 * ratio]);
  context.beginPath();
  for (const beat of shown) {
    for (const wave of MARKED) {
      const second = (beat as Beat)[wave];
      if (second === null) continue;
      for (const cell of geometry.cells) {
        const x = Math.round(xOf(geometry, cell, second)) + 0.5;
        if (x < cell.left || x > cell.right) continue;
        context.moveTo(x, cell.top);
        context.lineTo(x, cell.bottom);
      }
    }
  }
  context.stroke();
  context.restore();
}

const MARKED: readonly Wave[] = ["pOnset", "pOffset", "qrsOnset", "qrsOffset", "tOffset"];

/** The classes of beats under the last row, with the intervals (ms) between them where there is room. */
function drawClasses(context: Context, picture: Picture, { beats }: Overlay): void {
  const { geometry, colours, ratio } = picture;
  const cell = geometry.cells.findLast(({ strip }) => strip);
  if (cell === undefined) return;
  const y = Math.min(cell.bottom, geometry.height - 20 * ratio) - 4 * ratio;
  context.font = `500 ${12 * ratio}px ${colours.font}`;
  let before: number | null = null;
  for (const { r, label } of beats) {
    if (label === undefined) continue;
    const x = xOf(geometry, cell, r);
    const last = before;
    before = r;
    if (x < cell.left || x > cell.right) continue;
    const half = context.measureText(label).width / 2;
    haloed(context, picture, label, x - half, y, label === "N" ? colours.text : colours.accentText);
    if (last === null) continue;
    const from = xOf(geometry, cell, last);
    const interval = String(Math.round((r - last) * 1000));
    const width = context.measureText(interval).width;
    if (from < cell.left || x - from < width + 4 * half + 8 * ratio) continue;
    haloed(context, picture, interval, (from + x - width) / 2, y, colours.text);
  }
}

const MARCH_TICK_MM = 6;

/** The interval repeated as ticks under the beats, with each beat's deviation above them. */
function drawMarch(context: Context, picture: Picture, overlay: Overlay): void {
  const { geometry, colours, ratio } = picture;
  const interval = overlay.caliper ?? medianInterval(overlay.beats);
  const cell =
    geometry.cells.findLast(
      (each) => each.strip && (overlay.caliper === null || each.lead === overlay.caliper.lead),
    ) ?? geometry.cells.at(-1);
  if (interval === null || cell === undefined) return;
  const y = Math.min(cell.bottom, geometry.height - 24 * ratio);
  const tick = MARCH_TICK_MM * geometry.down;
  context.fillStyle = colours.accent;
  context.fillRect(cell.left, y, cell.right - cell.left, ratio);
  for (const second of steps(interval, { fromS: cell.fromS, toS: cell.toS })) {
    const x = Math.round(xOf(geometry, cell, second));
    context.fillRect(x - ratio / 2, y - tick / 2, 1.25 * ratio, tick);
  }
  context.font = `500 ${12 * ratio}px ${colours.font}`;
  let free = Number.NEGATIVE_INFINITY;
  for (const { second, ms } of deviations(interval, overlay.beats)) {
    const x = xOf(geometry, cell, second);
    if (x < cell.left || x > cell.right) continue;
    const words = overlay.words.signedMs(ms);
    const width = context.measureText(words).width;
    // Of beats too close for two numbers the first has one.
    if (x - width / 2 < free) continue;
    free = x + width / 2 + 4 * ratio;
    const above = peakY(picture, cell, second) - 6 * ratio;
    haloed(context, picture, words, x - width / 2, above, colours.accentText);
  }
}

/** Half of a QRS complex, about its R. */
const NEAR_R_S = 0.06;

/** The highest point of the trace near a beat. */
function peakY(picture: Picture, cell: Cell, second: number): number {
  const lead = picture.leads.get(cell.lead);
  let highest = cell.baseline;
  if (lead === undefined) return highest;
  for (let at = second - NEAR_R_S; at <= second + NEAR_R_S; at += 1 / picture.fs) {
    const y = traceYOf(picture, cell, lead, at);
    if (y < highest) highest = y;
  }
  return highest;
}

/** What is left out is veiled; the span has its length written. */
function drawCrop(context: Context, picture: Picture, crop: Span, words: Words): void {
  const { geometry, colours, ratio } = picture;
  const cell = geometry.cells[0];
  if (cell === undefined) return;
  const clampX = (second: number) =>
    Math.min(geometry.right, Math.max(geometry.left, xOf(geometry, cell, second)));
  const [left, right] = [clampX(crop.fromS), clampX(crop.toS)];
  context.save();
  context.globalAlpha = 0.6;
  context.fillStyle = colours.paper;
  context.fillRect(geometry.left, 0, left - geometry.left, geometry.height);
  context.fillRect(right, 0, geometry.right - right, geometry.height);
  context.restore();
  context.fillStyle = colours.accent;
  context.fillRect(left - ratio, 0, 1.25 * ratio, geometry.height);
  context.fillRect(right, 0, 1.25 * ratio, geometry.height);
  const length = words.seconds(crop.toS - crop.fromS);
  caption(context, picture, length, (left + right) / 2, 14 * ratio);
}
