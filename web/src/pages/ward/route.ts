/**
 * The address: the folder of the pages for the board, patients/NAME for a patient's page, with the
 * moment that is looked at as ?at=, in milliseconds since 1970.
 */
import { batch } from "@preact/signals";
import { addressOf } from "../../api/address";
import { chosen, isInboxOpen, moment, now, openDialog, patient } from "./state";

const PATIENTS = addressOf("patients/");

export function addressOfPatient(name: string): string {
  return PATIENTS + encodeURIComponent(name);
}

export function openPatient(name: string): void {
  if (name === patient.value) return;
  history.pushState(null, "", addressOfPatient(name));
  read();
}

export function openBoard(): void {
  history.pushState(null, "", addressOf("./"));
  read();
}

/** Show a moment of the open patient; null for what happens now. */
export function showMoment(ms: number | null): void {
  if (patient.value === null) return;
  const at = ms === null ? "" : `?at=${Math.round(ms)}`;
  history.replaceState(null, "", addressOfPatient(patient.value) + at);
  moment.value = ms === null ? null : Math.round(ms);
}

function read(): void {
  const { href, search } = location;
  const name = href.startsWith(PATIENTS)
    ? (href.slice(PATIENTS.length).split(/[?#]/)[0] ?? "")
    : "";
  const opened = name === "" ? null : nameOf(name);
  if (opened !== patient.peek()) {
    isInboxOpen.value = false;
    chosen.value = null;
    openDialog.value = null;
  }
  // In one step, so that no effect sees a patient with the moment of another.
  batch(() => {
    patient.value = opened;
    moment.value = opened === null ? null : momentIn(search);
  });
}

/** A moment is by the device's clock, which is taken to be ahead of the station's by a day at most. */
const MOST_AHEAD_MS = 86_400_000;

/** Return the moment that an address names; null where it is none that can be looked at. */
function momentIn(search: string): number | null {
  const text = new URLSearchParams(search).get("at") ?? "";
  const ms = Number(text);
  return /^\d+$/.test(text) && ms <= now.peek() + MOST_AHEAD_MS ? ms : null;
}

/** What is not an encoded name is one that nobody has. */
function nameOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

export function watchRoute(): void {
  addEventListener("popstate", read);
  read();
}
