/** The layout that a width allows, and the height that its rows need. */
import {
  isGroup,
  type Layout,
  type LayoutName,
  layoutOf,
  type Need,
  paperLayoutOf,
} from "../ecg/layout";
import { type Recording, secondsOf } from "../ecg/recording";
import type { Sheet } from "./draw/geometry";
import type { Display } from "./props";
import type { ShownLeads } from "./shown";

/** Narrower (CSS px), one group of leads is shown at a time. */
const NARROW_PX = 600;

/** Room for the captions of evidence, and for speed and gain, in CSS px. */
const ABOVE_PX = 18;
const BELOW_PX = 32;

/** A canvas that is to be drawn on, in device pixels. */
export interface Surface {
  readonly width: number;
  readonly height: number;
  readonly pxPerMm: number;
  /** Device pixels of a CSS pixel. */
  readonly ratio: number;
}

export function sheetOf(
  recording: Recording,
  leads: ShownLeads,
  display: Display,
  { width, height, pxPerMm, ratio }: Surface,
): Sheet {
  const shown = [...leads.keys()].filter((name) => !display.hiddenLeads.has(name));
  const name = effectiveLayout(display.layout, width / ratio);
  const layout = layoutOf(name, shown, display.rhythmLead);
  return {
    width,
    height,
    pxPerMm,
    above: Math.round(ABOVE_PX * ratio),
    below: Math.round(BELOW_PX * ratio),
    speed: display.speed,
    gain: display.gain,
    totalS: secondsOf(recording),
    layout,
    needs: needsOf(layout, leads, display),
  };
}

function effectiveLayout(layout: LayoutName, widthPx: number): LayoutName {
  if (widthPx < NARROW_PX) return isGroup(layout) ? layout : "limb";
  return paperLayoutOf(layout);
}

/** Per row, how far its leads reach over and under the baseline, in mm. */
function needsOf(layout: Layout, leads: ShownLeads, display: Display): Need[] {
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
