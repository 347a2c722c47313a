/** Lead names, with what is to be said of a lead beside its name. */

import type { ShownLead } from "../shown";
import { type Cell, type Geometry, xOf } from "./geometry";
import type { Context } from "./grid";
import { type Picture, signOf } from "./picture";

const LABEL_PX = 14;
const NOTE_PX = 12;
const HALO_PX = 4;
const RIGHT_MM = 1.2;
export const LABEL_MM = 6;
const HIGHEST_MM = 9.5;

export function labelOf(cell: Cell, lead: ShownLead, reversed: ReadonlySet<string>): string {
  return `${signOf(cell, reversed) < 0 ? "−" : ""}${cell.lead}${lead.derived ? "*" : ""}`;
}

export function drawLabel(context: Context, picture: Picture, cell: Cell): void {
  const { geometry, colours, ratio } = picture;
  const lead = picture.leads.get(cell.lead);
  if (lead === undefined) return;
  const x = cell.left + Math.round(RIGHT_MM * Math.min(geometry.across, 4 * ratio));
  const y = cell.baseline - Math.round(picture.labelMm(cell) * geometry.down);
  const name = labelOf(cell, lead, picture.reversed);
  context.font = `600 ${LABEL_PX * ratio}px ${colours.font}`;
  haloed(context, picture, name, x, y, colours.trace);
  const after = x + context.measureText(name).width + 8 * ratio;
  const poor = picture.poorLeads.find((each) => each.lead === cell.lead);
  context.font = `500 ${NOTE_PX * ratio}px ${colours.font}`;
  if (poor !== undefined) {
    const words = fitting(context, poor.reason, cell.right - after);
    haloed(context, picture, words, after, y, colours.technical);
  }
  for (const gap of lead.gaps) {
    const left = Math.max(cell.left, xOf(geometry, cell, gap.fromS));
    const right = Math.min(cell.right, xOf(geometry, cell, gap.toS));
    const words = picture.milliseconds(gap.toS - gap.fromS);
    const width = context.measureText(words).width;
    if (right - left < width / 2) continue;
    const middle = Math.min(cell.right - width, Math.max(cell.left, (left + right - width) / 2));
    haloed(context, picture, words, middle, cell.bottom - 4 * ratio, colours.technical);
  }
}

export function haloed(
  context: Context,
  picture: Picture,
  words: string,
  x: number,
  y: number,
  colour: string,
): void {
  context.lineJoin = "round";
  context.lineWidth = HALO_PX * picture.ratio;
  context.strokeStyle = picture.colours.paper;
  context.strokeText(words, x, y);
  context.fillStyle = colour;
  context.fillText(words, x, y);
}

/** The words, shortened to a width. */
function fitting(context: Context, words: string, width: number): string {
  if (context.measureText(words).width <= width) return words;
  let kept = words;
  while (kept.length > 1 && context.measureText(`${kept}…`).width > width) kept = kept.slice(0, -1);
  return `${kept}…`;
}

/** Steps at which a label is tried above the baseline. */
const STEPS_MM = [LABEL_MM, 7, 8, 9, HIGHEST_MM];

/** Where a label crosses the trace least: mm above the baseline. */
export function labelHeight(
  geometry: Geometry,
  cell: Cell,
  lead: ShownLead,
  picture: Picture,
): number {
  const { fs, ratio } = picture;
  const samples = (lead.pyramid[0] as { min: Float32Array }).min;
  const sign = signOf(cell, picture.reversed);
  const widthS = ((cell.lead.length + 2) * LABEL_PX * 0.7 * ratio) / geometry.pxPerS;
  const first = Math.max(0, Math.round(cell.fromS * fs));
  const last = Math.min(samples.length - 1, Math.round((cell.fromS + widthS) * fs));
  let best = LABEL_MM;
  let least = Number.POSITIVE_INFINITY;
  for (const mm of STEPS_MM) {
    const bottom = mm * geometry.down - 3 * ratio;
    const top = mm * geometry.down + LABEL_PX * ratio;
    let hits = 0;
    for (let at = first; at <= last; at++) {
      const y = sign * ((samples[at] as number) - lead.extent.centre) * geometry.pxPerMv;
      if (y > bottom && y < top) hits++;
    }
    if (hits < least) {
      best = mm;
      least = hits;
    }
  }
  return best;
}
