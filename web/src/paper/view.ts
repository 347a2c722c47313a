/** Moves of the view: pan, zoom at a point, fit, show a moment. */
import { clamp, geometryOf, marginMm, type Sheet, type View } from "./draw/geometry";

export const START: View = { fromS: 0, zoom: 1, topMm: 0 };
const MOST_ZOOM = 16;

/** Keep a view on its paper. */
export function held(sheet: Sheet, view: View): View {
  const zoom = clamp(view.zoom, leastZoom(sheet), MOST_ZOOM);
  const { fromS, topMm } = geometryOf(sheet, { ...view, zoom });
  return { fromS, zoom, topMm };
}

/** The zoom at which the whole recording is seen, where that is under true scale. */
function leastZoom(sheet: Sheet): number {
  return Math.min(1, fitting(sheet, sheet.totalS));
}

function fitting(sheet: Sheet, seconds: number): number {
  const mm = seconds * sheet.speed + marginMm(sheet.speed) + 1;
  return sheet.width / (mm * sheet.pxPerMm);
}

export function panned(sheet: Sheet, view: View, right: number, down: number): View {
  const geometry = geometryOf(sheet, view);
  return held(sheet, {
    fromS: view.fromS + right / geometry.pxPerS,
    zoom: view.zoom,
    topMm: view.topMm + down / geometry.down,
  });
}

/** Zoom so that time and row under a point stay there. */
export function zoomed(sheet: Sheet, view: View, factor: number, x: number, y: number): View {
  const before = geometryOf(sheet, view);
  const zoom = clamp(view.zoom * factor, leastZoom(sheet), MOST_ZOOM);
  const after = geometryOf(sheet, { ...view, zoom });
  const second = before.fromS + (x - before.left) / before.pxPerS;
  const row = y - sheet.above;
  const mm = before.topMm + row / before.down;
  return held(sheet, {
    fromS: second - (x - after.left) / after.pxPerS,
    zoom,
    topMm: mm - row / after.down,
  });
}

/** The page of 10 s, or a shorter recording, over the width; once more: true to scale. */
const FIT_PAGE_S = 10;

export function fitted(sheet: Sheet, view: View): View {
  const zoom = fitting(sheet, Math.min(sheet.totalS, FIT_PAGE_S));
  const isFit = Math.abs(view.zoom / zoom - 1) < 0.01;
  const fromS = sheet.totalS <= FIT_PAGE_S ? 0 : view.fromS;
  return held(sheet, { fromS, zoom: isFit ? 1 : zoom, topMm: 0 });
}

/** Pan to the middle of a span, where it is not seen already. */
export function showing(sheet: Sheet, view: View, fromS: number, toS: number): View {
  const geometry = geometryOf(sheet, view);
  if (fromS >= geometry.fromS && toS <= geometry.fromS + geometry.pageS) return view;
  return held(sheet, { ...view, fromS: (fromS + toS - geometry.pageS) / 2 });
}
