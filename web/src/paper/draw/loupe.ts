/** A magnified circle above the finger that covers what it points at. */

import type { Spot } from "../screen";
import type { Context } from "./grid";
import type { Picture } from "./picture";

const ABOVE_PX = 60;
const RADIUS_PX = 40;
const TIMES = 2;

export function drawLoupe(
  context: Context,
  { colours, ratio, geometry }: Picture,
  base: HTMLCanvasElement,
  { x, y }: Spot,
): void {
  const radius = RADIUS_PX * ratio;
  const middleX = Math.min(geometry.width - radius, Math.max(radius, x));
  // Near the upper edge there is no room above the finger.
  const above = y - (ABOVE_PX + RADIUS_PX) * ratio;
  const middleY = above >= radius ? above : y + (ABOVE_PX + RADIUS_PX) * ratio;
  context.save();
  context.beginPath();
  context.arc(middleX, middleY, radius, 0, 2 * Math.PI);
  context.save();
  context.clip();
  const part = radius / TIMES;
  context.drawImage(
    base,
    x - part,
    y - part,
    2 * part,
    2 * part,
    middleX - radius,
    middleY - radius,
    2 * radius,
    2 * radius,
  );
  context.fillStyle = colours.accent;
  context.fillRect(middleX - ratio / 2, middleY - radius, ratio, 2 * radius);
  context.restore();
  context.strokeStyle = colours.accent;
  context.lineWidth = 2 * ratio;
  context.stroke();
  context.restore();
}
