/** Which bed is where. Problems come first, but places stay while somebody reads. */
import { byUrgency, isUrgent } from "./alarms";
import type { Alarm } from "./api";

const COLLATOR = new Intl.Collator("en", { numeric: true });

export interface Bed {
  readonly patient: string;
  /** What the bed is called: its name, or its patient's. */
  readonly name: string;
}

/** Return the patients by their beds' names: 2 before 10. */
export function byBed(beds: readonly Bed[]): string[] {
  const sorted = [...beds].sort(
    (one, other) =>
      COLLATOR.compare(one.name, other.name) || COLLATOR.compare(one.patient, other.patient),
  );
  return sorted.map(({ patient }) => patient);
}

/** Return the patient -> the most urgent of its open alarms. */
export function worstOf<T extends Alarm>(open: readonly T[]): ReadonlyMap<string, T> {
  const worst = new Map<string, T>();
  for (const alarm of [...open].sort(byUrgency)) {
    if (!worst.has(alarm.patient)) worst.set(alarm.patient, alarm);
  }
  return worst;
}

/** Return the patients with alarms of high and medium priority, the most urgent first. */
export function problemLane(worst: ReadonlyMap<string, Alarm>): string[] {
  return [...worst.values()]
    .filter(isUrgent)
    .sort(byUrgency)
    .map(({ patient }) => patient);
}

/** Return all patients, those with an alarm first. */
export function alarmsFirst(beds: readonly Bed[], worst: ReadonlyMap<string, Alarm>): string[] {
  const order = byBed(beds);
  const alarmed = [...worst.values()].sort(byUrgency).map(({ patient }) => patient);
  const known = new Set(order);
  return [
    ...alarmed.filter((patient) => known.has(patient)),
    ...order.filter((patient) => !worst.has(patient)),
  ];
}

export interface Arranging {
  /** How many places there are. */
  readonly places: number;
  /** Whether somebody reads: nothing moves then. */
  readonly isRead: boolean;
  /** What must be seen at once. It takes the last place that has something less urgent. */
  readonly breaksIn: (patient: string) => boolean;
}

/**
 * Return who has which place, null for a place that has become free and whose neighbours must not
 * move yet.
 *
 * shown   who had which place so far
 * wanted  who should have them, the first place first
 */
export function arranged(
  shown: readonly (string | null)[],
  wanted: readonly string[],
  { places, isRead, breaksIn }: Arranging,
): (string | null)[] {
  if (!isRead) return wanted.slice(0, places);
  const stays = new Set(wanted);
  const kept = shown
    .slice(0, places)
    .map((each) => (each !== null && stays.has(each) ? each : null));
  for (const patient of wanted) {
    if (kept.includes(patient)) continue;
    const free = kept.indexOf(null);
    if (free >= 0) kept[free] = patient;
    else if (kept.length < places) kept.push(patient);
    else if (breaksIn(patient)) {
      const last = kept.findLastIndex((each) => each !== null && !breaksIn(each));
      if (last >= 0) kept[last] = patient;
    }
  }
  return kept;
}
