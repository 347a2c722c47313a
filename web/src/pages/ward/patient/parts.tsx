/** What the trends are drawn of. */
import { number } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { type KnownAlarm, lookOf } from "../../../station/alarms";
import type { TrendBin } from "../../../station/api";
import { hoursMinutes, timeOf } from "../words";
import {
  beatsBottom,
  beatsTop,
  type Chart,
  hatchPath,
  heightOf,
  LANE_PX,
  LANES_TOP,
  LEFT,
  RATE_TOP,
  ratePaths,
  rateTicks,
  SIGNAL,
  timeTicks,
  xOf,
  yOfBeats,
  yOfRate,
} from "./chart";
import { perMinute, type Run } from "./trend_bins";

type Bins = readonly (TrendBin | null)[];
const LOOKS = ["high", "medium", "low"] as const;
const TEXT_GAP = 10;
/** A plot's name stands this much over it. */
const NAME_Y = 10;

interface GridProps {
  readonly chart: Chart;
  readonly limits: readonly number[];
}

export function Grid({ chart, limits }: GridProps) {
  const words = wardWords.value.patient.trends;
  const right = xOf(chart, chart.toMs);
  const bottom = beatsBottom(chart);
  return (
    <g class="trend-grid">
      <text x={0} y={SIGNAL.top + SIGNAL.height - 2}>
        {words.signal}
      </text>
      {LOOKS.map((look, at) => (
        <text key={look} x={0} y={LANES_TOP + at * LANE_PX + 13}>
          {words.alarms[look]}
        </text>
      ))}
      {rateTicks(chart).map((rate) => (
        <g key={rate}>
          <path d={`M${LEFT} ${yOfRate(chart, rate)}H${right}`} />
          <text class="end" x={LEFT - TEXT_GAP} y={yOfRate(chart, rate) + 4}>
            {number(rate)}
          </text>
        </g>
      ))}
      <text x={0} y={RATE_TOP - NAME_Y}>
        {words.rate}
      </text>
      {[0, chart.mostBeats].map((beats) => (
        <g key={beats}>
          <path d={`M${LEFT} ${yOfBeats(chart, beats)}H${right}`} />
          <text class="end" x={LEFT - TEXT_GAP} y={yOfBeats(chart, beats) + 4}>
            {number(beats)}
          </text>
        </g>
      ))}
      <text x={0} y={beatsTop(chart) - NAME_Y}>
        {words.ectopic}
      </text>
      {timeTicks(chart).map((ms) => (
        <g key={ms}>
          <path d={`M${xOf(chart, ms)} ${SIGNAL.top}V${bottom}`} />
          <text class="middle" x={xOf(chart, ms)} y={bottom + 18}>
            {hoursMinutes(ms)}
          </text>
        </g>
      ))}
      {limits.map((limit) => (
        <g key={limit} class="trend-limit">
          <path d={`M${LEFT} ${yOfRate(chart, limit)}H${right}`} />
          <text class="end" x={right - 2} y={yOfRate(chart, limit) - 4}>
            {words.limit(number(limit))}
          </text>
        </g>
      ))}
    </g>
  );
}

/** Whole pixels, so that bars of neighbours meet. */
function edges(chart: Chart, bin: TrendBin): readonly [left: number, right: number] {
  return [Math.round(xOf(chart, bin.start_ms)), Math.round(xOf(chart, bin.start_ms + chart.binMs))];
}

interface BinsProps {
  readonly chart: Chart;
  readonly bins: Bins;
}

/** How much of the time could be read: a bar as high as its share. */
export function Signal({ chart, bins }: BinsProps) {
  const bottom = SIGNAL.top + SIGNAL.height;
  const path = bins
    .filter((bin) => bin !== null)
    .map((bin) => {
      const share = Math.min(1, bin.known_ms / chart.binMs);
      const [left, right] = edges(chart, bin);
      return `M${left} ${bottom}v${(-SIGNAL.height * share).toFixed(1)}H${right}V${bottom}Z`;
    })
    .join("");
  return <path class="trend-signal" d={path} />;
}

