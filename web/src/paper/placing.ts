/** Placing calipers and spans with a pointer. */
import { type Cell, cellAt, clamp, secondAt } from "./draw/geometry";
import { pointAt } from "./draw/measure";
import type { Placing } from "./pointer";
import type { BeatMark, Caliper, Span, Tool } from "./props";
import type { Screen, Spot } from "./screen";

/** What the paper holds while a person places. */
export interface Desk {
  readonly tool: () => Tool;
  readonly beats: () => readonly BeatMark[];
  readonly setCaliper: (caliper: Caliper) => void;
  readonly setCrop: (crop: Span) => void;
  /** Where the finger is, for the loupe. */
  readonly setLoupe: (spot: Spot | null) => void;
}

interface Start {
  readonly cell: Cell;
  readonly second: number;
  readonly mv: number;
}

export function placingOn(screen: Screen, desk: Desk): Placing {
  let start: Start | null = null;
  let awaitsSecondClick = false;

  const startAt = (spot: Spot): Start | null => {
    const { picture } = screen;
    const cell = picture === null ? null : cellAt(picture.geometry, spot.x, spot.y);
    const lead = cell === null ? undefined : picture?.leads.get(cell.lead);
    if (picture === null || cell === null || lead === undefined) return null;
    return { cell, ...pointAt(picture, cell, lead, desk.beats(), spot.x, spot.y, spot.free) };
  };

  const extend = (spot: Spot): void => {
    const { picture } = screen;
    if (picture === null || start === null) return;
    const { cell } = start;
    const lead = picture.leads.get(cell.lead);
    if (lead === undefined) return;
    if (desk.tool() === "crop") {
      const toS = clamp(
        secondAt(picture.geometry, cell, spot.x),
        0,
        lead.samples.length / picture.fs,
      );
      desk.setCrop({ fromS: Math.min(start.second, toS), toS: Math.max(start.second, toS) });
      return;
    }
    const x = clamp(spot.x, cell.left, cell.right);
    const end = pointAt(picture, cell, lead, desk.beats(), x, spot.y, spot.free);
    desk.setCaliper({
      lead: cell.lead,
      fromS: start.second,
      toS: end.second,
      fromMv: start.mv,
      toMv: end.mv,
    });
  };

  return {
    places: () => desk.tool() !== "pan",
    start: (spot) => {
      if (awaitsSecondClick) return;
      start = startAt(spot);
      if (spot.isTouch) desk.setLoupe(spot);
    },
    drag: (spot) => {
      awaitsSecondClick = false;
      if (spot.isTouch) desk.setLoupe(spot);
      extend(spot);
    },
    hover: (spot) => {
      if (awaitsSecondClick) extend(spot);
    },
    end: (spot, wasClick) => {
      desk.setLoupe(null);
      if (wasClick && !awaitsSecondClick) {
        awaitsSecondClick = start !== null;
        extend(spot);
        return;
      }
      awaitsSecondClick = false;
      extend(spot);
    },
  };
}
