/** Reads what a patient's page shows of the past, whenever another part of it is looked at. */
import { effect, signal, untracked } from "@preact/signals";
import { Problem } from "../../../api/problem";
import { listed, trimmed } from "../../../station/alarms";
import {
  PAGE_ROWS,
  readAlarms,
  readBeats,
  readPerson,
  readTrends,
  readWaveforms,
} from "../../../station/api";
import { untilRead } from "../../../station/polling";
import { readMinuteAgain } from "../feed";
import { alarms, moment, now, patient, persons } from "../state";
import {
  binMs,
  bins,
  deviceNow,
  fromMs,
  hours,
  lookAnew,
  refused,
  showHoursOf,
  stretch,
  toMs,
} from "./looking";
import { spanOf, stepOf, stretchOf } from "./stretch";

/** How often hours that go on are read again. */
const HOURS_MS = 30_000;
/** How often a stretch is read again that has not ended yet. */
const STRETCH_MS = 5_000;
/** Windows are found a little later than they end. */
const FOUND_AFTER_MS = 60_000;

/** Read again with another key, or after a person has changed something. */
const again = signal(0);

export function readAgain(): void {
  again.value++;
}

/** Begin to follow what is looked at. */
export function startReading(): void {
  whileWanted(
    () => [patient.value, again.value],
    async (stop) => {
      const name = patient.peek();
      lookAnew();
      if (name === null) return;
      readMinuteAgain(name);
      const person = await untilRead(() => readPerson(name), stop);
      persons.value = new Map(persons.peek()).set(name, person);
    },
  );
  effect(() => {
    if (moment.value !== null) showHoursOf(moment.value);
  });
  whileWanted(
    () => [patient.value, hours.value, toMs.value, again.value, goesOn(toMs.value, HOURS_MS)],
    (stop) => readHours(patient.peek(), stop),
  );
  whileWanted(
    () => {
      const step = moment.value === null ? null : stepOf(moment.value);
      const tick = step === null ? null : goesOn(spanOf(step).toMs, STRETCH_MS);
      return [patient.value, step, again.value, tick];
    },
    (stop) => readStretch(patient.peek(), moment.peek(), stop),
  );
}

/** A number that changes every so many ms, as long as more is found of what ends at a time. */
function goesOn(endMs: number, everyMs: number): number {
  return deviceNow.value < endMs + FOUND_AFTER_MS ? Math.floor(now.value / everyMs) : 0;
}

/** Read whenever what is wanted changes; what was read for something else is given up. */
function whileWanted(
  wanted: () => readonly unknown[],
  read: (stop: AbortSignal) => Promise<void>,
): void {
  let key = "";
  let running = new AbortController();
  effect(() => {
    const asked = JSON.stringify(wanted());
    if (asked === key) return;
    key = asked;
    running.abort();
    const own = new AbortController();
    running = own;
    void untracked(() => read(own.signal)).catch((error: unknown) => {
      if (own.signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      refused.value = error;
    });
  });
}

async function readHours(name: string | null, stop: AbortSignal): Promise<void> {
  if (name === null) return;
  const [from, to, bin] = [fromMs.peek(), toMs.peek(), binMs.peek()];
  const read = await untilRead(() => readTrends(name, from, to, bin), stop);
  if (stop.aborted) return;
  bins.value = { patient: name, binMs: bin, found: read.trends, archived: read.archived };
  const page = await untilRead(
    () =>
      readAlarms(["firing", "acknowledged", "resolved"], PAGE_ROWS, {
        patient: name,
        from_ms: String(from),
        to_ms: String(to),
      }),
    stop,
  );
  if (!stop.aborted) keep(page.alarms.map(listed));
}

/** Alarms that are known already are kept by events. */
function keep(found: readonly ReturnType<typeof listed>[]): void {
  const all = new Map(alarms.peek());
  const added = found.filter(({ alarm }) => !all.has(alarm));
  if (added.length === 0) return;
  for (const alarm of added) all.set(alarm.alarm, alarm);
  alarms.value = trimmed(all);
}

async function readStretch(
  name: string | null,
  ms: number | null,
  stop: AbortSignal,
): Promise<void> {
  if (name === null || ms === null) {
    stretch.value = null;
    return;
  }
  const span = spanOf(stepOf(ms));
  const [waveforms, beats] = await untilRead(
    () =>
      Promise.all([
        readWaveforms(name, span.fromMs, span.toMs),
        readBeats(name, span.fromMs, span.toMs),
      ]),
    stop,
  );
  if (!stop.aborted) stretch.value = stretchOf(name, span, waveforms, beats);
}
