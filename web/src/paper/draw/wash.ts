/** A coloured field over a part of the paper, with a cap at its top: a poor lead, evidence. */
import type { Context } from "./grid";

/** Device pixels. */
export interface Field {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const CAP_PX = 2;

export function wash(
  context: Context,
  { left, top, right, bottom }: Field,
  colour: string,
  capColour: string,
  ratio: number,
): void {
  context.fillStyle = colour;
  context.fillRect(left, top, right - left, bottom - top);
  context.fillStyle = capColour;
  context.fillRect(left, top, right - left, Math.round(CAP_PX * ratio));
}
