/** Heart rate and ectopic beats over hours, with gaps and alarms, on one axis of time. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { number } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { layout } from "../board/layout";
import { ownAlarms, persons } from "../state";
import { chartOf, heightOf, msAt } from "./chart";
import { lookAt } from "./keys";
import {
  binMs,
  chooseHours,
  cursorMs,
  deviceNow,
  fromMs,
  HOURS,
  hours,
  bins as readBins,
  shownBins,
  toMs,
} from "./looking";
import { cursorMsText, MomentField } from "./MomentField";
import { AlarmLanes, Beats, Cursor, Gaps, Grid, Rates, Signal } from "./parts";
import { runsOf, summaryOf } from "./trend_bins";
import "./trends.css";

export function Trends({ name }: { readonly name: string }) {
  const words = wardWords.value.patient.trends;
  return (
    <section class="card-of trends" aria-label={words.title}>
      <header>
        <h2>{words.title}</h2>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a flex box everywhere */}
        <div class="segmented" role="group" aria-label={words.span}>
          {HOURS.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={hours.value === each}
              onClick={() => chooseHours(each)}
            >
              {words.hours(number(each))}
            </button>
          ))}
        </div>
        <MomentField />
        <Legend />
      </header>
      <Figure name={name} />
    </section>
  );
}

function Legend() {
  const words = wardWords.value.patient.trends;
  return (
    <p class="trend-legend">
      <i class="key-line" /> {words.legend}
      <i class="key-v" /> {words.ventricular}
      <i class="key-s" /> {words.supraventricular}
    </p>
  );
}

function Figure({ name }: { readonly name: string }) {
  const words = wardWords.value.patient.trends;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const bins = shownBins.value;
  const person = persons.value.get(name);
  const limits = [person?.rate_low ?? null, person?.rate_high ?? null].filter(
    (limit) => limit !== null,
  );
  const isTall = layout.value.name === "wall";
  const wanted = { width, fromMs: fromMs.value, toMs: toMs.value, binMs: binMs.value, isTall };
  const chart = useMemo(
    () => chartOf(bins ?? [], { ...wanted, limits }),
    [bins, width, wanted.fromMs, wanted.toMs, isTall, limits.join()],
  );
  const drags = useRef(false);
  const lookThere = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    lookAt(msAt(chart, event.clientX - box.left));
  };
  const isEmpty = bins?.every((bin) => bin === null) ?? false;
  return (
    <>
      <div
        class="trend-figure"
        ref={frame}
        role="slider"
        tabIndex={0}
        aria-label={words.moment}
        aria-valuemin={chart.fromMs}
        aria-valuemax={chart.toMs}
        aria-valuenow={cursorMs.value}
        aria-valuetext={cursorMsText()}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          drags.current = true;
          event.currentTarget.setPointerCapture(event.pointerId);
          lookThere(event);
        }}
        onPointerMove={(event) => {
          if (drags.current) lookThere(event);
        }}
        onPointerUp={() => {
          drags.current = false;
        }}
        onPointerCancel={() => {
          drags.current = false;
        }}
      >
        {width > 0 && (
          <svg width={width} height={heightOf(chart)} aria-hidden="true">
            <Grid chart={chart} limits={limits} />
            {bins !== null && <Drawn bins={bins} chart={chart} />}
            <AlarmLanes chart={chart} alarms={ownAlarms.value} nowMs={deviceNow.value} />
            <Cursor chart={chart} ms={cursorMs.value} />
          </svg>
        )}
      </div>
      <p class="trend-words">
        {bins === null ? words.reading : isEmpty ? words.nothing : <Summary bins={bins} />}
        {readBins.value?.archived === true && ` ${wardWords.value.patient.archived}`}
      </p>
    </>
  );
}

type Bins = NonNullable<typeof shownBins.value>;

interface DrawnProps {
  readonly bins: Bins;
  readonly chart: ReturnType<typeof chartOf>;
}

/** What changes with the bins only, and not with each second. */
function Drawn({ bins, chart }: DrawnProps) {
  return useMemo(() => {
    const past = bins.filter((_, at) => chart.fromMs + at * chart.binMs < deviceNow.value);
    const gaps = runsOf(past, (bin) => bin === null);
    return (
      <>
        <Gaps chart={chart} gaps={gaps} />
        <Signal chart={chart} bins={bins} />
        <Rates chart={chart} bins={bins} runs={runsOf(bins, (bin) => bin?.rate_mean != null)} />
        <Beats chart={chart} bins={bins} />
      </>
    );
  }, [bins, chart]);
}

function Summary({ bins }: { readonly bins: Bins }) {
  const words = wardWords.value.patient.trends;
  const found = summaryOf(bins, Math.min(toMs.value, deviceNow.value) - fromMs.value);
  const parts = [
    words.summary(number(found.mean), number(found.low), number(found.high)),
    words.counts(number(found.ventricular), number(found.supraventricular)),
    words.known(number(100 * found.known)),
  ];
  return <>{parts.join(" · ")}</>;
}

function useWidth(frame: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (frame.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return width;
}
