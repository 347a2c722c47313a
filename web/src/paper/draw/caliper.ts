/** A caliper: two lines from the trace to a bar with handles, and what it measures in a box. */

import type { Caliper } from "../props";
import type { ShownLead } from "../shown";
import { type Cell, xOf } from "./geometry";
import type { Context } from "./grid";
import { cellOf, type Measured, measured, traceYOf, voltageYOf } from "./measure";
import type { Overlay } from "./overlay";
import { type Picture, signOf } from "./picture";

/** How numbers are written in the person's language. */
export interface Words {
  readonly caliper: (measured: Measured) => string;
  readonly signedMs: (ms: number) => string;
  readonly seconds: (seconds: number) => string;
}

const LINE_PX = 1.25;
const HANDLE_PX = 8;
/** The bar's distance from the trace. */
const AWAY_PX = 16;
const BOX_PX = 24;

/** Where a caliper is drawn, in device pixels. */
export interface CaliperPlace {
  readonly cell: Cell;
  readonly lead: ShownLead;
  readonly fromX: number;
  readonly toX: number;
  readonly fromY: number;
  readonly toY: number;
  readonly barY: number;
}

export function placeOf(picture: Picture, caliper: Caliper): CaliperPlace | null {
  const cell = cellOf(picture, caliper);
  const lead = picture.leads.get(caliper.lead);
  if (cell === null || lead === undefined) return null;
  const y = (second: number, mv: number) => {
    const at = voltageYOf(picture, cell, lead, second, mv);
    return Number.isFinite(at) ? at : cell.baseline;
  };
  const fromY = y(caliper.fromS, caliper.fromMv);
  const toY = y(caliper.toS, caliper.toMv);
  return {
    cell,
    lead,
    fromX: xOf(picture.geometry, cell, caliper.fromS),
    toX: xOf(picture.geometry, cell, caliper.toS),
    fromY,
    toY,
    barY: barOf(picture, cell, lead, caliper, fromY, toY),
  };
}

/** Under the trace between the two points; over it where the paper ends. */
function barOf(
  picture: Picture,
  cell: Cell,
  lead: ShownLead,
  caliper: Caliper,
  fromY: number,
  toY: number,
): number {
  const { fs, ratio, geometry } = picture;
  let [top, bottom] = [Math.min(fromY, toY), Math.max(fromY, toY)];
  const [from, to] = [Math.min(caliper.fromS, caliper.toS), Math.max(caliper.fromS, caliper.toS)];
  for (let at = Math.ceil(from * fs); at <= to * fs; at++) {
    const y = traceYOf(picture, cell, lead, at / fs);
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  const under = bottom + AWAY_PX * ratio;
  const lowest = geometry.height - (BOX_PX / 2 + 4) * ratio;
  if (under <= lowest) return under;
  const over = top - AWAY_PX * ratio;
  return over >= BOX_PX * ratio ? over : lowest;
}

export function drawCaliper(
  context: Context,
  picture: Picture,
  caliper: Caliper,
  overlay: Overlay,
): void {
  const place = placeOf(picture, caliper);
  if (place === null) return;
  const { colours, ratio } = picture;
  if (overlay.tangent !== null) drawTangent(context, picture, place, overlay);
  context.strokeStyle = colours.accent;
  context.lineWidth = LINE_PX * ratio;
  context.beginPath();
  context.moveTo(place.fromX, place.fromY);
  context.lineTo(place.fromX, place.barY);
  context.lineTo(place.toX, place.barY);
  context.lineTo(place.toX, place.toY);
  context.stroke();
  for (const [x, y] of [
    [place.fromX, place.fromY],
    [place.toX, place.toY],
  ] as const) {
    context.fillStyle = colours.accent;
    context.fillRect(x - 2.5 * ratio, y - LINE_PX * ratio, 5 * ratio, 2 * LINE_PX * ratio);
  }
  for (const x of [place.fromX, place.toX]) {
    context.beginPath();
    context.arc(x, place.barY, (HANDLE_PX / 2) * ratio, 0, 2 * Math.PI);
    context.fillStyle = colours.surface;
    context.fill();
    context.stroke();
  }
  const turned = signOf(place.cell, picture.reversed) < 0;
  box(context, picture, overlay.words.caliper(measured(caliper, overlay.beats, turned)), place);
}

/** The label stands right of the bar, else left of it, else in the corner that is free. */
function box(context: Context, picture: Picture, words: string, place: CaliperPlace): void {
  const { colours, geometry, ratio } = picture;
  context.font = `600 ${13 * ratio}px ${colours.font}`;
  const width = context.measureText(words).width + 16 * ratio;
  const height = BOX_PX * ratio;
  const gap = 10 * ratio;
  const [left, right] = [Math.min(place.fromX, place.toX), Math.max(place.fromX, place.toX)];
  let x = right + gap;
  if (x + width > geometry.width - 2) x = left - gap - width;
  if (x < 2) x = Math.max(2, Math.min(geometry.width - width - 2, (left + right - width) / 2));
  const y = place.barY - height / 2;
  context.beginPath();
  context.roundRect(x, y, width, height, 4 * ratio);
  context.fillStyle = colours.surface;
  context.fill();
  context.strokeStyle = colours.accent;
  context.lineWidth = ratio;
  context.stroke();
  context.fillStyle = colours.trace;
  context.fillText(words, x + 8 * ratio, y + height / 2 + 4.5 * ratio);
}

/** The tangent, and the baseline that it meets. */
function drawTangent(
  context: Context,
  picture: Picture,
  { cell, lead }: CaliperPlace,
  { tangent }: Overlay,
): void {
  if (tangent === null) return;
  const { colours, geometry, ratio } = picture;
  const at = (second: number, mv: number) =>
    [xOf(geometry, cell, second), voltageYOf(picture, cell, lead, tangent.steepestS, mv)] as const;
  const lengthS = tangent.endS - tangent.steepestS;
  context.save();
  context.strokeStyle = colours.abnormal;
  context.lineWidth = LINE_PX * ratio;
  context.beginPath();
  context.moveTo(...at(tangent.steepestS - lengthS, tangent.steepestMv - lengthS * tangent.slope));
  context.lineTo(...at(tangent.endS, tangent.baselineMv));
  context.stroke();
  context.setLineDash([4 * ratio, 3 * ratio]);
  context.beginPath();
  context.moveTo(...at(tangent.steepestS - 2 * lengthS, tangent.baselineMv));
  context.lineTo(...at(tangent.endS + lengthS, tangent.baselineMv));
  context.stroke();
  context.restore();
}
