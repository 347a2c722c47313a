/** What a person does about alarms. Nothing is shown as done before the station has said so. */
import { signal } from "@preact/signals";
import type { KnownAlarm } from "../../station/alarms";
import * as api from "../../station/api";

export const SILENCE_S = 120;

export interface Failed {
  readonly what: "acknowledge" | "silence" | "note";
  readonly error: Error;
}

/** What failed last; null once it is closed or something succeeded. */
export const failed = signal<Failed | null>(null);
/** Numbers of the alarms whose acknowledgement is on its way. */
export const underway = signal<ReadonlySet<number>>(new Set());

export async function acknowledge(alarms: readonly KnownAlarm[]): Promise<void> {
  const firing = alarms.filter(
    ({ state, alarm }) => state === "firing" && !underway.value.has(alarm),
  );
  const numbers = firing.map(({ alarm }) => alarm);
  underway.value = new Set([...underway.value, ...numbers]);
  await attempt("acknowledge", async () => {
    for (const number of numbers) await api.acknowledge(number);
  });
  const left = new Set(underway.value);
  for (const number of numbers) left.delete(number);
  underway.value = left;
}

export async function silence(patient: string): Promise<void> {
  await attempt("silence", () => api.silence(patient, SILENCE_S));
}

/** Return whether the note was kept. */
export async function note(alarm: KnownAlarm, text: string): Promise<boolean> {
  return attempt("note", () => api.addNote(alarm.alarm, text));
}

async function attempt(what: Failed["what"], act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    failed.value = null;
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    failed.value = { what, error };
    return false;
  }
}
