/** Who it is: bed, details, limits, what is measured now, and the worst alarm. */
import type { ComponentChildren } from "preact";
import { number } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import type { Person, Stream } from "../../../station/api";
import { KeyHint } from "../../../ui/KeyHint";
import { acknowledge, underway } from "../acting";
import { AlarmShape, alarmClass } from "../board/AlarmShape";
import { nameClass } from "../board/BedTile";
import {
  bedName,
  current,
  now,
  open,
  openDialog,
  persons,
  stale,
  ventricular,
  watched,
  worst,
} from "../state";
import { ageText, alarmText, minutes } from "../words";
import "./who.css";

export function Who({ name }: { readonly name: string }) {
  const words = wardWords.value;
  const bed = bedName(name);
  const person = persons.value.get(name);
  const stream = watched.value?.get(name)?.stream ?? null;
  const staleSince = stale.value.get(name);
  const isStale = staleSince !== undefined;
  return (
    <section class="who" aria-label={words.bed(bed)}>
      <p class={nameClass(bed)}>{bed}</p>
      <div class="who-person">
        <p class="who-name">{name}</p>
        <p>{ageText(name, now.value)}</p>
        <button
          type="button"
          class="button"
          disabled={person === undefined}
          onClick={() => {
            openDialog.value = "details";
          }}
        >
          {words.patient.details.open}
          <KeyHint of="E" />
        </button>
      </div>
      <Facts name={name} person={person} stream={isStale ? null : stream} />
      <WorstAlarm name={name} />
      <Rate stream={stream} staleSince={staleSince} />
    </section>
  );
}

interface FactsProps {
  readonly name: string;
  readonly person: Person | undefined;
  /** Null where nothing is known of now. */
  readonly stream: Stream | null;
}

function Facts({ name, person, stream }: FactsProps) {
  const { facts } = wardWords.value.patient;
  const { irregular = null, known = null } = stream ?? {};
  const beats = stream === null ? null : (ventricular.value.get(name) ?? null);
  return (
    <dl class="who-facts">
      <Fact name={facts.irregular}>
        {irregular === null ? "–" : irregular ? facts.yes : facts.no}
      </Fact>
      <Fact name={facts.pvc}>{number(beats)}</Fact>
      <Fact name={facts.known}>
        {number(known === null ? null : 100 * known)}
        {known === null ? "" : " %"}
      </Fact>
      <Fact name={facts.limits}>{person === undefined ? "–" : limitsText(person)}</Fact>
      {person !== undefined && person.notes !== "" && (
        <Fact name={facts.notes} class="who-notes">
          {person.notes}
        </Fact>
      )}
    </dl>
  );
}

interface FactProps {
  readonly name: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

function Fact({ name, class: className = "", children }: FactProps) {
  return (
    <div class={className}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function limitsText({ rate_low: low, rate_high: high }: Person): string {
  const { facts } = wardWords.value.patient;
  if (low !== null && high !== null) return facts.rate(number(low), number(high));
  if (low !== null) return facts.above(number(low));
  return high === null ? facts.none : facts.below(number(high));
}

function WorstAlarm({ name }: { readonly name: string }) {
  const words = wardWords.value;
  const alarm = worst.value.get(name);
  if (alarm === undefined) return null;
  const firing = open.value.filter((each) => each.patient === name && each.state === "firing");
  const isCurrent = current.value?.newest.alarm === alarm.alarm;
  return (
    <div class={`who-alarm ${alarmClass(alarm)}`}>
      <AlarmShape priority={alarm.priority} isHollow={alarm.state !== "firing"} />
      <p>
        {alarmText(alarm)} <time>{minutes(now.value - (alarm.fired_ms ?? now.value))}</time>
      </p>
      {firing.length > 0 && (
        <button
          type="button"
          class="button"
          disabled={firing.every((each) => underway.value.has(each.alarm))}
          onClick={() => void acknowledge(firing)}
        >
          {words.actions.acknowledge}
          {isCurrent && <KeyHint of="A" />}
        </button>
      )}
    </div>
  );
}

interface RateProps {
  readonly stream: Stream | null;
  readonly staleSince: number | undefined;
}

/** The rate. Of a stream without data it is gone, and the last one is named as such. */
function Rate({ stream, staleSince }: RateProps) {
  const words = wardWords.value;
  const known = stream?.rate_per_min ?? null;
  const rate = staleSince === undefined ? known : null;
  const seconds = staleSince === undefined ? 0 : Math.round((now.value - staleSince) / 1000);
  return (
    <div class="who-rate">
      <p>
        {rate === null ? (
          <>
            <span aria-hidden="true">– –</span>
            <span class="visually-hidden">{words.noRate}</span>
          </>
        ) : (
          number(rate)
        )}
        <small>{words.perMinute}</small>
      </p>
      {staleSince !== undefined && (
        <p class="who-last">
          {words.noDataFor(number(seconds))}
          {known === null ? "" : `, ${words.lastRate(number(known))}`}
        </p>
      )}
    </div>
  );
}
