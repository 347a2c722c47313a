/** The same paper on any canvas at any scale, as for a printer. */
import type { LayoutName } from "../ecg/layout";
import type { Recording } from "../ecg/recording";
import { printColoursOf } from "./draw/colours";
import { geometryOf, marginMm } from "./draw/geometry";
import type { Context } from "./draw/grid";
import { LABEL_MM, labelHeight } from "./draw/labels";
import { drawOverlay, type Overlay } from "./draw/overlay";
import { drawPicture, type Picture } from "./draw/picture";
import type { Display } from "./props";
import { sheetOf } from "./sheet";
import type { ShownLeads } from "./shown";
import { START } from "./view";

export const MM_PER_INCH = 25.4;
export const PRINT_DPI = 300;
/** CSS px of an inch: the unit of text. */
const CSS_DPI = 96;
const TRACE_MM = 0.28;
const FINE_MM = 0.1;
const COARSE_MM = 0.2;
/** 10 s at 25 mm/s, 5 s at 50 mm/s. */
const COLUMNS_MM = 250;

export interface PrintRequest {
  readonly recording: Recording;
  readonly leads: ShownLeads;
  readonly display: Display;
  /** Evidence, spikes and a caliper are printed too. */
  readonly overlay: Overlay;
  /** The first second of the page. */
  readonly fromS: number;
  readonly pxPerMm: number;
  readonly heightMm: number;
  readonly milliseconds: (seconds: number) => string;
}

/** The width (mm) of a page at a speed: the margin, the columns, a millimetre. */
export function pageWidthMm(speed: number): number {
  return marginMm(speed) + COLUMNS_MM + 1;
}

/** Draw a page true to scale, and size the canvas for it. */
export function drawPaper(canvas: HTMLCanvasElement, request: PrintRequest): void {
  const { recording, leads, display, overlay, pxPerMm } = request;
  canvas.width = Math.round(pageWidthMm(display.speed) * pxPerMm);
  canvas.height = Math.round(request.heightMm * pxPerMm);
  const ratio = (pxPerMm * MM_PER_INCH) / CSS_DPI;
  const { width, height } = canvas;
  const sheet = sheetOf(recording, leads, display, { width, height, pxPerMm, ratio });
  const geometry = geometryOf(sheet, { ...START, fromS: request.fromS });
  const pen = {
    trace: TRACE_MM * pxPerMm,
    fine: whole(FINE_MM * pxPerMm),
    coarse: whole(COARSE_MM * pxPerMm),
  };
  const picture: Picture = {
    geometry,
    leads,
    fs: recording.fs,
    speed: display.speed,
    reversed: display.reversedLeads,
    poorLeads: overlay.poorLeads,
    colours: printColoursOf(canvas),
    pen,
    ratio,
    labelMm: (cell) => {
      const lead = leads.get(cell.lead);
      return lead === undefined ? LABEL_MM : labelHeight(geometry, cell, lead, picture);
    },
    milliseconds: request.milliseconds,
  };
  const context = canvas.getContext("2d", { alpha: false }) as Context;
  drawPicture(context, picture);
  drawOverlay(context, picture, overlay);
}

/** Grid lines are whole pixels wide. */
function whole(px: number): number {
  return Math.max(1, Math.round(px));
}

/** A4 on its side has 183 mm between margins of 13.5 mm. */
const HEIGHT_MM = 130;
const HEIGHTS_MM: Readonly<Partial<Record<LayoutName, number>>> = { "6x2": 160, "12x1": 175 };

/** Before the browser prints, draw the page on a canvas that only a printer sees. */
export function onPrint(
  printed: { readonly current: HTMLCanvasElement | null },
  requested: () => Omit<PrintRequest, "pxPerMm" | "heightMm">,
): () => void {
  const draw = () => {
    const canvas = printed.current;
    if (canvas === null) return;
    const request = requested();
    const heightMm = HEIGHTS_MM[request.display.layout] ?? HEIGHT_MM;
    drawPaper(canvas, { ...request, pxPerMm: PRINT_DPI / MM_PER_INCH, heightMm });
    canvas.style.width = `${pageWidthMm(request.display.speed)}mm`;
    canvas.style.height = `${heightMm}mm`;
  };
  const forget = () => {
    if (printed.current !== null) printed.current.width = 0;
  };
  window.addEventListener("beforeprint", draw);
  window.addEventListener("afterprint", forget);
  return () => {
    window.removeEventListener("beforeprint", draw);
    window.removeEventListener("afterprint", forget);
  };
}
