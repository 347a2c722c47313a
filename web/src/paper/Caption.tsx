/** Speed, gain, zoom, and how the columns are to be read, in the paper's corner. */
import { number, words } from "../i18n";
import type { Geometry } from "./draw/geometry";
import type { Display } from "./props";
import type { ShownLeads } from "./shown";

export interface CaptionProps {
  readonly display: Display;
  readonly geometry: Geometry;
  readonly leads: ShownLeads;
  readonly zoom: number;
}

export function Caption({ display, geometry, leads, zoom }: CaptionProps) {
  const { paper } = words.value;
  const { cells } = geometry;
  const isDerived = cells.some((cell) => leads.get(cell.lead)?.derived === true);
  const parts = [
    isDerived ? paper.derived : null,
    cells.some((cell) => cell.column > 0) ? paper.consecutive : null,
    Math.abs(zoom - 1) < 0.005 ? null : paper.zoom(number(zoom * 100)),
    `${number(display.speed)} mm/s`,
    `${number(display.gain)} mm/mV`,
  ];
  return (
    <p class="paper-caption">
      {parts.map((part) => part !== null && <span key={part}>{part}</span>)}
    </p>
  );
}
