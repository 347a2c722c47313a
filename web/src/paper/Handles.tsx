/** The two ends of a caliper or a span as sliders: for Tab and arrows, and 24 px for a pointer. */
import { useRef } from "preact/hooks";
import type { Picture } from "./draw/picture";

export interface HandlePlace {
  /** CSS px on the paper. */
  readonly x: number;
  readonly y: number;
}

/** A place of the canvas in CSS px. */
export function cssPlace({ ratio }: Picture, x: number, y: number): HandlePlace {
  return { x: x / ratio, y: y / ratio };
}

export interface HandlesProps {
  readonly names: readonly [string, string];
  readonly seconds: readonly [number, number];
  readonly values: readonly [string, string];
  readonly totalS: number;
  readonly places: readonly [HandlePlace, HandlePlace];
  /** Move an end by samples. */
  readonly onStep: (end: 0 | 1, samples: number) => void;
  /** Drag an end to a place of the window. */
  readonly onDrag: (end: 0 | 1, event: PointerEvent) => void;
}

const MANY = 10;

export function Handles(props: HandlesProps) {
  return (
    <>
      <Handle {...props} end={0} />
      <Handle {...props} end={1} />
    </>
  );
}

function Handle(props: HandlesProps & { readonly end: 0 | 1 }) {
  const { end, names, seconds, values, totalS, places } = props;
  const drags = useRef(false);
  const { x, y } = places[end];
  return (
    <div
      class="paper-handle"
      role="slider"
      tabIndex={0}
      aria-label={names[end]}
      aria-valuemin={0}
      aria-valuemax={totalS}
      aria-valuenow={seconds[end]}
      aria-valuetext={values[end]}
      style={{ left: `${x}px`, top: `${y}px` }}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        props.onStep(end, step * (event.shiftKey ? MANY : 1));
      }}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        drags.current = true;
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (drags.current) props.onDrag(end, event);
      }}
      onPointerUp={() => {
        drags.current = false;
      }}
      onPointerCancel={() => {
        drags.current = false;
      }}
    />
  );
}
