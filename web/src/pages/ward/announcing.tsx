/**
 * What a screen reader says of new alarms: those of high priority at once, the others when it has
 * finished; one sentence each five seconds, the most urgent first.
 */
import { signal } from "@preact/signals";
import { byUrgency, isOpen, type KnownAlarm } from "../../station/alarms";
import { alarms } from "./state";
import { spoken } from "./words";

const EVERY_MS = 5_000;

export const assertive = signal("");
export const polite = signal("");
let waiting: KnownAlarm[] = [];
let timer: number | undefined;

/** A new alarm has fired. */
export function hear(alarm: KnownAlarm): void {
  waiting = [...waiting, alarm].sort(byUrgency);
  if (timer === undefined) sayNext();
}

function sayNext(): void {
  timer = undefined;
  // What is over meanwhile is not said any more.
  waiting = waiting.filter(({ alarm }) => {
    const now = alarms.value.get(alarm);
    return now !== undefined && isOpen(now);
  });
  const alarm = waiting.shift();
  if (alarm === undefined) return;
  (alarm.priority === "high" ? assertive : polite).value = spoken(alarm);
  timer = window.setTimeout(sayNext, EVERY_MS);
}

export function Announcements() {
  return (
    <>
      <p class="visually-hidden" role="alert">
        {assertive.value}
      </p>
      <p class="visually-hidden" role="status">
        {polite.value}
      </p>
    </>
  );
}
