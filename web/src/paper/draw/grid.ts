/** The paper's millimetre grid and its calibration pulses. */
import type { Colours } from "./colours";
import { type Geometry, marginMm, PULSE_S, pulseLeftMm } from "./geometry";

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Widths of lines in device pixels. */
export interface Pen {
  readonly trace: number;
  readonly fine: number;
  readonly coarse: number;
}

/** Finer than this (device pixels a mm), lines would run together. */
const LEAST_FINE_PX = 3;
const LEAST_COARSE_PX = 1.2;

export function drawGrid(context: Context, geometry: Geometry, colours: Colours, pen: Pen): void {
  const { width, height, across, down } = geometry;
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, width, height);
  if (across >= LEAST_FINE_PX && down >= LEAST_FINE_PX) {
    context.fillStyle = colours.fine;
    lines(context, geometry, 1, pen.fine);
  }
  if (across >= LEAST_COARSE_PX && down >= LEAST_COARSE_PX) {
    context.fillStyle = colours.coarse;
    lines(context, geometry, 5, pen.coarse);
  }
}

/** Lines snap to whole device pixels, so that all are equally sharp. */
function lines(context: Context, geometry: Geometry, everyMm: number, pen: number) {
  const { width, height, across, down, left, topMm } = geometry;
  // A line of 5 mm passes through the first column's edge.
  const firstX = (left / across) % everyMm;
  for (let mm = firstX; mm * across <= width; mm += everyMm) {
    context.fillRect(Math.round(mm * across - pen / 2), 0, pen, height);
  }
  for (let mm = -(topMm % everyMm); mm * down <= height; mm += everyMm) {
    context.fillRect(0, Math.round(mm * down - pen / 2), width, pen);
  }
}

/** 1 mV for 0.2 s before the first column of each row. It follows speed, gain and zoom. */
export function drawPulses(
  context: Context,
  geometry: Geometry,
  speed: number,
  colours: Colours,
  pen: Pen,
): void {
  const { across, pxPerMv, left } = geometry;
  if (marginMm(speed) * across > left + 1) return;
  const start = pulseLeftMm() * across;
  const rise = start + across;
  const fall = rise + PULSE_S * speed * across;
  context.strokeStyle = colours.trace;
  context.lineWidth = pen.trace;
  context.lineJoin = "round";
  context.beginPath();
  for (const baseline of geometry.baselines) {
    context.moveTo(start, baseline);
    context.lineTo(rise, baseline);
    context.lineTo(rise, baseline - pxPerMv);
    context.lineTo(fall, baseline - pxPerMv);
    context.lineTo(fall, baseline);
    context.lineTo(fall + across, baseline);
  }
  context.stroke();
}
