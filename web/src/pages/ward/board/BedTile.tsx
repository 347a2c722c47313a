/** One bed: who, the strip, the rate, and the worst of its alarms. */
import { number } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import type { KnownAlarm } from "../../../station/alarms";
import { addressOfPatient, openPatient } from "../route";
import { bedName, gainKey, gains, leads, now, stale, ventricular, watched, worst } from "../state";
import { alarmText, personText } from "../words";
import { AlarmShape, alarmClass } from "./AlarmShape";
import { type StripPlace, StripWindow } from "./Strips";

export function BedTile({ patient }: { readonly patient: string }) {
  const alarm = worst.value.get(patient);
  const words = wardWords.value;
  const silentSinceMs = stale.value.get(patient);
  const name = bedName(patient);
  const isSilent = saysNoData(alarm, silentSinceMs);
  return (
    <article
      class={`tile ${isSilent ? "stale alarm low firing" : alarmClass(alarm)}`}
      aria-label={words.bed(name)}
    >
      <a
        class="tile-bed"
        href={addressOfPatient(patient)}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          openPatient(patient);
        }}
      >
        <span class={nameClass(name)}>{name}</span>
        <span class="tile-person">{personText(patient, now.value)}</span>
      </a>
      <div class="tile-strip">
        {isSilent ? <NoData sinceMs={silentSinceMs ?? now.value} /> : <TileAlarm alarm={alarm} />}
        <StripWindow patient={patient} place="tile" />
        <StripNotes patient={patient} place="tile" />
      </div>
      <BedRate patient={patient} isStale={silentSinceMs !== undefined} />
    </article>
  );
}

/** Long names of beds are smaller: four digits fit at full size. */
export function nameClass(name: string): string {
  if (name.length <= 4) return "bed-name";
  return name.length <= 8 ? "bed-name long" : "bed-name longest";
}

/** A strip without data says so, unless an alarm about the heart is open. */
function saysNoData(alarm: KnownAlarm | undefined, silentSinceMs: number | undefined): boolean {
  return silentSinceMs !== undefined && (alarm === undefined || alarm.priority === "technical");
}

function NoData({ sinceMs }: { readonly sinceMs: number }) {
  const seconds = Math.round((now.value - sinceMs) / 1000);
  return (
    <p class="tile-alarm alarm low firing">
      <AlarmShape priority="technical" isHollow={false} />
      <span>{wardWords.value.noDataFor(number(seconds))}</span>
    </p>
  );
}

function TileAlarm({ alarm }: { readonly alarm: KnownAlarm | undefined }) {
  if (alarm === undefined) return null;
  return (
    <p class={`tile-alarm ${alarmClass(alarm)}`}>
      <AlarmShape priority={alarm.priority} isHollow={alarm.state !== "firing"} />
      <span>{alarmText(alarm)}</span>
    </p>
  );
}

const PARTS: readonly (readonly [number, string])[] = [
  [3 / 4, "¾"],
  [1 / 2, "½"],
  [1 / 3, "⅓"],
  [1 / 4, "¼"],
  [1 / 6, "⅙"],
  [1 / 8, "⅛"],
];

/** The gain where it is not the usual one, and the lead where it is not II. */
export function StripNotes({ patient, place }: StripPlace) {
  const words = wardWords.value;
  const gain = gains.value.get(gainKey(place, patient));
  const lead = leads.value.get(patient);
  const part = PARTS.find(([value]) => value === gain)?.[1];
  return (
    <p class="strip-notes">
      {lead === undefined && <span>{words.noStrip}</span>}
      {lead !== undefined && lead !== "II" && <span>{lead}</span>}
      {part !== undefined && <span>{words.gain(part)}</span>}
    </p>
  );
}

interface BedRateProps {
  readonly patient: string;
  readonly isStale: boolean;
}

function BedRate({ patient, isStale }: BedRateProps) {
  const words = wardWords.value;
  const known = watched.value?.get(patient)?.stream?.rate_per_min ?? null;
  const rate = isStale ? null : known;
  const count = ventricular.value.get(patient) ?? 0;
  const last = isStale && known !== null ? words.lastRate(number(known)) : null;
  const many = !isStale && count > 0 ? words.ventricular(number(count)) : null;
  return (
    <div class="tile-rate">
      <p class="rate">
        {rate === null ? (
          <>
            <span aria-hidden="true">– –</span>
            <span class="visually-hidden">{words.noRate}</span>
          </>
        ) : (
          number(rate)
        )}
        <span class="visually-hidden">{rate === null ? "" : words.perMinute}</span>
      </p>
      <p class="tile-more">{last ?? many}</p>
    </div>
  );
}