interface GapsProps {
  readonly chart: Chart;
  readonly gaps: readonly Run[];
}

export function Gaps({ chart, gaps }: GapsProps) {
  const at = (place: number) => xOf(chart, chart.fromMs + place * chart.binMs);
  const paths = gaps.flatMap(({ from, to }) => [
    hatchPath(at(from), at(to), SIGNAL.top, SIGNAL.top + SIGNAL.height),
    hatchPath(at(from), at(to), RATE_TOP, beatsBottom(chart)),
  ]);
  return <path class="trend-gap" d={paths.join("")} />;
}

export function Rates({ chart, bins, runs }: BinsProps & { readonly runs: readonly Run[] }) {
  const { line, band } = ratePaths(chart, bins, runs);
  return (
    <>
      <path class="trend-band" d={band} />
      <path class="trend-line" d={line} />
    </>
  );
}

/** Ventricular beats a minute, and the supraventricular ones on top of them. */
export function Beats({ chart, bins }: BinsProps) {
  const bar = (from: number, to: number, [left, right]: readonly [number, number]) =>
    `M${left} ${from.toFixed(1)}V${to.toFixed(1)}H${right}V${from.toFixed(1)}Z`;
  let [ventricular, supraventricular] = ["", ""];
  for (const bin of bins) {
    const [v, s] = [perMinute(bin, "V") ?? 0, perMinute(bin, "S") ?? 0];
    if (bin === null || v + s === 0) continue;
    const middle = yOfBeats(chart, v);
    if (v > 0) ventricular += bar(yOfBeats(chart, 0), middle, edges(chart, bin));
    if (s > 0) supraventricular += bar(middle, yOfBeats(chart, v + s), edges(chart, bin));
  }
  return (
    <>
      <path class="trend-v" d={ventricular} />
      <path class="trend-s" d={supraventricular} />
    </>
  );
}

interface LanesProps {
  readonly chart: Chart;
  readonly alarms: readonly KnownAlarm[];
  readonly nowMs: number;
}

const SHAPES = {
  high: "M0-7 7 0 0 7-7 0z",
  medium: "M0-6 7 6H-7z",
  low: "M-5-5H5V5H-5z",
} as const;

/** One lane a priority: filled while firing, hollow once acknowledged, as long as it lasted. */
export function AlarmLanes({ chart, alarms, nowMs }: LanesProps) {
  return (
    <>
      {alarms.map((alarm) => {
        const look = lookOf(alarm.priority);
        const endMs = alarm.ended_ms ?? (alarm.state === "resolved" ? alarm.since_ms : nowMs);
        if (endMs < chart.fromMs || alarm.since_ms > chart.toMs) return null;
        const y = LANES_TOP + LOOKS.indexOf(look) * LANE_PX + LANE_PX / 2;
        const from = Math.max(LEFT, xOf(chart, alarm.since_ms));
        const to = Math.max(from, xOf(chart, Math.min(endMs, chart.toMs)));
        const isHollow = alarm.state !== "firing";
        return (
          <g key={alarm.alarm} class={`trend-alarm shape-${look}`}>
            <path class="trend-lasted" d={`M${from} ${y}H${to}`} />
            <path
              class={isHollow ? "hollow" : "filled"}
              d={SHAPES[look]}
              transform={`translate(${from} ${y})`}
            />
          </g>
        );
      })}
    </>
  );
}

interface CursorProps {
  readonly chart: Chart;
  readonly ms: number;
}

const LABEL_PX = 64;

export function Cursor({ chart, ms }: CursorProps) {
  if (ms < chart.fromMs || ms > chart.toMs) return null;
  const x = xOf(chart, ms);
  const left = Math.min(chart.width - LABEL_PX, Math.max(0, x - LABEL_PX / 2));
  const top = heightOf(chart) - 22;
  return (
    <g class="trend-cursor">
      <path d={`M${x} 0V${top}`} />
      <rect x={left} y={top} width={LABEL_PX} height={20} rx={4} />
      <text class="middle" x={left + LABEL_PX / 2} y={top + 14}>
        {timeOf(ms)}
      </text>
    </g>
  );
}
