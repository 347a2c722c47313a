/** The shape of a priority: filled while nobody has acknowledged, hollow afterwards. */
import { lookOf } from "../../../station/alarms";
import type { Priority } from "../../../station/api";

export interface AlarmShapeProps {
  readonly priority: Priority;
  readonly isHollow: boolean;
}

/** A diamond, a triangle, a square; the mark inside is cut out. */
const OUTLINES = {
  high: "M8 .8 15.2 8 8 15.2.8 8z",
  medium: "M8 1.6 15.4 14.4H.6z",
  low: "M2 2h12v12H2z",
} as const;
const MARKS = {
  high: "M7.1 4.2h1.8v4.6H7.1z M7.1 10.1h1.8v1.8H7.1z",
  medium: "M7.1 6h1.8v4H7.1z M7.1 11h1.8v1.8H7.1z",
  low: "M4.5 7.1h7v1.8h-7z",
} as const;

export function AlarmShape({ priority, isHollow }: AlarmShapeProps) {
  const look = lookOf(priority);
  return (
    <svg
      class={isHollow ? "alarm-shape" : `alarm-shape flash-${look}`}
      viewBox="0 0 16 16"
      aria-hidden="true"
    >
      {isHollow ? (
        <path d={OUTLINES[look]} fill="none" stroke="currentColor" stroke-width="1.6" />
      ) : (
        <path d={`${OUTLINES[look]} ${MARKS[look]}`} fill="currentColor" fill-rule="evenodd" />
      )}
    </svg>
  );
}

/** The classes by which an alarm has its colours: `alarm high firing`. */
export function alarmClass(alarm: { priority: Priority; state: string } | undefined): string {
  if (alarm === undefined) return "";
  return `alarm ${lookOf(alarm.priority)} ${alarm.state === "firing" ? "firing" : "seen"}`;
}
