/** Strips of a lead's line, drawn once and shifted while panning. */

import type { ShownLead } from "../shown";
import type { Cell } from "./geometry";
import { addLine } from "./line";
import { type Picture, penOf, scaleOf, signOf, strokePart } from "./picture";

const TILE_PX = 512;
/** Tiles of neighbouring leads begin at different places, so that no frame has to draw them all. */
const STAGGER_PX = 43;
/** Line width and joins reach over the samples. */
const EDGE_PX = 4;

interface Tile {
  readonly canvas: OffscreenCanvas;
  /** Pixels above the baseline. */
  up: number;
  height: number;
  /** The frame that used it last. */
  used: number;
}

export class Tiles {
  private readonly tiles = new Map<number, Tile>();
  private frame = 0;
  private most = 0;

  /** Forget what was drawn, as after a zoom or another theme. */
  clear(): void {
    this.tiles.clear();
  }

  startFrame(width: number, leads: number): void {
    this.frame++;
    this.most = leads * (Math.ceil(width / TILE_PX) + 3);
  }

  /** Draw a cell's line from its tiles; where a tile is missing, directly. */
  draw(context: CanvasRenderingContext2D, picture: Picture, cell: Cell, lead: ShownLead): void {
    const shift = lead.index * STAGGER_PX;
    const from = cell.left - cell.origin + shift;
    const to = cell.right - cell.origin + shift;
    for (let index = Math.floor(from / TILE_PX); index * TILE_PX < to; index++) {
      const start = Math.max(from, index * TILE_PX);
      const end = Math.min(to, (index + 1) * TILE_PX);
      const x = cell.origin - shift + start;
      const tile = this.tiles.get(keyOf(picture, cell, lead, index));
      if (tile === undefined) {
        strokePart(context, picture, cell, lead, x, x + end - start);
        continue;
      }
      tile.used = this.frame;
      const width = end - start;
      const [up, height] = [tile.up, tile.height];
      context.drawImage(
        tile.canvas,
        start - index * TILE_PX,
        0,
        width,
        height,
        x,
        cell.baseline - up,
        width,
        height,
      );
    }
  }

  /** Draw one missing tile of those that are visible, or soon will be. False when none is missing. */
  prepareOne(picture: Picture, direction: number): boolean {
    for (const cell of picture.geometry.cells) {
      const lead = picture.leads.get(cell.lead);
      if (lead === undefined) continue;
      const shift = lead.index * STAGGER_PX;
      const ahead = direction * TILE_PX;
      const from = cell.left - cell.origin + shift + Math.min(0, ahead);
      const to = cell.right - cell.origin + shift + Math.max(0, ahead);
      for (let index = Math.floor(from / TILE_PX); index * TILE_PX < to; index++) {
        const key = keyOf(picture, cell, lead, index);
        if (this.tiles.has(key)) continue;
        if (this.isEmpty(picture, lead, index, shift)) continue;
        this.tiles.set(key, this.drawn(picture, cell, lead, index * TILE_PX - shift));
        return true;
      }
    }
    return false;
  }

  private isEmpty(picture: Picture, lead: ShownLead, index: number, shift: number): boolean {
    const end = (lead.samples.length / picture.fs) * picture.geometry.pxPerS;
    return (index + 1) * TILE_PX - shift <= 0 || index * TILE_PX - shift >= end;
  }

  private drawn(picture: Picture, cell: Cell, lead: ShownLead, from: number): Tile {
    const { up, down } = reachOf(picture, cell, lead);
    const tile = this.reused(up + down) ?? {
      canvas: new OffscreenCanvas(TILE_PX, up + down),
      up,
      height: up + down,
      used: 0,
    };
    Object.assign(tile, { up, height: up + down, used: this.frame });
    const context = tile.canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
    context.clearRect(0, 0, TILE_PX, tile.canvas.height);
    penOf(context, picture);
    context.beginPath();
    const stretch = { from, to: from + TILE_PX, at: 0, baseline: up };
    addLine(context, lead.pyramid, scaleOf(picture, cell, lead), stretch);
    context.stroke();
    return tile;
  }

  /** Take the canvas that was not used for longest, once there are enough. */
  private reused(height: number): Tile | null {
    if (this.tiles.size < this.most) return null;
    let oldest: Tile | null = null;
    let oldestKey = 0;
    for (const [key, tile] of this.tiles) {
      if (oldest === null || tile.used < oldest.used) {
        oldest = tile;
        oldestKey = key;
      }
    }
    if (oldest === null || oldest.used === this.frame) return null;
    this.tiles.delete(oldestKey);
    if (oldest.canvas.height < height) oldest.canvas.height = height;
    return oldest;
  }
}

function keyOf(picture: Picture, cell: Cell, lead: ShownLead, index: number): number {
  const turned = signOf(cell, picture.reversed) < 0 ? 1 : 0;
  return ((index + 1) * 64 + lead.index) * 2 + turned;
}

/** How far a lead's line reaches from its baseline, in whole pixels, at most a canvas each way. */
function reachOf(picture: Picture, cell: Cell, lead: ShownLead): { up: number; down: number } {
  const top = lead.pyramid.at(-1);
  const { centre } = lead.extent;
  const { height, pxPerMv } = picture.geometry;
  const high = ((top?.max[0] ?? 0) - centre) * pxPerMv;
  const low = (centre - (top?.min[0] ?? 0)) * pxPerMv;
  const turned = signOf(cell, picture.reversed) < 0;
  const reach = (px: number) => Math.max(0, Math.min(height, Math.ceil(px || 0))) + EDGE_PX;
  return { up: reach(turned ? low : high), down: reach(turned ? high : low) };
}
