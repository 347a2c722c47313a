/** Everything under the marks: grid, pulses, washes, gaps, traces, labels. */

import type { PoorLead } from "../props";
import type { ShownLead, ShownLeads } from "../shown";
import type { Colours } from "./colours";
import { type Cell, type Geometry, xOf } from "./geometry";
import { type Context, drawGrid, drawPulses, type Pen } from "./grid";
import { hatch } from "./hatch";
import { drawLabel } from "./labels";
import { addLine, type Scale } from "./line";
import { wash } from "./wash";

export interface Picture {
  readonly geometry: Geometry;
  readonly leads: ShownLeads;
  readonly fs: number;
  readonly speed: number;
  readonly reversed: ReadonlySet<string>;
  readonly poorLeads: readonly PoorLead[];
  readonly colours: Colours;
  readonly pen: Pen;
  /** Device pixels of a CSS pixel, or of 1/96 inch on paper: the unit of text. */
  readonly ratio: number;
  /** Where a label stands, by cell: mm above the baseline. */
  readonly labelMm: (cell: Cell) => number;
  /** "420 ms", in the person's language. */
  readonly milliseconds: (seconds: number) => string;
}

export function drawPicture(context: Context, picture: Picture): void {
  drawGrid(context, picture.geometry, picture.colours, picture.pen);
  drawUnderTraces(context, picture);
  drawTraces(context, picture);
  drawOverTraces(context, picture);
}

export function drawUnderTraces(context: Context, picture: Picture): void {
  const { geometry, leads, poorLeads, colours } = picture;
  for (const cell of geometry.cells) {
    if (poorLeads.some((poor) => poor.lead === cell.lead))
      wash(context, cell, colours.poorLead, colours.technical, picture.ratio);
    const lead = leads.get(cell.lead);
    if (lead === undefined) continue;
    for (const gap of lead.gaps) {
      const left = Math.max(cell.left, xOf(geometry, cell, gap.fromS));
      const right = Math.min(cell.right, xOf(geometry, cell, gap.toS));
      if (right <= left) continue;
      hatch(
        context,
        left,
        cell.top,
        right - left,
        cell.bottom - cell.top,
        colours.technical,
        picture.ratio,
      );
    }
  }
}

export function signOf(cell: Cell, reversed: ReadonlySet<string>): 1 | -1 {
  return reversed.has(cell.lead) ? (-cell.sign as 1 | -1) : cell.sign;
}

export function scaleOf(picture: Picture, cell: Cell, lead: ShownLead): Scale {
  const { fs, geometry } = picture;
  const pxPerMv = geometry.pxPerMv * signOf(cell, picture.reversed);
  return { fs, pxPerS: geometry.pxPerS, pxPerMv, centre: lead.extent.centre };
}

function drawTraces(context: Context, picture: Picture): void {
  const { geometry, leads } = picture;
  for (const cell of geometry.cells) {
    const lead = leads.get(cell.lead);
    if (lead !== undefined) strokePart(context, picture, cell, lead, cell.left, cell.right);
  }
}

/** Stroke a cell's line from x = `left` to x = `right`. */
export function strokePart(
  context: Context,
  picture: Picture,
  cell: Cell,
  lead: ShownLead,
  left: number,
  right: number,
): void {
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, picture.geometry.height);
  context.clip();
  penOf(context, picture);
  context.beginPath();
  const scale = scaleOf(picture, cell, lead);
  const { origin, baseline } = cell;
  addLine(context, lead.pyramid, scale, {
    from: left - origin,
    to: right - origin,
    at: left,
    baseline,
  });
  context.stroke();
  context.restore();
}

export function penOf(context: Context, { colours, pen }: Picture): void {
  context.strokeStyle = colours.trace;
  context.lineWidth = pen.trace;
  context.lineJoin = "round";
  context.lineCap = "round";
}

const TICK_MM = 4;

export function drawOverTraces(context: Context, picture: Picture): void {
  const { geometry, colours, pen } = picture;
  drawPulses(context, geometry, picture.speed, colours, pen);
  context.fillStyle = colours.trace;
  const half = (TICK_MM / 2) * geometry.down;
  for (const cell of geometry.cells) {
    if (cell.column > 0)
      context.fillRect(
        cell.left,
        cell.baseline - half,
        Math.max(1, Math.round(pen.trace * 0.8)),
        2 * half,
      );
  }
  for (const cell of geometry.cells) drawLabel(context, picture, cell);
}
