/** One box of paper with traces in millimetres: the beat of a lead, or several over each other. */
import "./BeatBox.css";

export interface BeatTrace {
  readonly path: string;
  /** Distinguishes the older of two beats, and one of many. */
  readonly kind: "only" | "earlier" | "one-of-many";
}

interface Props {
  readonly label: string;
  readonly widthMm: number;
  readonly heightMm: number;
  readonly traces: readonly BeatTrace[];
  readonly marksMm?: readonly number[];
}

export function BeatBox({ label, widthMm, heightMm, traces, marksMm = [] }: Props) {
  return (
    <div class="beat-box">
      <svg viewBox={`0 0 ${widthMm} ${heightMm}`} role="img" aria-label={label}>
        <path class="beat-grid-fine" d={gridPath(widthMm, heightMm, 1)} />
        <path class="beat-grid-coarse" d={gridPath(widthMm, heightMm, 5)} />
        {marksMm.map((x) => (
          <path key={x} class="beat-mark" d={`M${x} 0V${heightMm}`} />
        ))}
        {traces.map((trace) => (
          <path key={trace.path} class={`beat-trace beat-trace-${trace.kind}`} d={trace.path} />
        ))}
      </svg>
      <span class="beat-label" aria-hidden="true">
        {label}
      </span>
    </div>
  );
}

function gridPath(widthMm: number, heightMm: number, stepMm: number): string {
  let path = "";
  for (let x = 0; x <= widthMm; x += stepMm) path += `M${x} 0V${heightMm}`;
  for (let y = 0; y <= heightMm; y += stepMm) path += `M0 ${y}H${widthMm}`;
  return path;
}
