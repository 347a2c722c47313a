/** Where things are on a canvas. Canvas lengths are device pixels unless a name says mm. */
import { type Layout, type Need, type Place, rowBoxes } from "../../ecg/layout";

/** 1 mm foot, 0.2 s of calibration pulse, 1 mm foot, with space around. */
const MARGIN_MM = 1.5;
const FOOT_MM = 1;
export const PULSE_S = 0.2;
const RIGHT_MM = 1;

/** What the view changes; everything else of a picture follows from it. */
export interface View {
  /** Seconds of the recording at the first column's left edge. */
  readonly fromS: number;
  /** 1 is true to scale. */
  readonly zoom: number;
  /** mm of the rows above the top edge. */
  readonly topMm: number;
}

export interface Sheet {
  readonly width: number;
  readonly height: number;
  /** Device pixels a millimetre at zoom 1. */
  readonly pxPerMm: number;
  /** Device pixels kept free over the first row and under the last, for captions. */
  readonly above: number;
  readonly below: number;
  readonly speed: number;
  readonly gain: number;
  readonly totalS: number;
  readonly layout: Layout;
  readonly needs: readonly Need[];
}

/** A lead's window on the paper. */
export interface Cell extends Place {
  readonly row: number;
  readonly column: number;
  readonly strip: boolean;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly baseline: number;
  readonly fromS: number;
  readonly toS: number;
  /** The place of second 0, a whole device pixel: tiles are shifted, not resampled. */
  readonly origin: number;
}

export interface Geometry {
  readonly width: number;
  readonly height: number;
  /** Device pixels a mm across and down. They differ when zoomed far out, where rows stay legible. */
  readonly across: number;
  readonly down: number;
  readonly pxPerS: number;
  readonly pxPerMv: number;
  /** Left edge of the first column. */
  readonly left: number;
  readonly right: number;
  readonly pageS: number;
  readonly columnS: number;
  readonly fromS: number;
  readonly topMm: number;
  readonly contentMm: number;
  readonly cells: readonly Cell[];
  /** Baseline of each row, for its calibration pulse. */
  readonly baselines: readonly number[];
}

export function marginMm(speed: number): number {
  return 2 * MARGIN_MM + 2 * FOOT_MM + PULSE_S * speed;
}

export function pulseLeftMm(): number {
  return MARGIN_MM;
}

/** The longest page on which columns stay consecutive: paper of 10 s, longer on a wide screen. */
const PAGE_S = 10;

export function geometryOf(sheet: Sheet, view: View): Geometry {
  const { width, height, speed, layout, totalS } = sheet;
  const across = sheet.pxPerMm * view.zoom;
  const room = Math.max(1, height - sheet.above - sheet.below);
  const heightMm = room / sheet.pxPerMm;
  const boxes = rowBoxes(sheet.needs, heightMm);
  const last = boxes.at(-1);
  const contentMm = last === undefined ? 0 : last.top + last.height;
  const down = Math.max(across, Math.min(sheet.pxPerMm, room / Math.max(1, contentMm)));
  const pxPerS = speed * across;
  const left = Math.round(marginMm(speed) * Math.min(across, sheet.pxPerMm));
  const columnsPx = Math.max(1, width - left - Math.round(RIGHT_MM * across));
  // 10 s of paper hold the usual columns; a wider screen shows more of a longer recording.
  const visibleS = columnsPx / pxPerS;
  const pageS = Math.min(visibleS, Math.max(Math.min(totalS, PAGE_S), Math.min(totalS, visibleS)));
  const fromS = clamp(view.fromS, 0, Math.max(0, totalS - pageS));
  const topMm = clamp(view.topMm, 0, Math.max(0, contentMm - room / down));
  const geometry = {
    width,
    height,
    across,
    down,
    pxPerS,
    pxPerMv: sheet.gain * down,
    left,
    right: left + Math.round(pageS * pxPerS),
    pageS,
    columnS: pageS / layout.columns,
    fromS,
    topMm,
    contentMm,
  };
  const yAt = (mm: number) => sheet.above + Math.round((mm - topMm) * down);
  const baselines = boxes.map((box) => yAt(box.baseline));
  const cells = layout.rows.flatMap((row, at) => {
    const box = boxes[at];
    if (box === undefined) return [];
    const [top, bottom] = [yAt(box.top), yAt(box.top + box.height)];
    const vertical = { row: at, top, bottom, baseline: baselines[at] ?? 0, strip: row.strip };
    const columns = row.strip ? 1 : layout.columns;
    return row.places.flatMap((place, column) =>
      place === null ? [] : [{ ...place, ...vertical, ...windowOf(geometry, column, columns) }],
    );
  });
  return { ...geometry, cells, baselines };
}

type Across = Pick<Geometry, "left" | "pageS" | "fromS" | "pxPerS">;

/** A column's window: its part of the page's time, beside that of the column before it. */
function windowOf({ left, pageS, fromS, pxPerS }: Across, column: number, columns: number) {
  const seconds = pageS / columns;
  const start = left + Math.round(column * seconds * pxPerS);
  const end = left + Math.round((column + 1) * seconds * pxPerS);
  const columnFromS = fromS + column * seconds;
  // From the page's left edge, so that every column and strip moves by the same whole pixels.
  const origin = left - Math.round(fromS * pxPerS);
  return {
    column,
    left: start,
    right: end,
    fromS: columnFromS,
    toS: columnFromS + seconds,
    origin,
  };
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

export function xOf(geometry: Geometry, cell: Cell, second: number): number {
  return cell.origin + second * geometry.pxPerS;
}

export function secondAt(geometry: Geometry, cell: Cell, x: number): number {
  return (x - cell.origin) / geometry.pxPerS;
}

export function yOf(geometry: Geometry, cell: Cell, mv: number): number {
  return cell.baseline - mv * geometry.pxPerMv;
}

export function mvAt(geometry: Geometry, cell: Cell, y: number): number {
  return (cell.baseline - y) / geometry.pxPerMv;
}

/** The cell under a point, else the one in the nearest row. Null where no column is. */
export function cellAt(geometry: Geometry, x: number, y: number): Cell | null {
  let best: Cell | null = null;
  let distance = Number.POSITIVE_INFINITY;
  for (const cell of geometry.cells) {
    if (x < cell.left || x > cell.right) continue;
    const away = Math.max(cell.top - y, y - cell.bottom, 0);
    if (away < distance) [best, distance] = [cell, away];
  }
  return best;
}
