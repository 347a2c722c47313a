/**
 * All strips of the page, drawn by one loop of animation frames. A canvas lies over a column of
 * tiles; an element of the column with `data-strip` is the window of that patient's strip.
 */
import { onThemeChange } from "../../../paper/draw/colours";
import { STALE_MS } from "../../../station/strip_clock";
import { BedStrip } from "./bed_strip";
import { type StripColours, stripColoursOf } from "./strip_colours";
import { type Box, type Pen, Sweep } from "./sweep";

export interface ColumnStyle {
  readonly pxPerMm: number;
  readonly mmPerS: number;
  /** CSS pixels. */
  readonly tracePx: number;
  /** Whether the class of a normal beat is written, too. */
  readonly labelsAll: boolean;
}

/** The part of the usual gain at which a patient's strip is drawn at a place. */
export interface StripGain {
  readonly place: string;
  readonly patient: string;
  readonly gain: number;
}

/** Called in every frame with the time of day, before the strips are drawn. */
export type Tick = (nowMs: number) => void;

export class StripBoard {
  private readonly beds = new Map<string, BedStrip>();
  private readonly columns = new Set<Column>();
  private frame = 0;
  private visibleSinceMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly tick: Tick,
    private readonly gainChanged: (gain: StripGain) => void,
  ) {}

  bed(patient: string): BedStrip {
    const known = this.beds.get(patient);
    if (known !== undefined) return known;
    const bed = new BedStrip();
    this.beds.set(patient, bed);
    return bed;
  }

  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.visibleSinceMs = dayMs();
    });
    const draw = () => {
      this.frame = requestAnimationFrame(draw);
      this.draw(dayMs());
    };
    if (this.frame === 0) draw();
  }

  /** How long a strip has been without anything new, while somebody could see it; null without one. */
  silentMs(patient: string, nowMs: number): number | null {
    const bed = this.beds.get(patient);
    if (bed?.ring == null) return null;
    // A hidden tab asks for no strips: those seconds are not the device's.
    return Math.min(bed.clock.silentMs(nowMs), nowMs - this.visibleSinceMs);
  }

  /** Draw the strips of a column. Return what ends it. */
  show(canvas: HTMLCanvasElement, column: HTMLElement, style: ColumnStyle): () => void {
    const shown = new Column(canvas, column, style, (patient) => this.bed(patient));
    this.columns.add(shown);
    return () => {
      this.columns.delete(shown);
      shown.stop();
    };
  }

  private draw(nowMs: number): void {
    this.tick(nowMs);
    for (const column of this.columns) {
      const isStale = (patient: string) => (this.silentMs(patient, nowMs) ?? 0) >= STALE_MS;
      column.draw(nowMs, isStale, this.gainChanged);
    }
  }
}

/** The time of day in ms, with the fractions that an animation needs. */
export function dayMs(): number {
  return performance.timeOrigin + performance.now();
}

class Column {
  private readonly sweeps = new Map<
    HTMLElement,
    { readonly patient: string; readonly sweep: Sweep }
  >();
  private readonly seen = new Set<Element>();
  private readonly resizes: ResizeObserver;
  private readonly sights: IntersectionObserver;
  private readonly changes: MutationObserver;
  private readonly stopTheme: () => void;
  private colours: StripColours;
  private isMeasured = false;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly column: HTMLElement,
    private readonly style: ColumnStyle,
    private readonly bedOf: (patient: string) => BedStrip,
  ) {
    this.colours = stripColoursOf(column);
    const remeasure = () => {
      this.isMeasured = false;
    };
    this.resizes = new ResizeObserver(remeasure);
    this.resizes.observe(column);
    this.changes = new MutationObserver(remeasure);
    this.changes.observe(column, {
      childList: true,
      subtree: true,
      attributes: true,
      attributeFilter: ["data-strip"],
    });
    this.sights = new IntersectionObserver((entries) => this.sight(entries));
    this.stopTheme = onThemeChange(() => {
      this.colours = stripColoursOf(column);
      this.isMeasured = false;
    });
  }

  stop(): void {
    this.resizes.disconnect();
    this.changes.disconnect();
    this.sights.disconnect();
    this.stopTheme();
  }

  draw(
    nowMs: number,
    isStale: (patient: string) => boolean,
    gainChanged: (gain: StripGain) => void,
  ): void {
    if (!this.isMeasured) this.measure();
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    for (const [element, { patient, sweep }] of this.sweeps) {
      if (!this.seen.has(element)) continue;
      if (!sweep.frame(context, nowMs, isStale(patient))) continue;
      gainChanged({ place: element.dataset.place ?? "", patient, gain: sweep.gain });
    }
  }

  private sight(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.seen.add(target);
      else this.seen.delete(target);
    }
  }

  /** Find the windows of the strips. Where none has moved, nothing is drawn anew. */
  private measure(): void {
    this.isMeasured = true;
    const ratio = devicePixelRatio;
    const outer = this.column.getBoundingClientRect();
    const width = Math.round(outer.width * ratio);
    const height = Math.round(outer.height * ratio);
    const isResized = this.canvas.width !== width || this.canvas.height !== height;
    if (isResized) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const pen: Pen = {
      ratio,
      pxPerMm: this.style.pxPerMm * ratio,
      mmPerS: this.style.mmPerS,
      tracePx: this.style.tracePx * ratio,
      labelsAll: this.style.labelsAll,
      colours: this.colours,
    };
    const elements = new Set(this.column.querySelectorAll<HTMLElement>("[data-strip]"));
    this.forget(elements);
    for (const element of elements) {
      const inner = element.getBoundingClientRect();
      const box: Box = {
        left: Math.round((inner.left - outer.left) * ratio),
        top: Math.round((inner.top - outer.top) * ratio),
        width: Math.round(inner.width * ratio),
        height: Math.round(inner.height * ratio),
      };
      this.place(element, element.dataset.strip ?? "", box, pen, isResized);
    }
  }

  private forget(elements: ReadonlySet<Element>): void {
    for (const [element, { sweep }] of this.sweeps) {
      if (elements.has(element)) continue;
      this.wipe(sweep.box);
      this.sweeps.delete(element);
      this.seen.delete(element);
      this.sights.unobserve(element);
      this.resizes.unobserve(element);
    }
  }

  private place(
    element: HTMLElement,
    patient: string,
    box: Box,
    pen: Pen,
    isResized: boolean,
  ): void {
    const known = this.sweeps.get(element);
    if (known === undefined || known.patient !== patient) {
      if (known !== undefined) this.wipe(known.sweep.box);
      const sweep = new Sweep(this.bedOf(patient), box, pen);
      this.sweeps.set(element, { patient, sweep });
      this.sights.observe(element);
      this.resizes.observe(element);
      return;
    }
    const { sweep } = known;
    const hasMoved = JSON.stringify(sweep.box) !== JSON.stringify(box);
    if (hasMoved && !isResized) this.wipe(sweep.box);
    if (hasMoved || isResized || !sweep.hasPen(pen)) sweep.reset(box, pen);
  }

  private wipe({ left, top, width, height }: Box): void {
    this.canvas.getContext("2d")?.clearRect(left, top, width, height);
  }
}
