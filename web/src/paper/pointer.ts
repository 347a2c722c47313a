/** Mouse, pen and fingers on the paper: pan, zoom, and placing what the tool places. */
import type { Screen, Spot } from "./screen";
import { fitted, panned, zoomed } from "./view";

/** A wheel's line and page in pixels, for browsers that do not report pixels. */
const LINE_PX = 16;
const PAGE_PX = 400;
/** Zoom of one wheel pixel: a notch of 100 px is about a fifth. */
const ZOOM_BASE = 1.002;
/** A press that moves less is a click (CSS px). */
const CLICK_PX = 4;
const LONG_PRESS_MS = 500;

/** What placing does. The paper decides by its tool. */
export interface Placing {
  /** Whether a drag places something; else it pans. */
  readonly places: () => boolean;
  readonly start: (spot: Spot) => void;
  readonly drag: (spot: Spot) => void;
  /** A click without a drag sets one end; the next click the other. */
  readonly end: (spot: Spot, wasClick: boolean) => void;
  /** The mouse moves with no button pressed. */
  readonly hover: (spot: Spot) => void;
  /** What was begun is given up, as when a second finger zooms. */
  readonly cancel: () => void;
}

type Mode = "none" | "pan" | "place" | "pinch";

export class Pointer {
  private mode: Mode = "none";
  private readonly fingers = new Map<number, PointerEvent>();
  private startX = 0;
  private startY = 0;
  private moved = false;
  private timer = 0;
  private readonly listening = new AbortController();

  constructor(
    private readonly frame: HTMLElement,
    private readonly screen: Screen,
    private readonly placing: Placing,
  ) {
    const { signal } = this.listening;
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false, signal });
    frame.addEventListener("pointerdown", (event) => this.down(event), { signal });
    frame.addEventListener("pointermove", (event) => this.move(event), { signal });
    frame.addEventListener("pointerup", (event) => this.up(event), { signal });
    frame.addEventListener("pointercancel", (event) => this.cancel(event), { signal });
    frame.addEventListener("dblclick", (event) => this.fit(event), { signal });
  }

  stop(): void {
    clearTimeout(this.timer);
    this.listening.abort();
  }

  private fit(event: MouseEvent): void {
    const { sheet, view } = this.screen;
    if (!this.isPaper(event)) return;
    if (sheet !== null && !this.placing.places()) this.screen.move(fitted(sheet, view));
  }

  private wheel(event: WheelEvent): void {
    const { sheet, view } = this.screen;
    if (sheet === null) return;
    const unit = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? PAGE_PX : 1;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const { x, y } = this.screen.spotOf(event);
      this.screen.move(zoomed(sheet, view, ZOOM_BASE ** (-event.deltaY * unit), x, y));
      return;
    }
    const px = unit * this.screen.pixelRatio;
    // With Shift some browsers turn the wheel's axis themselves.
    const turned = (event.deltaX + event.deltaY) * px;
    const next = event.shiftKey ? panned(sheet, view, 0, turned) : panned(sheet, view, turned, 0);
    // At the recording's end the page scrolls on.
    if (next.fromS === view.fromS && next.topMm === view.topMm) return;
    event.preventDefault();
    this.screen.move(next);
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return;
    // Handles, buttons and the scroll bar have their own ways.
    if (!this.isPaper(event)) {
      this.placing.cancel();
      return;
    }
    // Two fingers zoom; more are not heeded.
    if (this.fingers.size === 2) return;
    this.fingers.set(event.pointerId, event);
    this.frame.setPointerCapture(event.pointerId);
    if (this.fingers.size === 2) {
      clearTimeout(this.timer);
      this.placing.cancel();
      this.mode = "pinch";
      return;
    }
    this.startX = event.clientX;
    this.startY = event.clientY;
    this.moved = false;
    if (this.placing.places()) {
      this.startPlacing(event);
      return;
    }
    this.mode = "pan";
    if (event.pointerType === "touch") {
      this.timer = window.setTimeout(() => this.startPlacing(event), LONG_PRESS_MS);
    }
  }

  private startPlacing(event: PointerEvent): void {
    this.mode = "place";
    this.placing.start(this.screen.spotOf(event));
  }

  private move(event: PointerEvent): void {
    const before = this.fingers.get(event.pointerId);
    if (before === undefined) {
      // A pressed button drags something else, such as a handle.
      const hovers = event.pointerType !== "touch" && event.buttons === 0;
      if (hovers) this.placing.hover(this.screen.spotOf(event));
      return;
    }
    if (Math.hypot(event.clientX - this.startX, event.clientY - this.startY) > CLICK_PX) {
      this.moved = true;
      clearTimeout(this.timer);
    }
    if (this.mode === "pinch") this.pinch(event, before);
    this.fingers.set(event.pointerId, event);
    if (this.mode === "place" && this.moved) this.placing.drag(this.screen.spotOf(event));
    if (this.mode === "pan" && this.moved) this.pan(before, event);
  }

  private pan(before: PointerEvent, event: PointerEvent): void {
    const { sheet, view, pixelRatio } = this.screen;
    if (sheet === null) return;
    const right = (before.clientX - event.clientX) * pixelRatio;
    const down = (before.clientY - event.clientY) * pixelRatio;
    this.screen.move(panned(sheet, view, right, down));
  }

  /** Zoom by the change of the distance, at the middle between two fingers, and move with it. */
  private pinch(event: PointerEvent, before: PointerEvent): void {
    const other = [...this.fingers.values()].find((each) => each.pointerId !== event.pointerId);
    const { sheet, view, pixelRatio } = this.screen;
    if (other === undefined || sheet === null) return;
    const [here, there] = [this.screen.spotOf(event), this.screen.spotOf(other)];
    const distance = (one: PointerEvent) =>
      Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
    const factor = distance(event) / distance(before);
    const zoomedView = zoomed(sheet, view, factor, (here.x + there.x) / 2, (here.y + there.y) / 2);
    const right = ((before.clientX - event.clientX) / 2) * pixelRatio;
    const down = ((before.clientY - event.clientY) / 2) * pixelRatio;
    this.screen.move(panned(sheet, zoomedView, right, down));
  }

  private up(event: PointerEvent): void {
    if (!this.fingers.delete(event.pointerId)) return;
    clearTimeout(this.timer);
    if (this.mode === "place") this.placing.end(this.screen.spotOf(event), !this.moved);
    this.mode = "none";
  }

  /** The browser took the pointer, as for a gesture of its own: nothing was chosen. */
  private cancel(event: PointerEvent): void {
    if (!this.fingers.delete(event.pointerId)) return;
    clearTimeout(this.timer);
    this.placing.cancel();
    this.mode = "none";
  }

  /** Clicks of a captured pointer are the frame's own. */
  private isPaper({ target }: Event): boolean {
    return target instanceof HTMLCanvasElement || target === this.frame;
  }
}
