/** What the pages know of alarms: which needs somebody most, which sounds, which are the same again. */
import type { Alarm, AlarmEvent, ListedAlarm, Priority } from "./api";

/** Who acknowledged an alarm, and when, by the station's clock. */
export interface Seen {
  readonly by: string;
  readonly atMs: number;
}

/** An alarm as the pages keep it. */
export interface KnownAlarm extends Alarm {
  /** Until when a firing alarm makes no sound, by the station's clock; null where it does. */
  readonly silentUntilMs: number | null;
  readonly seen: Seen | null;
}

export interface Silence {
  readonly untilMs: number;
}

export function isOpen({ state }: Alarm): boolean {
  return state === "firing" || state === "acknowledged";
}

/** Its condition has ceased, and it waits for somebody. */
export function isLatched(alarm: Alarm): boolean {
  return alarm.state === "firing" && alarm.ended_ms !== null;
}

/** Low and technical alarms look and sound the same. */
export function lookOf(priority: Priority): "high" | "medium" | "low" {
  return priority === "technical" ? "low" : priority;
}

export function isUrgent({ priority }: Alarm): boolean {
  return priority === "high" || priority === "medium";
}

export function listed(alarm: ListedAlarm): KnownAlarm {
  const { silent_until_ms: silentUntilMs, ...rest } = alarm;
  return { ...rest, silentUntilMs, seen: null };
}

/** The alarm after an event. A silence of its patient holds for it too, unless it is of high priority. */
export function after(
  before: KnownAlarm | undefined,
  event: AlarmEvent,
  silence: Silence | undefined,
): KnownAlarm {
  const { step, by, at_ms: atMs, note: _, ...alarm } = event;
  const isNew = before === undefined || step === "fired";
  const fromSilence = alarm.priority === "high" ? null : (silence?.untilMs ?? null);
  return {
    ...alarm,
    silentUntilMs: isNew ? fromSilence : before.silentUntilMs,
    seen: step === "acknowledged" ? { by, atMs } : (before?.seen ?? null),
  };
}

/** Whether it is to be heard at a moment of the station's clock. */
export function sounds(alarm: KnownAlarm, nowMs: number): boolean {
  return alarm.state === "firing" && (alarm.silentUntilMs ?? 0) <= nowMs;
}

const RANK: Readonly<Record<Priority, number>> = { high: 0, medium: 1, low: 2, technical: 2 };

/** By priority, then those not acknowledged, then the newest. */
export function byUrgency(one: Alarm, other: Alarm): number {
  return (
    RANK[one.priority] - RANK[other.priority] || seenLast(one, other) || newestFirst(one, other)
  );
}

/** What needs somebody comes first: an acknowledged alarm of high priority after a new medium one. */
export function byNeed(one: Alarm, other: Alarm): number {
  return (
    Number(isUrgent(other)) - Number(isUrgent(one)) ||
    seenLast(one, other) ||
    RANK[one.priority] - RANK[other.priority] ||
    newestFirst(one, other)
  );
}

function seenLast(one: Alarm, other: Alarm): number {
  return Number(one.state !== "firing") - Number(other.state !== "firing");
}

export function newestFirst(one: Alarm, other: Alarm): number {
  return startedMs(other) - startedMs(one) || other.alarm - one.alarm;
}

/** When it fired, by the station's clock. */
export function startedMs(alarm: Alarm): number {
  return alarm.fired_ms ?? alarm.since_ms;
}

/** Alarms of one patient, rule and state, the newest first. */
export interface Fold {
  readonly newest: KnownAlarm;
  readonly all: readonly KnownAlarm[];
}

/** Fold alarms that repeat; the folds keep the order of their first alarms. */
export function folded(alarms: readonly KnownAlarm[]): Fold[] {
  const folds = new Map<string, KnownAlarm[]>();
  for (const alarm of alarms) {
    const key = JSON.stringify([alarm.patient, alarm.rule, alarm.state]);
    const fold = folds.get(key);
    if (fold === undefined) folds.set(key, [alarm]);
    else fold.push(alarm);
  }
  return [...folds.values()].map((all) => {
    all.sort(newestFirst);
    return { newest: all[0] as KnownAlarm, all };
  });
}

/** Alarms that have ended are forgotten beyond this, so that a page may stay open for months. */
const MOST_KEPT = 2_000;

/** Drop ended alarms, those first that came first, until no more than are kept are left. */
export function trimmed(alarms: ReadonlyMap<number, KnownAlarm>): ReadonlyMap<number, KnownAlarm> {
  let surplus = alarms.size - MOST_KEPT;
  if (surplus <= 0) return alarms;
  return new Map([...alarms].filter(([, alarm]) => isOpen(alarm) || surplus-- <= 0));
}

/** Count open alarms by their look. */
export function counts(
  alarms: Iterable<Alarm>,
): Readonly<Record<"high" | "medium" | "low", number>> {
  const found = { high: 0, medium: 0, low: 0 };
  for (const alarm of alarms) if (isOpen(alarm)) found[lookOf(alarm.priority)]++;
  return found;
}
