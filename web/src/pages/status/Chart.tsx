/** A small chart over time: one line or several, its largest value, and the newest in words. */
import { useId } from "preact/hooks";
import "./chart.css";

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
  readonly write: (value: number | null) => string;
  readonly empty: string;
}

const WIDTH = 320;
const HEIGHT = 96;
/** Samples across the chart: an hour of five seconds each. */
const ACROSS = 720;
const TOP = 4;

export function Chart({ title, unit, lines, write, empty }: ChartProps) {
  const heading = useId();
  const values = lines.flatMap((line) => line.values).filter((value) => value !== null);
  const largest = Math.max(0, ...values);
  const scale = largest === 0 ? 1 : largest;
  return (
    <section class="chart" aria-labelledby={heading}>
      <h3 id={heading}>{title}</h3>
      <dl>
        {lines.map(({ label, values: of }, at) => (
          <div key={label}>
            <dt>
              {lines.length > 1 && <i class={`key key-${at}`} />}
              {label}
            </dt>
            <dd>
              {write(of.at(-1) ?? null)} <small>{unit}</small>
            </dd>
          </div>
        ))}
      </dl>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="frame" d={`M0 ${HEIGHT - 0.5}H${WIDTH}M0 ${TOP}H${WIDTH}`} />
        {lines.map(({ label, values: of }, at) => (
          <path key={label} class={`line line-${at}`} d={pathOf(of, scale)} />
        ))}
      </svg>
      <p class="small">{values.length === 0 ? empty : `0 – ${write(largest)} ${unit}`}</p>
    </section>
  );
}

/** The newest value is at the right. Nothing is drawn where there is none. */
export function pathOf(values: readonly (number | null)[], scale: number): string {
  const start = ACROSS - values.length;
  let path = "";
  let isDown = false;
  values.forEach((value, at) => {
    if (value === null) {
      isDown = false;
      return;
    }
    const x = (((start + at) / (ACROSS - 1)) * WIDTH).toFixed(1);
    const y = (HEIGHT - 1 - (value / scale) * (HEIGHT - 1 - TOP)).toFixed(1);
    // A value alone is drawn as a dot of the line's round end.
    path += isDown ? `L${x} ${y}` : `M${x} ${y}h0.01`;
    isDown = true;
  });
  return path;
}
