/** What the ward page knows of its beds and alarms, and what a person has chosen on it. */
import { computed, signal } from "@preact/signals";
import type { Problem } from "../../api/problem";
import {
  byNeed,
  type Fold,
  folded,
  isOpen,
  type KnownAlarm,
  newestFirst,
  type Silence,
} from "../../station/alarms";
import type { Person, Stream } from "../../station/api";
import { alarmsFirst, byBed, problemLane, worstOf } from "../../station/order";
import { layout } from "./board/layout";
import { dayMs } from "./board/strip_board";

/** This computer's clock is this much (ms) behind the station's. */
export const behindMs = signal(0);
/** The station's time, each second. */
export const now = signal(Date.now());

export function stationMs(): number {
  return dayMs() + behindMs.value;
}

/** A patient on the board: the stream that sent last, and the details once they are read. */
export interface Watched {
  readonly patient: string;
  readonly stream: Stream | null;
  /** When the station said that, by its clock. */
  readonly atMs: number;
}

/** Null until the station has been asked. */
export const watched = signal<ReadonlyMap<string, Watched> | null>(null);
export const persons = signal<ReadonlyMap<string, Person>>(new Map());
/** Null while the station watches; else since when it does not, by its clock. */
export const unwatchedSince = signal<number | null>(null);
/** Null while labels are made, or nobody asks for them; else since when the server does not answer. */
export const unlabelledSince = signal<number | null>(null);
export const alarms = signal<ReadonlyMap<number, KnownAlarm>>(new Map());
export const silences = signal<ReadonlyMap<string, Silence>>(new Map());
/** Patients whose strips have nothing new, with when that was last, by the station's clock. */
export const stale = signal<ReadonlyMap<string, number>>(new Map());
/** Place and patient -> part of the usual gain at which a strip is drawn. */
export const gains = signal<ReadonlyMap<string, number>>(new Map());

export function gainKey(place: string, patientName: string): string {
  return `${place} ${patientName}`;
}

/** Patient -> ventricular beats of the last minute. */
export const ventricular = signal<ReadonlyMap<string, number>>(new Map());
/** Patient -> lead of its strip. */
export const leads = signal<ReadonlyMap<string, string>>(new Map());

/** Null while events arrive; else since when they do not. */
export const cutOffSince = signal<number | null>(Date.now());
/** Why the station refused: no key, one without the scope, or something else. */
export const refusal = signal<Problem | null>(null);

export type Order = "bed" | "alarms";
const STORED_ORDER = "ecg-ward-order";
export const order = signal<Order>(
  localStorage.getItem(STORED_ORDER) === "alarms" ? "alarms" : "bed",
);

export function chooseOrder(chosen: Order): void {
  order.value = chosen;
  localStorage.setItem(STORED_ORDER, chosen);
}

export const open = computed(() => [...alarms.value.values()].filter(isOpen));
export const worst = computed(() => worstOf(open.value));
export const lane = computed(() => problemLane(worst.value));
export const inbox = computed(() => folded([...open.value].sort(byNeed)));

/** As many as are shown below the open ones. */
const MOST_ENDED = 40;
const DAY_MS = 86_400_000;
export const ended = computed(() => {
  const from = now.value - DAY_MS;
  const found = [...alarms.value.values()].filter(
    (alarm) => alarm.state === "resolved" && (alarm.fired_ms ?? 0) >= from,
  );
  return folded(found.sort(newestFirst)).slice(0, MOST_ENDED);
});

/** What the bed is called: by its name, else by its patient's. */
export function bedName(patient: string): string {
  return persons.value.get(patient)?.bed ?? patient;
}

export const wantedOrder = computed(() => {
  const beds = [...(watched.value?.keys() ?? [])].map((each) => ({
    patient: each,
    name: bedName(each),
  }));
  // A phone shows a few beds at once: those with alarms.
  const isByBed = order.value === "bed" && layout.value.places > 0;
  return isByBed ? byBed(beds) : alarmsFirst(beds, worst.value);
});

/** The patient whose page is open; null for the board. */
export const patient = signal<string | null>(null);
/** The moment of that patient that is looked at, by the device's clock; null for what happens now. */
export const moment = signal<number | null>(null);

/** Of the open patient: the open alarms, what needs somebody first, then those that have ended. */
export const ownAlarms = computed(() => {
  const own = [...alarms.value.values()].filter(
    (alarm) => alarm.patient === patient.value && alarm.fired_ms !== null,
  );
  const past = own.filter((alarm) => !isOpen(alarm));
  return [...own.filter(isOpen).sort(byNeed), ...past.sort(newestFirst)];
});

/** The rows that keys move over: the inbox, or on a patient's page each alarm of its own. */
export const rows = computed<readonly Fold[]>(() =>
  patient.value === null
    ? inbox.value
    : ownAlarms.value.map((alarm) => ({ newest: alarm, all: [alarm] })),
);

/** The alarm that keys act on, by its number; null for the first that is open. */
export const chosen = signal<number | null>(null);
export const current = computed(() => {
  const found = rows.value.find(({ all }) => all.some(({ alarm }) => alarm === chosen.value));
  if (found !== undefined) return found;
  const first = rows.value[0];
  return first !== undefined && isOpen(first.newest) ? first : null;
});

export type WardDialog = "help" | "note" | "details" | null;
export const openDialog = signal<WardDialog>(null);
/** Where the inbox has no place of its own: whether it is shown instead of the beds. */
export const isInboxOpen = signal(false);
