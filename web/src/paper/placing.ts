/** Placing calipers and spans with a pointer. */
import { type Cell, cellAt, clamp, secondAt } from "./draw/geometry";
import { pointAt } from "./draw/measure";
import type { Picture } from "./draw/picture";
import type { Placing } from "./pointer";
import type { BeatMark, Caliper, Span, Tool } from "./props";
import type { Spot } from "./screen";

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
  readonly tool: Tool;
  readonly cell: Cell;
  readonly second: number;
  readonly mv: number;
}

export function placingOn(
  screen: { readonly picture: Picture | null },
  { tool, beats, setCaliper, setCrop, setLoupe }: Desk,
): Placing {
  let start: Start | null = null;
  let awaitsSecondClick = false;
  /** Where the last press was. */
  let pressed: Spot | null = null;

  const startAt = (spot: Spot): Start | null => {
    const { picture } = screen;
    const cell = picture === null ? null : cellAt(picture.geometry, spot.x, spot.y);
    const lead = cell === null ? undefined : picture?.leads.get(cell.lead);
    if (picture === null || cell === null || lead === undefined) return null;
    const point = pointAt(picture, cell, lead, beats(), spot.x, spot.y, spot.free);
    return { tool: tool(), cell, ...point };
  };

  const extend = (spot: Spot): void => {
    const { picture } = screen;
    if (picture === null || start === null) return;
    const cell = sameCell(picture, start.cell);
    const lead = picture.leads.get(start.cell.lead);
    if (cell === null || lead === undefined) return;
    if (start.tool === "crop") {
      const totalS = lead.samples.length / picture.fs;
      const toS = clamp(secondAt(picture.geometry, cell, spot.x), 0, totalS);
      setCrop({ fromS: Math.min(start.second, toS), toS: Math.max(start.second, toS) });
      return;
    }
    const x = clamp(spot.x, cell.left, cell.right);
    const end = pointAt(picture, cell, lead, beats(), x, spot.y, spot.free);
    setCaliper({
      lead: cell.lead,
      fromS: start.second,
      toS: end.second,
      fromMv: start.mv,
      toMv: end.mv,
    });
  };

  const cancel = (): void => {
    start = null;
    awaitsSecondClick = false;
    setLoupe(null);
  };
  /** A second click belongs to the tool of the first one. */
  const forgetOtherTool = (): void => {
    if (awaitsSecondClick && start?.tool !== tool()) cancel();
  };

  return {
    places: () => tool() !== "pan",
    start: (spot) => {
      forgetOtherTool();
      pressed = spot;
      if (spot.isTouch) setLoupe(spot);
      if (!awaitsSecondClick) start = startAt(spot);
    },
    drag: (spot) => {
      // A drag has both ends of its own: it is no second click.
      if (awaitsSecondClick && pressed !== null) start = startAt(pressed);
      awaitsSecondClick = false;
      if (spot.isTouch) setLoupe(spot);
      extend(spot);
    },
    hover: (spot) => {
      forgetOtherTool();
      if (awaitsSecondClick) extend(spot);
    },
    end: (spot, wasClick) => {
      setLoupe(null);
      extend(spot);
      // While panning a long press places; the next press pans again.
      awaitsSecondClick = wasClick && !awaitsSecondClick && start !== null && tool() !== "pan";
      if (!awaitsSecondClick) start = null;
    },
    cancel,
  };
}

/** The cell as it lies now: between two clicks the view may have moved. */
function sameCell(picture: Picture, { row, column, lead }: Cell): Cell | null {
  const found = picture.geometry.cells.find(
    (cell) => cell.row === row && cell.column === column && cell.lead === lead,
  );
  return found ?? null;
}
