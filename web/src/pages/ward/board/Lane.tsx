/** The beds with alarms of high and medium priority, large, beside their places among the others. */
import { useComputed } from "@preact/signals";
import { useRef } from "preact/hooks";
import { number } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import type { KnownAlarm } from "../../../station/alarms";
import { arranged } from "../../../station/order";
import { Icon } from "../../../ui/icons";
import { KeyHint } from "../../../ui/KeyHint";
import { acknowledge, silence, underway } from "../acting";
import { openPatient } from "../route";
import { bedName, current, lane, now, open, stale, watched, worst } from "../state";
import { alarmText, hoursMinutes, minutes, personText } from "../words";
import { AlarmShape, alarmClass } from "./AlarmShape";
import { nameClass, StripNotes } from "./BedTile";
import { layout } from "./layout";
import { isReading } from "./reading";
import { Strips, StripWindow } from "./Strips";

export function Lane() {
  const words = wardWords.value;
  const { places } = layout.value;
  const shown = useRef<readonly (string | null)[]>([]);
  const order = useComputed(() => {
    shown.current = arranged(shown.current, lane.value, {
      places: layout.value.places,
      isRead: isReading.value,
      breaksIn: (patient) => {
        const alarm = worst.value.get(patient);
        return alarm?.priority === "high" && alarm.state === "firing";
      },
    });
    return shown.current;
  }).value;
  if (places === 0) return null;
  const more = lane.value.filter((patient) => !order.includes(patient)).length;
  return (
    <section class="lane" aria-label={words.lane}>
      <Strips class="lane-cards" tracePx={2}>
        {order.map((patient, at) =>
          patient === null ? (
            <div key={`free-${at}`} class="lane-free" />
          ) : (
            <LaneCard key={patient} patient={patient} />
          ),
        )}
        {order.length === 0 && <p class="lane-empty">{words.laneEmpty}</p>}
      </Strips>
      {more > 0 && <p class="lane-more">{words.laneMore(number(more))}</p>}
    </section>
  );
}

function LaneCard({ patient }: { readonly patient: string }) {
  const words = wardWords.value;
  const alarm = worst.value.get(patient);
  if (alarm === undefined) return null;
  const name = bedName(patient);
  const isStale = stale.value.has(patient);
  const rate = isStale ? null : (watched.value?.get(patient)?.stream?.rate_per_min ?? null);
  return (
    <article class={`card ${alarmClass(alarm)}`} aria-label={words.bed(name)}>
      <header>
        <AlarmShape priority={alarm.priority} isHollow={alarm.state !== "firing"} />
        <h2>{alarmText(alarm)}</h2>
        <time>{minutes(now.value - (alarm.fired_ms ?? now.value))}</time>
      </header>
      <div class="card-who">
        <span class={nameClass(name)}>{name}</span>
        <span class="card-person">{personText(patient, now.value)}</span>
        <p class="card-rate">
          {number(rate)}
          <small>{words.perMinute}</small>
        </p>
      </div>
      <div class="card-strip">
        <StripWindow patient={patient} place="lane" />
        <StripNotes patient={patient} place="lane" />
      </div>
      <CardActions alarm={alarm} />
    </article>
  );
}

function CardActions({ alarm }: { readonly alarm: KnownAlarm }) {
  const { actions, states } = wardWords.value;
  const firing = open.value.filter(
    ({ patient, state }) => patient === alarm.patient && state === "firing",
  );
  const isCurrent = current.value?.newest.alarm === alarm.alarm;
  return (
    <div class="card-actions">
      {alarm.state === "firing" ? (
        <>
          <button
            type="button"
            class={isCurrent ? "button primary" : "button"}
            disabled={underway.value.has(alarm.alarm)}
            onClick={() => void acknowledge(firing)}
          >
            {actions.acknowledge}
            {isCurrent && <KeyHint of="A" />}
          </button>
          <button type="button" class="button" onClick={() => void silence(alarm.patient)}>
            <Icon name="soundOff" />
            {actions.silence}
            {isCurrent && <KeyHint of="S" />}
          </button>
        </>
      ) : (
        <p class="card-seen">
          <Icon name="tick" />
          {alarm.seen === null
            ? states.acknowledgedOnly
            : states.acknowledged(alarm.seen.by, hoursMinutes(alarm.seen.atMs))}
        </p>
      )}
      <button type="button" class="button" onClick={() => openPatient(alarm.patient)}>
        {actions.open}
        {isCurrent && <KeyHint of="Enter" />}
      </button>
    </div>
  );
}
