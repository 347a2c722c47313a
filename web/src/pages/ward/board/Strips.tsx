/** A column of tiles with the canvas on which the strips of all of them are drawn. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { wardWords } from "../../../i18n/ward";
import { layout } from "./layout";
import { board } from "./the_board";

export interface StripsProps {
  readonly class: string;
  /** CSS pixels. */
  readonly tracePx: number;
  readonly children: ComponentChildren;
}

/** Uncalibrated, as the viewer's paper. */
const PX_PER_MM = 4;

export function Strips({ class: name, tracePx, children }: StripsProps) {
  const column = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { mmPerS } = layout.value;
  useEffect(() => {
    if (canvas.current === null || column.current === null) return;
    return board.show(canvas.current, column.current, { pxPerMm: PX_PER_MM, mmPerS, tracePx });
  }, [mmPerS, tracePx]);
  return (
    <div class={`strips ${name}`} ref={column}>
      {children}
      <canvas ref={canvas} role="img" aria-label={wardWords.value.strips} />
    </div>
  );
}

export interface StripPlace {
  readonly patient: string;
  /** Where it is: in the lane a strip has another gain than in its tile. */
  readonly place: "lane" | "tile";
}

/** Where a patient's strip is drawn. */
export function StripWindow({ patient, place }: StripPlace) {
  return <div class="strip" data-strip={patient} data-place={place} />;
}
