/** What a person can take along. Reports and FHIR come from the server, tables from the browser. */

import { signal } from "@preact/signals";
import { exported, type Options } from "../../../api/client";
import { Problem, Unreachable } from "../../../api/problem";
import { paperLayoutOf } from "../../../ecg/layout";
import { STANDARD } from "../../../ecg/leads";
import { language, words } from "../../../i18n";
import { announce } from "../../../ui/announce";
import { display, type Tab } from "../state";
import { measurementsCsv, samplesCsv } from "./csv";
import { save } from "./save";

export type ReportKind = "pdf" | "pdf-letter" | "png" | "dicom" | "fhir";

interface Report {
  readonly accept: string;
  readonly ending: string;
  readonly options: Options;
}
const REPORTS: Readonly<Record<ReportKind, Report>> = {
  pdf: { accept: "application/pdf", ending: ".pdf", options: { paper: "a4" } },
  "pdf-letter": { accept: "application/pdf", ending: ".pdf", options: { paper: "letter" } },
  png: { accept: "image/png", ending: ".png", options: { paper: "a4" } },
  dicom: { accept: "application/dicom", ending: ".dcm", options: { paper: "a4" } },
  fhir: { accept: "application/fhir+json", ending: ".fhir.json", options: {} },
};

/** Of the person whose values stand in the report by hand. Kept for the session. */
export const initials = signal("");
/** The report that waits for the initials. */
export const asked = signal<ReportKind | null>(null);
export interface ExportFailure {
  readonly name: string;
  /** The server's own words, in English; null where it was not reached. */
  readonly problem: Problem | null;
}
/** The export that failed last; null after one that was made. */
export const exportFailure = signal<ExportFailure | null>(null);

export async function makeReport(kind: ReportKind, tab: Tab): Promise<void> {
  const { accept, ending, options } = REPORTS[kind];
  const name = tab.name + ending;
  announce(words.value.export.making(name));
  const asked = kind === "fhir" ? {} : { ...options, ...reportOptions(tab) };
  try {
    save(await exported(tab.upload, accept, asked), name);
    exportFailure.value = null;
    announce(words.value.export.made(name));
  } catch (error) {
    if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
    exportFailure.value = { name, problem: error instanceof Problem ? error : null };
  }
}

export function reportOptions(tab: Pick<Tab, "byHand">): Options {
  const { layout, speed, gain, rhythmLead } = display.value;
  const byHand = { ...tab.byHand, ...(initials.value !== "" && { initials: initials.value }) };
  return {
    layout: paperLayoutOf(layout),
    speed,
    mm_per_mv: gain,
    // The report knows the names of the twelve leads only.
    rhythm_lead: STANDARD.includes(rhythmLead) ? rhythmLead : undefined,
    lang: language.value,
    by_hand: Object.keys(tab.byHand).length > 0 ? JSON.stringify(byHand) : undefined,
  };
}

export function saveJson(tab: Tab): void {
  if (tab.answer.state !== "ready") return;
  const text = JSON.stringify(tab.answer.value, null, 2);
  save(new Blob([text], { type: "application/json" }), `${tab.name}.json`);
}

export function saveMeasurements(tab: Tab): void {
  if (tab.answer.state !== "ready") return;
  saveCsv(measurementsCsv(tab.answer.value, tab.byHand), `${tab.name}-measurements.csv`);
}

export function saveSamples(tab: Tab): void {
  if (tab.trace.state === "ready") saveCsv(samplesCsv(tab.trace.value), `${tab.name}-samples.csv`);
}

function saveCsv(text: string, name: string): void {
  save(new Blob([text], { type: "text/csv;charset=utf-8;header=present" }), name);
}
