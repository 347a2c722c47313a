/** Which of the four layouts fits the window. The widths are where the next one has room. */
import { signal } from "@preact/signals";

export type Viewport = "phone" | "tablet" | "desk" | "wall";

const AT_LEAST_PX: readonly (readonly [Viewport, number])[] = [
  ["wall", 2200],
  ["desk", 1200],
  ["tablet", 640],
];

export const viewport = signal<Viewport>("phone");

const queries = AT_LEAST_PX.map(
  ([name, px]) => [name, matchMedia(`(min-width: ${px}px)`)] as const,
);
function update(): void {
  viewport.value = queries.find(([, query]) => query.matches)?.[0] ?? "phone";
}
for (const [, query] of queries) query.addEventListener("change", update);
update();
