/**
 * Draws one strip as monitors do: the page stands still, and a cursor with a gap behind it writes
 * the newest samples over the oldest. Only what is new is drawn. Lengths are device pixels.
 */
import { hatch } from "../../../paper/draw/hatch";
import type { BedStrip } from "./bed_strip";
import type { StripColours } from "./strip_colours";

/** A strip's window on its canvas. Whole pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Pen {
  /** Pixels of a CSS pixel. */
  readonly ratio: number;
  readonly pxPerMm: number;
  readonly mmPerS: number;
  readonly tracePx: number;
  /** Whether the class of a normal beat is written, too. */
  readonly labelsAll: boolean;
  readonly colours: StripColours;
}

/** 10 mm/mV, else as much less as the trace needs. */
const GAINS = [1, 3 / 4, 1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 8] as const;
const FULL_MM_PER_MV = 10;
const GAP_PX = 18;
/** Under the trace: the classes of beats. */
const LABELS_PX = 13;
const LABEL_FONT_PX = 12;
/** The line's half width and joins reach over the samples. */
const EDGE_PX = 2;
/** Seconds of trace that the gain is chosen by. */
const GAIN_S = 6;
/** A dash of the line that stands for a missing signal. */
const DASH_PX = 6;
/** Samples that are kept back, so that the line's end does not move once it is drawn. */
const HELD_SAMPLES = 2;

