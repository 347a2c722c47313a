/** The two canvases of a paper: the picture, and the marks over it. Draws once a frame, on demand. */
import type { Recording } from "../ecg/recording";
import { type Colours, coloursOf } from "./draw/colours";
import { type Cell, type Geometry, geometryOf, type Sheet, type View } from "./draw/geometry";
import { drawGrid } from "./draw/grid";
import { labelHeight } from "./draw/labels";
import { drawOverTraces, drawUnderTraces, type Picture } from "./draw/picture";
import { Tiles } from "./draw/tiles";
import type { Display, PoorLead } from "./props";
import { sheetOf } from "./sheet";
import type { ShownLeads } from "./shown";
import { held, START } from "./view";

/** A place on the canvas, in device pixels. */
export interface Spot {
  readonly x: number;
  readonly y: number;
  /** Alt: do not snap. */
  readonly free: boolean;
  readonly isTouch: boolean;
}

export interface Scene {
  readonly recording: Recording;
  readonly leads: ShownLeads;
  readonly display: Display;
  readonly poorLeads: readonly PoorLead[];
  readonly milliseconds: (seconds: number) => string;
}

const TRACE_PX = 1.3;

/** Called after each frame, to place what stands over the canvas. */
export type Framed = (geometry: Geometry, view: View) => void;

export class Screen {
  view: View = START;
  geometry: Geometry | null = null;
  sheet: Sheet | null = null;
  picture: Picture | null = null;
  private scene: Scene | null = null;
  private colours: Colours;
  private ratio = 1;
  private frame = 0;
  private baseIsStale = true;
  private direction = 0;
  /** What the tiles were drawn with. */
  private tileStamp = "";
  private readonly tiles = new Tiles();
  private readonly grid = document.createElement("canvas");
  private gridStamp = "";
  private readonly labels = new Map<string, number>();

  constructor(
    private readonly base: HTMLCanvasElement,
    private readonly over: HTMLCanvasElement,
    private readonly drawOver: (context: CanvasRenderingContext2D, picture: Picture) => void,
    private readonly framed: Framed,
  ) {
    this.colours = coloursOf(base);
  }

  get pixelRatio(): number {
    return this.ratio;
  }

  /** The place of a pointer on the canvas. */
  spotOf(event: MouseEvent & { readonly pointerType?: string }): Spot {
    const box = this.base.getBoundingClientRect();
    return {
      x: (event.clientX - box.left) * this.ratio,
      y: (event.clientY - box.top) * this.ratio,
      free: event.altKey,
      isTouch: event.pointerType === "touch",
    };
  }

  resize(width: number, height: number, ratio: number): void {
    this.ratio = ratio;
    for (const canvas of [this.base, this.over, this.grid]) {
      canvas.width = width;
      canvas.height = height;
    }
    this.rebuild();
  }

  retheme(): void {
    this.colours = coloursOf(this.base);
    this.rebuild();
  }

  show(scene: Scene): void {
    this.scene = scene;
    this.rebuild();
  }

  /** Something else than the view changed: lay out anew. */
  private rebuild(): void {
    const { scene } = this;
    if (scene === null || this.base.width === 0) return;
    const { display, recording, leads } = scene;
    const pxPerMm = display.pxPerMm * this.ratio;
    const { width, height } = this.base;
    this.sheet = sheetOf(recording, leads, display, { width, height, pxPerMm, ratio: this.ratio });
    this.labels.clear();
    this.gridStamp = "";
    this.tileStamp = "";
    this.move(this.view);
  }

  move(view: View): void {
    if (this.sheet === null) return;
    const next = held(this.sheet, view);
    this.direction = Math.sign(next.fromS - this.view.fromS) || this.direction;
    if (next.zoom !== this.view.zoom) this.labels.clear();
    this.view = next;
    this.baseIsStale = true;
    this.request();
  }

