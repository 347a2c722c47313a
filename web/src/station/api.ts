/** The station's routes, as the ward page asks them. Every request of the page is made here. */
import { request } from "../api/request";
import { millivolts } from "./samples";
import { type ServerEvent, textOf } from "./sse";

export type Priority = "high" | "medium" | "low" | "technical";
export type AlarmState = "pending" | "firing" | "acknowledged" | "resolved";
export type BeatClass = "N" | "S" | "V" | "F" | "Q";

/** One onset of a rule of alarm. Times named `since` and `ended` are the device's, others the station's. */
export interface Alarm {
  readonly alarm: number;
  readonly patient: string;
  readonly source: string;
  readonly rule: string;
  readonly priority: Priority;
  readonly state: AlarmState;
  readonly since_ms: number;
  readonly ended_ms: number | null;
  /** What was measured, in the rule's unit. */
  readonly value: number | null;
  readonly fired_ms: number | null;
  /** How often it has been escalated. */
  readonly level: number;
}

export interface ListedAlarm extends Alarm {
  /** Until when it makes no sound; null where it does. */
  readonly silent_until_ms: number | null;
}

/** A step of an alarm, with the alarm as it is afterwards. */
export interface AlarmEvent extends Alarm {
  readonly step: "began" | "fired" | "ceased" | "acknowledged" | "resolved" | "escalated" | "noted";
  /** The name of a key; ":rule" and ":timer" are the station's own. */
  readonly by: string;
  readonly at_ms: number;
  readonly note: string;
}

export interface SilenceEvent {
  readonly patient: string;
  readonly from_ms: number;
  readonly until_ms: number;
  readonly by: string;
}

export interface AlarmPage {
  readonly alarms: readonly ListedAlarm[];
  readonly cursor: string | null;
  /** What happens later than this list is an event after this one. */
  readonly last_event_id: number;
}

export interface Step {
  readonly number: number;
  readonly step: AlarmEvent["step"];
  readonly state: AlarmState;
  readonly by: string;
  readonly at_ms: number;
  readonly device_ms: number | null;
  readonly note: string;
}

/** What one source sends of one patient. */
export interface Stream {
  readonly source: string;
  /** Up to when the device has sent, by its own clock. */
  readonly newest_ms: number;
  /** For how long nothing has arrived. */
  readonly age_ms: number;
  readonly rate_per_min: number | null;
  /** Share of the last window with a signal that can be read. */
  readonly known: number | null;
  /** Whether the intervals are those of atrial fibrillation; null where that is not judged. */
  readonly irregular: boolean | null;
  readonly last_beat_ms: number | null;
  /** Classes of the newest beats, the newest last. */
  readonly last_beats: string;
}

export interface WardPatient {
  readonly patient: string;
  readonly streams: readonly Stream[];
  readonly silent_until_ms: number | null;
}

export interface Ward {
  readonly now_ms: number;
  /** The process that finds alarms: how long ago it was last heard of, and whether it is behind. */
  readonly watch: { readonly age_ms: number | null };
  /** Whether the inference server labels windows: null or absent where nobody asks for labels. */
  readonly labels?: { readonly failed_ms: number | null } | null;
  readonly patients: readonly WardPatient[];
}

/** A patient's details. */
export interface Person {
  readonly name: string;
  /** The bed's name; absent where a station does not know beds. */
  readonly bed?: string | null;
  readonly sex: "female" | "male" | "other" | "unknown";
  readonly birth_year: number | null;
  readonly notes: string;
  readonly rate_low: number | null;
  readonly rate_high: number | null;
}

/** A piece of a patient's strip: one lead, in mV, NaN for gaps. */
export interface StripPiece {
  readonly patient: string;
  readonly source: string;
  readonly lead: string;
  readonly fs: number;
  readonly startMs: number;
  readonly samples: Float32Array;
}

export interface Strips {
  /** What comes next is what arrived after this. */
  readonly since: number;
  readonly pieces: readonly StripPiece[];
}

/** The answer of `strips`: int16 in base64, of which `per_mv` are a millivolt. */
interface SentStrips {
  readonly since: number;
  readonly hz: number;
  readonly per_mv: number;
  readonly gap: number;
  readonly strips: readonly {
    readonly patient: string;
    readonly source: string;
    readonly lead: string;
    readonly start_ms: number;
    readonly samples: string;
  }[];
}

export interface FoundBeat {
  readonly source: string;
  readonly at_ms: number;
  readonly class: BeatClass;
  readonly interval_ms: number | null;
}

/** Some minutes of a patient's hours. Bins without a window of a source are left out. */
export interface TrendBin {
  readonly source: string;
  readonly start_ms: number;
  /** Time with a signal that can be read. */
  readonly known_ms: number;
  /** Of the rates of windows of ten seconds: the lowest, the mean, the highest. */
  readonly rate_low: number | null;
  readonly rate_mean: number | null;
  readonly rate_high: number | null;
  readonly beats: Readonly<Record<BeatClass, number>>;
  /** Share of the windows with the intervals of atrial fibrillation; null where that is not judged. */
  readonly irregular: number | null;
}

export interface Trends {
  readonly trends: readonly TrendBin[];
  /** Whether a part has been moved to the archive. */
  readonly archived: boolean;
}

