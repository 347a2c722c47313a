/** Brings what the station knows to the page: once as a whole, then as events, strips and rates. */
import { connectionLost, outage } from "../../api/connection";
import { Problem } from "../../api/problem";
import {
  after,
  isOpen,
  type KnownAlarm,
  listed,
  type Silence,
  trimmed,
} from "../../station/alarms";
import {
  type AlarmPage,
  alarmOf,
  listen,
  PAGE_ROWS,
  readAlarms,
  readBeats,
  readPerson,
  readSteps,
  readStrips,
  readWard,
  type SilenceEvent,
  type Stream,
  silenceOf,
} from "../../station/api";
import { every, isPassing, untilRead, wait } from "../../station/polling";
import { CONNECTED, follow, type ServerEvent } from "../../station/sse";
import { STALE_MS } from "../../station/strip_clock";
import { hear } from "./announcing";
import { dayMs, type StripBoard } from "./board/strip_board";
import * as state from "./state";

const WARD_MS = 2_000;
const STRIPS_MS = 1_000;
const PERSONS_MS = 60_000;
const MINUTE_MS = 60_000;
/** The process that watches writes a sign of life more often than this. */
const UNWATCHED_MS = 15_000;
const ENDED_ROWS = 100;

let running: AbortController | null = null;
let personsReadAt = Number.NEGATIVE_INFINITY;

/** Begin, or begin anew as after a key was given. */
export function startFeed(board: StripBoard): void {
  running?.abort();
  const stop = new AbortController();
  running = stop;
  state.refusal.value = null;
  void run(board, stop.signal).catch((error: unknown) => {
    if (stop.signal.aborted) return;
    if (!(error instanceof Problem)) throw error;
    stop.abort();
    state.refusal.value = error;
  });
}

/** Raises Problem where the station refuses, as without a key. */
async function run(board: StripBoard, stop: AbortSignal): Promise<void> {
  const lastEvent = await untilRead(loadAlarms, stop);
  await Promise.all([
    every(WARD_MS, stop, () => loadWard(board)),
    every(STRIPS_MS, stop, stripReader(board)),
    follow(
      String(lastEvent),
      {
        open: listen,
        take,
        connected: (is) => {
          if (is) state.cutOffSince.value = null;
          else state.cutOffSince.value ??= state.stationMs();
        },
        retries: isPassing,
        wait: (ms) => wait(ms, stop),
      },
      stop,
    ),
  ]);
}

/** A patient may have been deleted since the board was read. */
function isGone(error: unknown): boolean {
  return error instanceof Problem && error.status === 404;
}

async function loadWard(board: StripBoard): Promise<void> {
  const asked = dayMs();
  const ward = await readWard();
  const answered = dayMs();
  // The station read its clock between the question and the answer.
  state.behindMs.value = ward.now_ms - (asked + answered) / 2;
  // Before the beds are shown: their names are among these details.
  await readPersons(ward.patients.map(({ patient }) => patient));
  state.watched.value = new Map(
    ward.patients.map(({ patient, streams }) => [
      patient,
      { patient, stream: shownStream(patient, streams), atMs: ward.now_ms },
    ]),
  );
  const { age_ms: age } = ward.watch;
  const isWatched = age !== null && age < UNWATCHED_MS;
  state.unwatchedSince.value = isWatched ? null : ward.now_ms - (age ?? 0);
  state.unlabelledSince.value = ward.labels?.failed_ms ?? null;
  await labelBeats(board);
}

/** The stream that is shown: the same as before while it sends, else the one that sent last. */
function shownStream(patient: string, streams: readonly Stream[]): Stream | null {
  const before = state.watched.value?.get(patient)?.stream?.source;
  const same = streams.find(({ source }) => source === before);
  if (same !== undefined && same.age_ms < STALE_MS) return same;
  return [...streams].sort((one, other) => one.age_ms - other.age_ms)[0] ?? null;
}

/**
 * Read the details of patients that are new on the board, and now and then those of all. A bed whose
 * details cannot be read now is shown without them, and they are read again with the next board.
 */
async function readPersons(patients: readonly string[]): Promise<void> {
  const isDue = dayMs() - personsReadAt > PERSONS_MS;
  if (isDue) personsReadAt = dayMs();
  const wanted = patients.filter((patient) => isDue || !state.persons.value.has(patient));
  if (wanted.length === 0) return;
  const all = new Map(state.persons.value);
  for (const read of await Promise.allSettled(wanted.map((patient) => readPerson(patient)))) {
    if (read.status === "fulfilled") all.set(read.value.name, read.value);
    else if (isPassing(read.reason) || isGone(read.reason))
      personsReadAt = Number.NEGATIVE_INFINITY;
    else throw read.reason;
  }
  state.persons.value = all;
}

function stripReader(board: StripBoard): () => Promise<void> {
  let since: number | null = null;
  return async () => {
    if (document.visibilityState !== "visible") return;
    const strips = await readStrips(since);
    since = strips.since;
    const nowMs = dayMs();
    for (const piece of strips.pieces) {
      const shown = state.watched.value?.get(piece.patient)?.stream;
      if (shown != null && shown.source !== piece.source) continue;
      board.bed(piece.patient).take(piece, nowMs);
      if (state.leads.value.get(piece.patient) !== piece.lead) {
        state.leads.value = new Map(state.leads.value).set(piece.patient, piece.lead);
      }
    }
  };
}

/** Patient -> ventricular beats of the last minute, and up to when beats were read. */
const minutes = new Map<string, { readonly readMs: number; readonly ventricularMs: number[] }>();

/** Read the classes of a patient's beats of the last minute anew: those that are normal, too. */
export function readMinuteAgain(patient: string): void {
  minutes.delete(patient);
}

