/** What is looked at on a patient's page: how many hours, which moment, and what was read of them. */
import { computed, signal } from "@preact/signals";
import type { Problem } from "../../../api/problem";
import { type Calibration, storedCalibration } from "../../../paper/calibration";
import type { Caliper } from "../../../paper/props";
import { moment, now, patient, watched } from "../state";
import type { Stretch } from "./stretch";
import { type Bins, binsOf } from "./trend_bins";

export const HOURS = [1, 6, 24] as const;
export type Hours = (typeof HOURS)[number];
const HOUR_MS = 3_600_000;
/** About as many bins as there are pixels for. */
const BIN_MS: Readonly<Record<Hours, number>> = { 1: 10_000, 6: 60_000, 24: 180_000 };

export const hours = signal<Hours>(1);
/** The end of the hours, by the device's clock; null while they follow it. */
const end = signal<number | null>(null);

/** What was read of the patient's hours; null until then. */
export const bins = signal<Bins | null>(null);
/** The stretch around the moment; null until it is read. */
export const stretch = signal<Stretch | null>(null);
/** Why the station refused to tell of the past. */
export const refused = signal<Problem | null>(null);
/** Whether the station knows nobody of this name. */
export const isUnknown = computed(() => refused.value?.code === "not_found");

/** Whether the paper takes the whole page. */
export const isWhole = signal(false);
/** Which leads narrow paper shows. */
export const group = signal<"limb" | "chest">("limb");
export const isMeasuring = signal(false);
export const caliper = signal<Caliper | null>(null);
export const calibration: Calibration = storedCalibration();

/** How far the patient's device is ahead of the station's clock. */
const aheadMs = computed(() => {
  const seen = patient.value === null ? undefined : watched.value?.get(patient.value);
  if (seen === undefined || seen.stream === null) return 0;
  // A device that sends is behind by what it gathers first, which is not its clock's fault.
  return Math.max(0, seen.stream.newest_ms + seen.stream.age_ms - seen.atMs);
});
/** The device's time, each second. */
export const deviceNow = computed(() => now.value + aheadMs.value);

export const binMs = computed(() => BIN_MS[hours.value]);
/** The hours shown are those before this. */
export const toMs = computed(() => {
  const last = Math.min(end.value ?? deviceNow.value, deviceNow.value);
  return Math.ceil(last / binMs.value) * binMs.value;
});
export const fromMs = computed(() => toMs.value - hours.value * HOUR_MS);
/** Their bins, once they are those that are wanted. */
export const shownBins = computed(() => {
  const read = bins.value;
  if (read === null || read.patient !== patient.value || read.binMs !== binMs.value) return null;
  return binsOf(read.found, fromMs.value, toMs.value, binMs.value);
});

/** The moment at the cursor. */
export const cursorMs = computed(() => moment.value ?? deviceNow.value);

/** Show hours that have a moment in them. */
export function showHoursOf(ms: number): void {
  if (ms >= fromMs.value && ms < toMs.value) return;
  end.value = ms + (hours.value * HOUR_MS) / 2;
}

export function chooseHours(chosen: Hours): void {
  hours.value = chosen;
  end.value = null;
  if (moment.value !== null) showHoursOf(moment.value);
}

/** Show the hours up to now. */
export function followNow(): void {
  end.value = null;
}

/** Forget what was looked at of another patient. */
export function lookAnew(): void {
  followNow();
  bins.value = null;
  stretch.value = null;
  refused.value = null;
  isWhole.value = false;
  isMeasuring.value = false;
  caliper.value = null;
  if (moment.value !== null) showHoursOf(moment.value);
}