export class Sweep {
  gain: number = GAINS[0];
  private centreMv = 0;
  /** Pixels since 1970 up to which the strip is drawn. */
  private drawn = Number.NEGATIVE_INFINITY;
  private version = -1;
  private isStale = false;
  private nextBeatMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly bed: BedStrip,
    public box: Box,
    private pen: Pen,
  ) {}

  /** Draw everything anew in the next frame. */
  reset(box: Box, pen: Pen): void {
    this.box = box;
    this.pen = pen;
    this.version = -1;
  }

  /** Whether it is drawn with this pen already. */
  hasPen({ ratio, colours, mmPerS, pxPerMm }: Pen): boolean {
    const { pen } = this;
    return (
      pen.ratio === ratio &&
      pen.colours === colours &&
      pen.mmPerS === mmPerS &&
      pen.pxPerMm === pxPerMm
    );
  }

  /** Draw what is new. Return whether the gain changed. */
  frame(context: CanvasRenderingContext2D, nowMs: number, isStale: boolean): boolean {
    const { ring, clock } = this.bed;
    if (ring === null || ring.isEmpty) return false;
    const delayed = nowMs - clock.shownMs(nowMs);
    const last = ring.newestMs - (HELD_SAMPLES * 1000) / ring.fs + delayed;
    const target = Math.floor(Math.min(nowMs, last) * this.pxPerMs);
    const isWhole =
      this.version !== this.bed.version ||
      this.isStale !== isStale ||
      target - this.drawn > this.box.width / 2;
    if (!isWhole && target <= this.drawn) return false;
    this.isStale = isStale;
    const wraps = Math.floor(target / this.box.width) !== Math.floor(this.drawn / this.box.width);
    const gainChanged = (isWhole || wraps || this.overflows()) && this.choose();
    if (isWhole || gainChanged) this.whole(context, target, delayed);
    else this.slice(context, this.drawn, target, delayed);
    this.version = this.bed.version;
    this.drawn = target;
    this.drawLabels(context, delayed);
    if (isStale) this.drawHatch(context);
    return gainChanged;
  }

  private get pxPerMs(): number {
    const { pxPerMm, mmPerS } = this.pen;
    return (pxPerMm * mmPerS) / 1000;
  }

  private get traceHeight(): number {
    return this.box.height - Math.round(LABELS_PX * this.pen.ratio);
  }

  private get pxPerMv(): number {
    return FULL_MM_PER_MV * this.gain * this.pen.pxPerMm;
  }

  /** Choose gain and middle by the last seconds. Return whether the picture changes. */
  private choose(): boolean {
    const extent = this.bed.ring?.extent(GAIN_S) ?? null;
    if (extent === null) return false;
    const { low, high } = extent;
    const room = this.traceHeight - 2 * EDGE_PX * this.pen.ratio;
    const full = FULL_MM_PER_MV * this.pen.pxPerMm;
    const gain =
      GAINS.find((each) => (high - low) * each * full <= room) ?? (GAINS.at(-1) as number);
    const centreMv = (low + high) / 2;
    const moved = Math.abs(centreMv - this.centreMv) * full * gain;
    // A middle that moved a little is kept: the strip would jump at every page.
    const fits = gain === this.gain && moved <= (room - (high - low) * gain * full) / 2;
    if (fits) return false;
    this.gain = gain;
    this.centreMv = centreMv;
    return true;
  }

  /** Whether what came last does not fit any more, by more than a tenth. */
  private overflows(): boolean {
    const extent = this.bed.ring?.extent(1) ?? null;
    if (extent === null) return false;
    const reach = Math.max(extent.high - this.centreMv, this.centreMv - extent.low);
    return reach * this.pxPerMv > 0.55 * this.traceHeight;
  }

  private whole(context: CanvasRenderingContext2D, target: number, delayed: number): void {
    const { left, top, width, height } = this.box;
    context.clearRect(left, top, width, height);
    const gap = Math.round(GAP_PX * this.pen.ratio);
    const from = target - width + gap;
    this.nextBeatMs = Number.NEGATIVE_INFINITY;
    this.drawn = from;
    this.slice(context, from, target, delayed);
  }

  /** Draw the pixels [from, to) since 1970, page by page, with the gap and the cursor behind them. */
  private slice(
    context: CanvasRenderingContext2D,
    from: number,
    to: number,
    delayed: number,
  ): void {
    const { width } = this.box;
    const gap = Math.round(GAP_PX * this.pen.ratio);
    this.clear(context, from, to + gap);
    for (let start = from; start < to; ) {
      const end = Math.min(to, (Math.floor(start / width) + 1) * width);
      this.stroke(context, start, end, delayed);
      start = end;
    }
    context.fillStyle = this.pen.colours.cursor;
    const pen = Math.max(1, Math.round(this.pen.ratio));
    context.fillRect(this.xOf(to), this.box.top, pen, this.box.height);
  }

  private clear(context: CanvasRenderingContext2D, from: number, to: number): void {
    const { left, top, width, height } = this.box;
    const x = this.xOf(from);
    const span = Math.min(to - from, width);
    const first = Math.min(span, left + width - x);
    context.clearRect(x, top, first, height);
    if (span > first) context.clearRect(left, top, span - first, height);
  }

  /** Stroke the line of [from, to) since 1970, which are on one page. */
  private stroke(
    context: CanvasRenderingContext2D,
    from: number,
    to: number,
    delayed: number,
  ): void {
    const { ring } = this.bed;
    if (ring === null) return;
    const { colours, tracePx } = this.pen;
    const x = this.xOf(from);
    const middle = this.box.top + this.traceHeight / 2;
    const startPlace = ring.placeAt(from / this.pxPerMs - delayed);
    const perSample = (this.pxPerMs * 1000) / ring.fs;
    const first = Math.floor(startPlace) - 1;
    const last = Math.ceil(startPlace + (to - from) / perSample) + 1;
    context.save();
    context.beginPath();
    context.rect(x, this.box.top, to - from, this.box.height);
    context.clip();
    context.strokeStyle = this.isStale ? colours.stale : colours.trace;
    context.lineWidth = tracePx;
    context.lineJoin = "round";
    context.lineCap = "round";
    context.beginPath();
    let isBroken = true;
    let isMissing = false;
    for (let place = first; place <= last; place++) {
      const value = ring.at(place);
      if (Number.isNaN(value)) {
        isBroken = true;
        isMissing = true;
        continue;
      }
      const at = x + (place - startPlace) * perSample;
      const y = middle - (value - this.centreMv) * this.pxPerMv;
      if (isBroken) context.moveTo(at, y);
      else context.lineTo(at, y);
      isBroken = false;
    }
    context.stroke();
    if (isMissing) this.dash(context, x, from, to, startPlace, perSample, middle);
    context.restore();
  }

  /** A dashed line in the middle, where there is no signal. */
  private dash(
    context: CanvasRenderingContext2D,
    x: number,
    from: number,
    to: number,
    startPlace: number,
    perSample: number,
    middle: number,
  ): void {
    const { ring } = this.bed;
    if (ring === null) return;
    const dash = DASH_PX * this.pen.ratio;
    context.fillStyle = this.pen.colours.stale;
    for (let pixel = from; pixel < to; pixel++) {
      const place = Math.round(startPlace + (pixel - from) / perSample);
      if (Math.floor(pixel / dash) % 2 === 0 && Number.isNaN(ring.at(place)))
        context.fillRect(x + pixel - from, Math.round(middle), 1, Math.max(1, this.pen.ratio));
    }
  }

  /** The classes of beats over which the cursor has passed, once their whole letter fits. */
  private drawLabels(context: CanvasRenderingContext2D, delayed: number): void {
    const { ratio, colours } = this.pen;
    const half = 5 * ratio;
    const oldest = this.drawn - this.box.width + (GAP_PX + 5) * ratio;
    let hasFont = false;
    for (const { atMs, label } of this.bed.beats) {
      if (atMs <= this.nextBeatMs) continue;
      const pixel = Math.round((atMs + delayed) * this.pxPerMs);
      if (pixel + half > this.drawn) return;
      this.nextBeatMs = atMs;
      if (pixel < oldest || (label === "N" && !this.pen.labelsAll)) continue;
      // A font is parsed whenever it is set: not in frames without a letter.
      if (!hasFont) {
        context.font = `600 ${LABEL_FONT_PX * ratio}px ${colours.font}`;
        context.textAlign = "center";
        context.fillStyle = colours.label;
        hasFont = true;
      }
      const x = Math.min(
        this.box.left + this.box.width - half,
        Math.max(this.box.left + half, this.xOf(pixel)),
      );
      context.fillText(label, x, this.box.top + this.box.height - 2 * ratio);
    }
  }

  private drawHatch(context: CanvasRenderingContext2D): void {
    const { left, top, width, height } = this.box;
    const x = this.xOf(this.drawn);
    const { colours, ratio } = this.pen;
    context.clearRect(x + 2 * ratio, top, left + width - x - 2 * ratio, height);
    hatch(context, x + 2 * ratio, top, left + width - x - 2 * ratio, height, colours.stale, ratio);
  }

  private xOf(pixel: number): number {
    const { left, width } = this.box;
    return left + (pixel - Math.floor(pixel / width) * width);
  }
}