/**
 * Read the classes of beats, of those patients who have had one that is not normal, and of the one
 * whose page is open: the board's own list has the classes of the newest beats of all.
 */
async function labelBeats(board: StripBoard): Promise<void> {
  const counted = new Map<string, number>();
  for (const { patient, stream } of state.watched.value?.values() ?? []) {
    const lastMs = stream?.last_beat_ms ?? null;
    if (stream === null || lastMs === null) continue;
    const known = minutes.get(patient);
    const fromMs = Math.max(known?.readMs ?? 0, lastMs - MINUTE_MS);
    let ventricularMs = known?.ventricularMs ?? [];
    const isWanted = patient === state.patient.value || /[^N]/.test(stream.last_beats);
    const isNew = lastMs >= fromMs && (known === undefined || isWanted);
    if (isNew) {
      const beats = await readBeats(patient, fromMs, lastMs + 1);
      board.bed(patient).label(beats);
      const found = beats.filter((beat) => beat.class === "V" && beat.source === stream.source);
      ventricularMs = [...ventricularMs, ...found.map((beat) => beat.at_ms)];
    }
    ventricularMs = ventricularMs.filter((ms) => ms > lastMs - MINUTE_MS);
    minutes.set(patient, { readMs: lastMs + 1, ventricularMs });
    counted.set(patient, ventricularMs.length);
  }
  state.ventricular.value = counted;
}

/** Read the open alarms and those that have ended. Returns the id of the newest event in them. */
async function loadAlarms(): Promise<number> {
  const open = await allPages(["firing", "acknowledged"]);
  const ended = await readAlarms(["resolved"], ENDED_ROWS);
  const known = [...open.alarms, ...ended.alarms].map(listed);
  state.alarms.value = new Map(known.map((alarm) => [alarm.alarm, alarm]));
  const silences = open.alarms.flatMap(({ patient, silent_until_ms: untilMs }) =>
    untilMs === null ? [] : [[patient, { untilMs }] as const],
  );
  state.silences.value = new Map(silences);
  void findWhoAcknowledged(known.filter((alarm) => alarm.state === "acknowledged"));
  return open.last_event_id;
}

async function allPages(states: Parameters<typeof readAlarms>[0]): Promise<AlarmPage> {
  // Of the first page: what happened while the others were read comes again as an event.
  let page = await readAlarms(states, PAGE_ROWS);
  const { last_event_id } = page;
  const alarms = [...page.alarms];
  while (page.cursor !== null) {
    page = await readAlarms(states, PAGE_ROWS, { cursor: page.cursor });
    alarms.push(...page.alarms);
  }
  return { alarms, cursor: null, last_event_id };
}

async function findWhoAcknowledged(alarms: readonly KnownAlarm[]): Promise<void> {
  for (const { alarm } of alarms) {
    const steps = await readSteps(alarm).catch(() => []);
    const seen = steps.findLast(({ step }) => step === "acknowledged");
    const now = state.alarms.value.get(alarm);
    if (seen === undefined || now === undefined || now.seen !== null) continue;
    put({ ...now, seen: { by: seen.by, atMs: seen.at_ms } });
  }
}

function take(event: ServerEvent): void {
  if (event.kind === "alarm") takeAlarm(event);
  else if (event.kind === "silence") takeSilence(silenceOf(event));
  // The station's numbers began anew: its database is another one.
  else if (event.kind === CONNECTED) void loadAlarms();
}

function takeAlarm(event: ServerEvent): void {
  const told = alarmOf(event);
  const before = state.alarms.value.get(told.alarm);
  const alarm = after(before, told, silenceNow(told.patient));
  put(alarm);
  if (told.step === "fired") hear(alarm);
}

function silenceNow(patient: string): Silence | undefined {
  const silence = state.silences.value.get(patient);
  return silence !== undefined && silence.untilMs > state.stationMs() ? silence : undefined;
}

function takeSilence({ patient, until_ms: untilMs }: SilenceEvent): void {
  state.silences.value = new Map(state.silences.value).set(patient, { untilMs });
  const changed = new Map(state.alarms.value);
  for (const alarm of changed.values()) {
    if (alarm.patient === patient && isOpen(alarm)) {
      changed.set(alarm.alarm, { ...alarm, silentUntilMs: untilMs });
    }
  }
  state.alarms.value = changed;
}

function put(alarm: KnownAlarm): void {
  state.alarms.value = trimmed(new Map(state.alarms.value).set(alarm.alarm, alarm));
}

/** Since when a patient's data are too old, by the station's clock; null while they are new. */
function silentSince(who: state.Watched, board: StripBoard, nowMs: number): number | null {
  const silentMs = board.silentMs(who.patient, nowMs);
  if (silentMs !== null) return silentMs < STALE_MS ? null : state.stationMs() - silentMs;
  // Without a strip, what the station said, and the time since then.
  if (who.stream === null) return null;
  const lastMs = who.atMs - who.stream.age_ms;
  return state.stationMs() - lastMs < STALE_MS ? null : lastMs;
}

/** Each second: the time, and which strips are stale. The tab's own clock; a hidden tab's is slower. */
export function startClock(board: StripBoard): void {
  const tick = () => {
    state.now.value = Math.floor(state.stationMs());
    const nowMs = dayMs();
    const stale = new Map<string, number>();
    for (const each of state.watched.value?.values() ?? []) {
      const sinceMs = silentSince(each, board, nowMs);
      if (sinceMs !== null) stale.set(each.patient, sinceMs);
    }
    if (stale.size > 0 || state.stale.value.size > 0) state.stale.value = stale;
  };
  tick();
  setInterval(tick, 1_000);
  // While nothing is asked for, the connection is watched nonetheless.
  addEventListener("offline", () => outage.value === null && connectionLost());
}
