/** Wheel and drag move the view. */
import type { Screen } from "./screen";
import { fitted, panned, zoomed } from "./view";

/** A wheel's line and page in pixels, for browsers that do not report pixels. */
const LINE_PX = 16;
const PAGE_PX = 400;
/** Zoom of one wheel pixel: a notch of 100 px is about a fifth. */
const ZOOM_BASE = 1.002;

export function attachPointer(frame: HTMLElement, screen: Screen): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  frame.addEventListener("wheel", (event) => wheel(event, frame, screen), {
    passive: false,
    signal,
  });
  let last: PointerEvent | null = null;
  frame.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      last = event;
      frame.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  frame.addEventListener(
    "pointermove",
    (event) => {
      if (last === null || screen.sheet === null) return;
      const ratio = screen.pixelRatio;
      const right = (last.clientX - event.clientX) * ratio;
      const down = (last.clientY - event.clientY) * ratio;
      screen.move(panned(screen.sheet, screen.view, right, down));
      last = event;
    },
    { signal },
  );
  for (const name of ["pointerup", "pointercancel"] as const) {
    frame.addEventListener(
      name,
      () => {
        last = null;
      },
      { signal },
    );
  }
  frame.addEventListener(
    "dblclick",
    () => {
      if (screen.sheet !== null) screen.move(fitted(screen.sheet, screen.view));
    },
    { signal },
  );
  return () => listening.abort();
}

function wheel(event: WheelEvent, frame: HTMLElement, screen: Screen): void {
  const { sheet } = screen;
  if (sheet === null) return;
  const unit = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? PAGE_PX : 1;
  const ratio = screen.pixelRatio;
  const box = frame.getBoundingClientRect();
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    const factor = ZOOM_BASE ** (-event.deltaY * unit);
    const x = (event.clientX - box.left) * ratio;
    const y = (event.clientY - box.top) * ratio;
    screen.move(zoomed(sheet, screen.view, factor, x, y));
    return;
  }
  const along = (event.deltaX + (event.shiftKey ? 0 : event.deltaY)) * unit * ratio;
  const down = event.shiftKey ? event.deltaY * unit * ratio : 0;
  const next = panned(sheet, screen.view, along, down);
  // At the recording's end the page scrolls on.
  if (next.fromS === screen.view.fromS && next.topMm === screen.view.topMm) return;
  event.preventDefault();
  screen.move(next);
}
