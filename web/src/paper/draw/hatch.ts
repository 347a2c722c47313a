/** Slanting lines: nothing was recorded here. */
import type { Context } from "./grid";

const EVERY_PX = 7;

export function hatch(
  context: Context,
  left: number,
  top: number,
  width: number,
  height: number,
  colour: string,
  ratio: number,
): void {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.globalAlpha = 0.55;
  context.lineWidth = ratio;
  context.beginPath();
  const every = EVERY_PX * ratio;
  // From multiples of the distance, so that the hatch does not crawl while panning.
  for (let x = Math.floor((left - height) / every) * every; x < left + width; x += every) {
    context.moveTo(x, top + height);
    context.lineTo(x + height, top);
  }
  context.stroke();
  context.restore();
}