  /** Draw the marks anew, without the picture below. */
  mark(): void {
    this.request();
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  private request(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.frame = 0;
    const { scene, sheet } = this;
    if (scene === null || sheet === null) return;
    if (this.baseIsStale) {
      this.geometry = geometryOf(sheet, this.view);
      this.picture = this.pictureOf(scene, this.geometry);
      this.drawBase(this.picture);
    }
    if (this.picture === null || this.geometry === null) return;
    const over = this.over.getContext("2d") as CanvasRenderingContext2D;
    over.clearRect(0, 0, this.over.width, this.over.height);
    this.drawOver(over, this.picture);
    this.framed(this.geometry, this.view);
    if (this.tilesAreMissing()) this.request();
    this.baseIsStale = false;
  }

  /** One tile a frame, after the frame is drawn. */
  private tilesAreMissing(): boolean {
    return this.picture !== null && this.tiles.prepareOne(this.picture, this.direction);
  }

  private drawBase(picture: Picture): void {
    const { geometry, leads } = picture;
    const context = this.base.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
    const stamp = `${geometry.across} ${geometry.pxPerMv}`;
    if (this.tileStamp !== stamp) this.tiles.clear();
    this.tileStamp = stamp;
    this.tiles.startFrame(geometry.width, leads.size);
    this.copyGrid(context, picture);
    drawUnderTraces(context, picture);
    for (const cell of geometry.cells) {
      const lead = leads.get(cell.lead);
      if (lead !== undefined) this.tiles.draw(context, picture, cell, lead);
    }
    drawOverTraces(context, picture);
  }

  private copyGrid(context: CanvasRenderingContext2D, picture: Picture): void {
    const { across, down, topMm } = picture.geometry;
    const stamp = `${across} ${down} ${topMm}`;
    if (this.gridStamp !== stamp) {
      const onto = this.grid.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
      drawGrid(onto, picture.geometry, picture.colours, picture.pen);
      this.gridStamp = stamp;
    }
    context.drawImage(this.grid, 0, 0);
  }

  private pictureOf(scene: Scene, geometry: Geometry): Picture {
    const { recording, leads, display, poorLeads, milliseconds } = scene;
    const line = Math.max(1, Math.round(this.ratio));
    const picture = {
      geometry,
      leads,
      fs: recording.fs,
      speed: display.speed,
      reversed: display.reversedLeads,
      poorLeads,
      colours: this.colours,
      pen: { trace: TRACE_PX * this.ratio, fine: line, coarse: line },
      ratio: this.ratio,
      labelMm: (cell: Cell) => this.labelMm(picture, cell),
      milliseconds,
    };
    return picture;
  }

  /** Labels keep their place while panning. */
  private labelMm(picture: Picture, cell: Cell): number {
    const key = `${cell.row} ${cell.column}`;
    const known = this.labels.get(key);
    if (known !== undefined) return known;
    const lead = picture.leads.get(cell.lead);
    const mm = lead === undefined ? 0 : labelHeight(picture.geometry, cell, lead, picture);
    this.labels.set(key, mm);
    return mm;
  }
}

export function observeSize(frame: HTMLElement, screen: Screen): ResizeObserver {
  const observer = new ResizeObserver(([entry]) => {
    if (entry === undefined) return;
    const css = entry.contentBoxSize[0];
    if (css === undefined) return;
    const ratio = window.devicePixelRatio;
    const device = entry.devicePixelContentBoxSize?.[0];
    // Under an emulated pixel ratio, as in a browser's tools, the device's box has CSS pixels.
    const isTrue = device !== undefined && Math.abs(device.inlineSize - css.inlineSize * ratio) < 2;
    const width = isTrue ? device.inlineSize : Math.round(css.inlineSize * ratio);
    const height = isTrue ? device.blockSize : Math.round(css.blockSize * ratio);
    screen.resize(width, height, ratio);
  });
  try {
    observer.observe(frame, { box: "device-pixel-content-box" });
  } catch (error) {
    // Safari knows no device-pixel-content-box.
    if (!(error instanceof TypeError)) throw error;
    observer.observe(frame);
  }
  return observer;
}
