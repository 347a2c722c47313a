/** What the viewer holds: opened recordings as tabs, how they are shown, what is pointed at. */
import { computed, effect, signal } from "@preact/signals";
import type { Analysis, Finding } from "../../api/answer";
import { analyze, readTrace } from "../../api/client";
import { outage } from "../../api/connection";
import { Unreachable } from "../../api/problem";
import { type Hints, type Stated, statedIn, type Upload } from "../../api/upload";
import type { Recording } from "../../ecg/recording";
import { number } from "../../i18n";
import { storedCalibration } from "../../paper/calibration";
import type { Caliper, Display, Span, Tool } from "../../paper/props";
import { viewport } from "../../ui/viewport";
import { cropped } from "./crop";

/** What is asked for, has come, or failed. */
export type Loaded<T> =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly value: T }
  | { readonly state: "failed"; readonly error: Error };

export interface Tab {
  readonly id: number;
  readonly name: string;
  readonly upload: Upload;
  /** What a JSON record says of its patient. */
  readonly stated: Stated;
  readonly openedAt: Date;
  /** When the server gave the answer that is shown. */
  readonly answeredAt?: Date;
  readonly trace: Loaded<Recording>;
  readonly answer: Loaded<Analysis>;
  /** Values that a person measured, by the measurement's name; they stand in the report. */
  readonly byHand: Readonly<Record<string, number>>;
}

/** A recording of this session whose tab was closed. It is kept in memory only. */
export interface Recent {
  readonly name: string;
  readonly upload: Upload;
}

export const DEFAULT_DISPLAY: Display = {
  // A wall screen has room for every lead over its whole length.
  layout: viewport.value === "wall" ? "12x1" : "3x4",
  speed: 25,
  gain: 10,
  rhythmLead: "II",
  filter: "off",
  notch: "off",
  hiddenLeads: new Set(),
  reversedLeads: new Set(),
  pxPerMm: 4,
  calibrated: false,
};

const MAX_RECENT = 12;

export const tabs = signal<readonly Tab[]>([]);
export const recent = signal<readonly Recent[]>([]);
export const activeId = signal<number | null>(null);
export const activeTab = computed(
  () => tabs.value.find((tab) => tab.id === activeId.value) ?? null,
);
export const display = signal<Display>({ ...DEFAULT_DISPLAY, ...storedCalibration() });
export const tool = signal<Tool>("pan");
export const caliper = signal<Caliper | null>(null);
/** The finding whose evidence stays lit until it is turned off. */
export const chosen = signal<Finding | null>(null);
/** The finding under the pointer or the focus. */
export const hovered = signal<Finding | null>(null);
/** The finding whose evidence lights up on the trace. */
export const pointed = computed(() => hovered.value ?? chosen.value);

let nextId = 1;

/** Open a recording in a tab of its own: its trace first, then what the server found. */
export async function openRecording(name: string, upload: Upload): Promise<void> {
  const id = nextId++;
  const loading = { state: "loading" } as const;
  const openedAt = new Date();
  const stated = statedIn(upload);
  const fresh = { trace: loading, answer: loading, byHand: {} };
  tabs.value = [...tabs.value, { id, name, upload, stated, openedAt, ...fresh }];
  recent.value = recent.value.filter((each) => each.upload !== upload);
  selectTab(id);
  await loadTab(id);
}

export function show(chosen: Display): void {
  display.value = chosen;
}

export function selectTab(id: number | null): void {
  if (activeId.value === id) return;
  activeId.value = id;
  caliper.value = null;
  chosen.value = null;
  hovered.value = null;
}

/** The requests of each tab: a newer load, or closing the tab, ends them. */
const loads = new Map<number, AbortController>();

function endLoad(id: number): void {
  loads.get(id)?.abort();
  loads.delete(id);
}

/** Ask the server again, as after a key was given or the server came back. */
export async function loadTab(id: number): Promise<void> {
  const tab = tabs.value.find((each) => each.id === id);
  if (tab === undefined) return;
  endLoad(id);
  const load = new AbortController();
  loads.set(id, load);
  const loading = { state: "loading" } as const;
  if (tab.trace.state !== "ready") {
    change(id, { trace: loading, answer: loading });
    // One after the other: the trace is cheap and the model's part may wait behind it.
    const trace = await settled(readTrace(tab.upload, load.signal));
    if (load.signal.aborted) return;
    change(id, { trace });
    if (trace.state === "failed") return change(id, { answer: trace });
  } else change(id, { answer: loading });
  const answer = await settled(analyze(tab.upload, load.signal));
  if (load.signal.aborted) return;
  change(id, { answer, answeredAt: new Date() });
}

/** Analyse a window of a recording in a tab of its own. */
export async function openCrop(tab: Tab, span: Span): Promise<void> {
  if (tab.trace.state !== "ready") return;
  tool.value = "pan";
  const { age, sex } = personOf(tab);
  const record = cropped(tab.trace.value, span, { age, sex });
  const [from, to] = [number(span.fromS, 1), number(span.toS, 1)];
  await openRecording(`${tab.name} ${from}–${to} s`, { kind: "record", record });
}

/** Send a recording again, with what its file does not say. */
export async function loadWithHints(tab: Tab, hints: Hints): Promise<void> {
  if (tab.upload.kind === "record") return;
  change(tab.id, { upload: { ...tab.upload, hints: { ...tab.upload.hints, ...hints } } });
  await loadTab(tab.id);
}

export function closeTab(id: number): void {
  const at = tabs.value.findIndex((tab) => tab.id === id);
  const closed = tabs.value[at];
  if (closed === undefined) return;
  tabs.value = tabs.value.filter((tab) => tab.id !== id);
  endLoad(id);
  const { name, upload } = closed;
  if (closed.trace.state === "ready") {
    recent.value = [{ name, upload }, ...recent.value].slice(0, MAX_RECENT);
  }
  if (activeId.value === id) selectTab((tabs.value[at] ?? tabs.value[at - 1])?.id ?? null);
}

export function change(id: number, changes: Partial<Tab>): void {
  tabs.value = tabs.value.map((tab) => (tab.id === id ? { ...tab, ...changes } : tab));
}

/** Ask again for what failed for this reason. */
export function reloadFailed(hasReason: (error: Error) => boolean): void {
  for (const tab of tabs.value) {
    if (tab.answer.state === "failed" && hasReason(tab.answer.error)) void loadTab(tab.id);
  }
}

let wasLost = false;
effect(() => {
  const isLost = outage.value !== null;
  if (wasLost && !isLost) reloadFailed((error) => error instanceof Unreachable);
  wasLost = isLost;
});

async function settled<T>(promise: Promise<T>): Promise<Loaded<T>> {
  try {
    return { state: "ready", value: await promise };
  } catch (error) {
    if (error instanceof Error) return { state: "failed", error };
    throw error;
  }
}

/** Who it is and when it was recorded: as the file says, or the record that was sent. */
export function personOf(tab: Tab): Stated {
  const reported = tab.answer.state === "ready" ? (tab.answer.value.reported ?? null) : null;
  return {
    age: reported?.age ?? tab.stated.age,
    sex: reported?.sex ?? tab.stated.sex,
    recordingDate: reported?.recording_date ?? tab.stated.recordingDate,
  };
}