/** The signal of one source with one rate and one set of leads, mV. */
export interface WaveformPart {
  readonly source: string;
  readonly start_ms: number;
  readonly fs: number;
  readonly leads: readonly string[];
  /** Null for gaps. */
  readonly signal: readonly (readonly (number | null)[])[];
}

export interface Waveforms {
  readonly waveforms: readonly WaveformPart[];
  readonly archived: boolean;
}

/** The details of a patient that may be changed. */
export type Details = Omit<Person, "name" | "bed">;

/** A page of a list: its rows under a name of their own, and the cursor. */
type Page<T> = Readonly<Record<string, readonly T[] | string | null>>;

const ROOT = "station/v1";
/** As many as the station lists at once. */
export const PAGE_ROWS = 1_000;

export async function readWard(): Promise<Ward> {
  return get("ward");
}

export async function readPerson(patient: string): Promise<Person> {
  return get(pathOf(patient));
}

/** Change details of a patient; those that are not given stay. Return the patient. */
export async function changePerson(patient: string, changes: Partial<Details>): Promise<Person> {
  return (await write("PATCH", pathOf(patient), changes)).json() as Promise<Person>;
}

export async function readTrends(
  patient: string,
  fromMs: number,
  toMs: number,
  binMs: number,
): Promise<Trends> {
  const query = `from_ms=${fromMs}&to_ms=${toMs}&bin_ms=${binMs}`;
  return get(`${pathOf(patient)}/trends?${query}`);
}

export async function readWaveforms(
  patient: string,
  fromMs: number,
  toMs: number,
): Promise<Waveforms> {
  return get(`${pathOf(patient)}/waveform?from_ms=${fromMs}&to_ms=${toMs}`);
}

/** Return what has arrived since an earlier answer; at first, the newest seconds. */
export async function readStrips(since: number | null): Promise<Strips> {
  const sent = await get<SentStrips>(since === null ? "strips" : `strips?since=${since}`);
  const pieces = sent.strips.map(({ patient, source, lead, start_ms: startMs, samples }) => {
    const piece = { patient, source, lead, startMs, fs: sent.hz };
    return { ...piece, samples: millivolts(samples, sent.per_mv, sent.gap) };
  });
  return { since: sent.since, pieces };
}

/** Return a patient's beats from a moment on, by the device's clock. */
export async function readBeats(
  patient: string,
  fromMs: number,
  toMs: number,
): Promise<readonly FoundBeat[]> {
  return allRows<FoundBeat>(`${pathOf(patient)}/beats`, "beats", fromMs, toMs);
}

/** Return the newest alarms of some states, at most `limit`. */
export async function readAlarms(
  states: readonly AlarmState[],
  limit: number,
  more: Readonly<Record<string, string>> = {},
): Promise<AlarmPage> {
  const query = new URLSearchParams({ state: states.join(","), limit: String(limit), ...more });
  return get(`alarms?${query}`);
}

export async function readSteps(alarm: number): Promise<readonly Step[]> {
  return (await get<{ readonly steps: readonly Step[] }>(`alarms/${alarm}/steps`)).steps;
}

export async function acknowledge(alarm: number): Promise<void> {
  await post(`alarms/${alarm}/acknowledge`, {});
}

export async function addNote(alarm: number, note: string): Promise<void> {
  await post(`alarms/${alarm}/note`, { note });
}

/** Switch the sound of a patient's alarms off for some seconds; 0 ends the silence. */
export async function silence(patient: string, seconds: number): Promise<void> {
  await post(`${pathOf(patient)}/silence`, { seconds });
}

/** Yield what happens after an event, as text of the server's event stream. */
export async function* listen(after: string, abort: AbortSignal): AsyncGenerator<string> {
  const headers = { Accept: "text/event-stream", "Last-Event-ID": after };
  const response = await request(`${ROOT}/events`, { headers, signal: abort });
  if (response.body !== null) yield* textOf(response.body);
}

export function alarmOf(event: ServerEvent): AlarmEvent {
  return JSON.parse(event.data) as AlarmEvent;
}

export function silenceOf(event: ServerEvent): SilenceEvent {
  return JSON.parse(event.data) as SilenceEvent;
}

/** Read every page of a list between two moments of the device's clock. */
async function allRows<T>(path: string, name: string, fromMs: number, toMs: number): Promise<T[]> {
  const rows: T[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ from_ms: String(fromMs), to_ms: String(toMs) });
    query.set("limit", String(PAGE_ROWS));
    if (cursor !== null) query.set("cursor", cursor);
    const page: Page<T> = await get(`${path}?${query}`);
    rows.push(...(page[name] as readonly T[]));
    cursor = page.cursor as string | null;
  } while (cursor !== null);
  return rows;
}

async function get<T>(path: string): Promise<T> {
  return (await request(`${ROOT}/${path}`, {})).json() as Promise<T>;
}

async function post(path: string, content: unknown): Promise<void> {
  await write("POST", path, content);
}

async function write(method: string, path: string, content: unknown): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return request(`${ROOT}/${path}`, { method, headers, body: JSON.stringify(content) });
}

function pathOf(patient: string): string {
  return `patients/${encodeURIComponent(patient)}`;
}
