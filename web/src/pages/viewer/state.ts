/** What the viewer holds: opened recordings as tabs, how they are shown, what is pointed at. */
import { computed, signal } from "@preact/signals";
import type { Analysis, Finding } from "../../api/answer";
import { analyze, readTrace, type Upload } from "../../api/client";
import type { Recording } from "../../ecg/recording";
import type { Caliper, Display, Span, Tool } from "../../paper/props";

/** What is asked for, has come, or failed. */
export type Loaded<T> =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly value: T }
  | { readonly state: "failed"; readonly error: Error };

export interface Tab {
  readonly id: number;
  readonly name: string;
  readonly upload: Upload;
  readonly trace: Loaded<Recording>;
  readonly answer: Loaded<Analysis>;
  /** Values that a person measured, by the measurement's name; they stand in the report. */
  readonly byHand: Readonly<Record<string, number>>;
}

export const DEFAULT_DISPLAY: Display = {
  layout: "3x4",
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

export const tabs = signal<readonly Tab[]>([]);
export const activeId = signal<number | null>(null);
export const activeTab = computed(
  () => tabs.value.find((tab) => tab.id === activeId.value) ?? null,
);
export const display = signal<Display>(DEFAULT_DISPLAY);
export const tool = signal<Tool>("pan");
export const caliper = signal<Caliper | null>(null);
export const crop = signal<Span | null>(null);
/** The finding whose evidence lights up on the trace. */
export const pointed = signal<Finding | null>(null);

let nextId = 1;

/** Open a recording in a tab of its own: its trace first, then what the server found. */
export async function openRecording(name: string, upload: Upload): Promise<void> {
  const id = nextId++;
  const loading = { state: "loading" } as const;
  tabs.value = [...tabs.value, { id, name, upload, trace: loading, answer: loading, byHand: {} }];
  activeId.value = id;
  await loadTab(id);
}

/** Ask the server again, as after a key was given or the server came back. */
export async function loadTab(id: number): Promise<void> {
  const tab = tabs.value.find((each) => each.id === id);
  if (tab === undefined) return;
  // One after the other: the trace is cheap and the model's part may wait behind it.
  const trace = await settled(readTrace(tab.upload));
  change(id, { trace });
  if (trace.state === "failed") return change(id, { answer: trace });
  change(id, { answer: await settled(analyze(tab.upload)) });
}

export function closeTab(id: number): void {
  const at = tabs.value.findIndex((tab) => tab.id === id);
  tabs.value = tabs.value.filter((tab) => tab.id !== id);
  if (activeId.value === id) {
    activeId.value = (tabs.value[at] ?? tabs.value[at - 1])?.id ?? null;
  }
}

export function change(id: number, changes: Partial<Tab>): void {
  tabs.value = tabs.value.map((tab) => (tab.id === id ? { ...tab, ...changes } : tab));
}

async function settled<T>(promise: Promise<T>): Promise<Loaded<T>> {
  try {
    return { state: "ready", value: await promise };
  } catch (error) {
    if (error instanceof Error) return { state: "failed", error };
    throw error;
  }
}
