/** Which lead is drawn where: rows of columns, then rhythm strips over the whole width. */
import { CHEST, LIMB } from "./leads";

/** The layouts of a whole page, on the screen and in the report. */
export const PAPER_LAYOUTS = ["3x4", "6x2", "12x1", "cabrera"] as const;
/** A phone shows one group at a time. */
export const GROUPS = ["limb", "chest", "rhythm"] as const;
export type PaperLayout = (typeof PAPER_LAYOUTS)[number];
export type GroupName = (typeof GROUPS)[number];
export type LayoutName = PaperLayout | GroupName;

export function isGroup(name: LayoutName): name is GroupName {
  return (GROUPS as readonly string[]).includes(name);
}

/** A layout of a whole page: of a group the usual one. */
export function paperLayoutOf(name: LayoutName): PaperLayout {
  return isGroup(name) ? "3x4" : name;
}

export interface Place {
  readonly lead: string;
  /** -1 turns the lead over, as Cabrera's order does with aVR. */
  readonly sign: 1 | -1;
}

export interface Row {
  /** One place a column; null leaves it empty. A strip has one place over all columns. */
  readonly places: readonly (Place | null)[];
  readonly strip: boolean;
}

export interface Layout {
  readonly columns: number;
  readonly rows: readonly Row[];
}

/** Lead names by column, from left to right. */
const COLUMNS: Readonly<Record<LayoutName, readonly (readonly string[])[]>> = {
  "3x4": [LIMB.slice(0, 3), LIMB.slice(3), CHEST.slice(0, 3), CHEST.slice(3)],
  "6x2": [LIMB, CHEST],
  "12x1": [[...LIMB, ...CHEST]],
  cabrera: [["aVL", "I", "-aVR"], ["II", "aVF", "III"], CHEST.slice(0, 3), CHEST.slice(3)],
  limb: [LIMB.slice(0, 3), LIMB.slice(3)],
  chest: [CHEST.slice(0, 3), CHEST.slice(3)],
  rhythm: [],
};
const WITH_STRIP: readonly LayoutName[] = ["3x4", "cabrera"];
const MOST_STRIPS = 3;

/**
 * Return the layout of those leads that there are. A column without any is left out. Where three
 * leads or fewer remain, each is a strip, as there is nothing to set side by side.
 */
export function layoutOf(
  name: LayoutName,
  available: readonly string[],
  rhythmLead: string,
): Layout {
  const strip = available.includes(rhythmLead) ? rhythmLead : available[0];
  if (name === "rhythm") return strips(strip === undefined ? [] : [strip]);
  const columns = COLUMNS[name]
    .map((leads) => leads.map((lead) => known(placeOf(lead), available)))
    .filter((places) => places.some((place) => place !== null));
  const placed = columns.flat().flatMap((place) => place?.lead ?? []);
  if (placed.length <= MOST_STRIPS) {
    return strips(isGroup(name) && placed.length > 0 ? placed : available);
  }
  const height = Math.max(...columns.map((places) => places.length));
  const rows = Array.from({ length: height }, (_, row) => ({
    places: columns.map((places) => places[row] ?? null),
    strip: false,
  }));
  const others = isGroup(name) ? [] : available.filter((lead) => !placed.includes(lead));
  const below = WITH_STRIP.includes(name) && strip !== undefined ? [...others, strip] : others;
  return { columns: columns.length, rows: [...rows, ...strips(below).rows] };
}

function placeOf(name: string): Place {
  return name.startsWith("-") ? { lead: name.slice(1), sign: -1 } : { lead: name, sign: 1 };
}

function known(place: Place, available: readonly string[]): Place | null {
  return available.includes(place.lead) ? place : null;
}

function strips(leads: readonly string[]): Layout {
  const rows = leads.map((lead) => ({ places: [{ lead, sign: 1 } as const], strip: true }));
  return { columns: 1, rows };
}

/** How far a row's traces reach from its baseline, in mm. */
export interface Need {
  readonly up: number;
  readonly down: number;
}

export interface RowBox {
  readonly top: number;
  readonly height: number;
  readonly baseline: number;
}

/** On paper a row has 20 mm; twelve rows on a screen have 12. */
const MIN_ROW_MM = 20;
const MIN_DENSE_ROW_MM = 12;
const DENSE_ROWS = 7;

/**
 * Share a height (mm) over rows by need. Each row has the least height first; what is left goes to
 * those that need more, then to all. Where needs exceed the height, waves overlap the next row.
 */
export function rowBoxes(needs: readonly Need[], heightMm: number): RowBox[] {
  const count = needs.length;
  if (count === 0) return [];
  const least = count >= DENSE_ROWS ? MIN_DENSE_ROW_MM : MIN_ROW_MM;
  const base = Math.max(MIN_DENSE_ROW_MM, Math.min(least, heightMm / count));
  const total = Math.max(heightMm, base * count);
  const wanted = needs.map(({ up, down }) => Math.max(0, up + down - base));
  const wantedSum = wanted.reduce((sum, each) => sum + each, 0);
  const left = total - base * count;
  const share = wantedSum > 0 ? Math.min(1, left / wantedSum) : 0;
  const even = (left - share * wantedSum) / count;
  let top = 0;
  return needs.map(({ up, down }, row) => {
    const height = base + share * (wanted[row] ?? 0) + even;
    const box = { top, height, baseline: top + baselineIn(height, up, down) };
    top += height;
    return box;
  });
}

/** Over the baseline stand the calibration pulse of 10 mm and the lead's name. */
const ABOVE_MM = 11;

/** The part above the baseline, by how far the traces reach up; a quarter stays below it. */
function baselineIn(height: number, up: number, down: number): number {
  const reach = up + down;
  const ratio = reach > 0 ? up / reach : 0.5;
  const least = Math.min(ABOVE_MM, height * 0.6);
  return Math.min(height * 0.75, Math.max(least, height * ratio));
}
