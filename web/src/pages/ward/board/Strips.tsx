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
  /** Whether the class of a normal beat is written, too. */
  readonly labelsAll?: boolean;
  /** As the layout says by default. */
  readonly mmPerS?: number;
  readonly children: ComponentChildren;
}

/** Uncalibrated, as the viewer's paper. */
const PX_PER_MM = 4;

export function Strips(props: StripsProps) {
  const { class: name, tracePx, labelsAll = false, children } = props;
  const column = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const mmPerS = props.mmPerS ?? layout.value.mmPerS;
  useEffect(() => {
    if (canvas.current === null || column.current === null) return;
    const style = { pxPerMm: PX_PER_MM, mmPerS, tracePx, labelsAll };
    return board.show(canvas.current, column.current, style);
  }, [mmPerS, tracePx, labelsAll]);
  return (
    <div class={`strips ${name}`} ref={column}>
      {children}
      <canvas ref={canvas} role="img" aria-label={wardWords.value.strips} />
    </div>
  );
}

export interface StripPlace {
  readonly patient: string;
  /** Where it is: in the lane a strip has another gain than in its tile, or on its patient's page. */
  readonly place: "lane" | "tile" | "page";
}

/** Where a patient's strip is drawn. */
export function StripWindow({ patient, place }: StripPlace) {
  return <div class="strip" data-strip={patient} data-place={place} />;
}
