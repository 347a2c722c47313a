/** How many columns of beds and places of the lane the window has room for. */
import { signal } from "@preact/signals";

export interface WardLayout {
  readonly name: "phone" | "tablet" | "desk" | "wide" | "wall";
  readonly columns: number;
  /** Places of the problem lane. A phone has none: its list begins with the alarms. */
  readonly places: number;
  /** Whether the inbox stands beside the beds. Else it takes their place. */
  readonly hasInbox: boolean;
  readonly mmPerS: number;
}

const LAYOUTS: readonly (readonly [px: number, layout: WardLayout])[] = [
  [2200, { name: "wall", columns: 4, places: 4, hasInbox: true, mmPerS: 12.5 }],
  [1680, { name: "wide", columns: 2, places: 3, hasInbox: true, mmPerS: 25 }],
  [1200, { name: "desk", columns: 1, places: 2, hasInbox: true, mmPerS: 25 }],
  [640, { name: "tablet", columns: 1, places: 2, hasInbox: false, mmPerS: 25 }],
];
const PHONE: WardLayout = { name: "phone", columns: 1, places: 0, hasInbox: false, mmPerS: 25 };

const queries = LAYOUTS.map(
  ([px, layout]) => [matchMedia(`(min-width: ${px}px)`), layout] as const,
);
const fitting = () => queries.find(([query]) => query.matches)?.[1] ?? PHONE;

export const layout = signal<WardLayout>(fitting());
for (const [query] of queries) {
  query.addEventListener("change", () => {
    layout.value = fitting();
  });
}
