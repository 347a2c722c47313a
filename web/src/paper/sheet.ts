/** The layout that a width allows, and the height that its rows need. */
import type { Layout, LayoutName, Need } from "../ecg/layout";
import type { Display } from "./props";
import type { ShownLeads } from "./shown";

/** Narrower (CSS px), one group of leads is shown at a time. */
const NARROW_PX = 600;

export function effectiveLayout(layout: LayoutName, widthPx: number): LayoutName {
  const isGroup = layout === "limb" || layout === "chest" || layout === "rhythm";
  if (widthPx < NARROW_PX) return isGroup ? layout : "limb";
  return isGroup ? "3x4" : layout;
}

/** Per row, how far its leads reach over and under the baseline, in mm. */
export function needsOf(layout: Layout, leads: ShownLeads, display: Display): Need[] {
  return layout.rows.map(({ places }) => {
    let [up, down] = [0, 0];
    for (const place of places) {
      const extent = place === null ? undefined : leads.get(place.lead)?.extent;
      if (place === null || extent === undefined) continue;
      const turned = place.sign < 0 !== display.reversedLeads.has(place.lead);
      up = Math.max(up, turned ? extent.down : extent.up);
      down = Math.max(down, turned ? extent.up : extent.down);
    }
    return { up: up * display.gain, down: down * display.gain };
  });
}
