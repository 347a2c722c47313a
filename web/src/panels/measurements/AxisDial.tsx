/** The frontal axes of P, QRS and T on a dial: 0 degrees to the right, +90 downwards. */
import type { Analysis } from "../../api/answer";
import { number, words } from "../../i18n";
import "./AxisDial.css";
import { NotAvailable } from "../Missing";

const RADIUS = 50;
/** Lead -> the direction in which it looks, in degrees. */
const LEAD_DIRECTIONS = [
  ["I", 0],
  ["II", 60],
  ["aVF", 90],
  ["III", 120],
  ["aVR", -150],
  ["aVL", -30],
] as const;

export function AxisDial({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value;
  const measured = answer?.measurements ?? null;
  const axes = {
    QRS: measured?.qrs_axis_deg ?? null,
    T: measured?.t_axis_deg ?? null,
    P: measured?.p_axis_deg ?? null,
  };
  const range = measured?.reference_ranges.qrs_axis_deg;
  const deviation = answer?.clinical_analysis?.axis_deviation ?? null;
  const caption = deviation === null ? "" : said.clinical.axes[deviation];
  const shown = (["QRS", "T", "P"] as const).filter((name) => axes[name] !== null);
  const spoken = shown.map((name) => `${name} ${number(axes[name])}°`).join(", ");
  return (
    <figure class="axis">
      <svg viewBox="-76 -68 152 136" role="img" aria-label={`${said.panels.axis}: ${spoken}`}>
        <circle class="axis-circle" r={RADIUS} />
        {range?.low != null && range.high != null && (
          <>
            <path class="axis-wash" d={`M0 0${arc(range.low, range.high, "L")}Z`} />
            <path class="axis-normal" d={arc(range.low, range.high, "M")} />
          </>
        )}
        {LEAD_DIRECTIONS.map(([lead, degrees]) => (
          <LeadName key={lead} lead={lead} degrees={degrees} />
        ))}
        {shown.toReversed().map((name) => (
          <Axis key={name} name={name} degrees={axes[name] ?? 0} />
        ))}
        <circle class="axis-centre" r="2.2" />
      </svg>
      <figcaption>
        <strong>{caption}</strong>
        <span class="axis-keys">
          {shown.map((name) => (
            <span key={name} class={`axis-key axis-key-${name}`}>
              {name} {number(axes[name])}°
            </span>
          ))}
        </span>
      </figcaption>
      {answer !== null && shown.length === 0 && (
        <NotAvailable answer={answer} part={measured === null ? "measurements" : "qrs_axis_deg"} />
      )}
    </figure>
  );
}

function LeadName({ lead, degrees }: { readonly lead: string; readonly degrees: number }) {
  const [x, y] = at(degrees, RADIUS + 13);
  return (
    <text class="axis-lead" x={x} y={y + 3.5}>
      {lead}
    </text>
  );
}

function Axis({ name, degrees }: { readonly name: string; readonly degrees: number }) {
  const [x, y] = at(degrees, name === "QRS" ? RADIUS - 2 : RADIUS - 12);
  return (
    <g class={`axis-${name}`}>
      <path d={`M0 0L${x} ${y}`} />
      {name === "QRS" && <circle cx={x} cy={y} r="4.5" />}
    </g>
  );
}

function arc(low: number, high: number, start: "M" | "L"): string {
  const [fromX, fromY] = at(low, RADIUS);
  const [toX, toY] = at(high, RADIUS);
  const isLarge = high - low > 180 ? 1 : 0;
  return `${start}${fromX} ${fromY}A${RADIUS} ${RADIUS} 0 ${isLarge} 1 ${toX} ${toY}`;
}

function at(degrees: number, radius: number): readonly [number, number] {
  const angle = (degrees * Math.PI) / 180;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
