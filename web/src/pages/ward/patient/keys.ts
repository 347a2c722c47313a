/** What keys do on a patient's page, beside or in place of those of the ward. */
import { showMoment } from "../route";
import { chosen, moment, openDialog, ownAlarms, patient, persons } from "../state";
import {
  cursorMs,
  deviceNow,
  followNow,
  isMeasuring,
  isUnknown,
  isWhole,
  showHoursOf,
} from "./looking";

const STEP_MS = 10_000;
const LONG_STEP_MS = 60_000;
/** Where arrows have a meaning of their own. */
const WIDGETS = "#ecg-paper, [role=scrollbar], [role=menu]";

type Action = (target: Element, event: KeyboardEvent) => boolean;

export const PATIENT_ACTIONS: Readonly<Record<string, Action>> = {
  ArrowLeft: (target, { shiftKey }) => step(target, shiftKey ? -LONG_STEP_MS : -STEP_MS),
  ArrowRight: (target, { shiftKey }) => step(target, shiftKey ? LONG_STEP_MS : STEP_MS),
  "[": () => toAlarm(-1),
  "]": () => toAlarm(1),
  l: () => {
    backToLive();
    return true;
  },
  p: () => {
    switchWhole();
    return true;
  },
  c: () => {
    if (moment.value === null) return false;
    isMeasuring.value = !isMeasuring.value;
    return true;
  },
  e: () => {
    const isKnown = patient.value !== null && persons.value.has(patient.value);
    if (!isKnown || isUnknown.value) return false;
    openDialog.value = "details";
    return true;
  },
};

export function backToLive(): void {
  isWhole.value = false;
  isMeasuring.value = false;
  followNow();
  showMoment(null);
}

/** The whole page is paper, of the moment at the cursor. */
export function switchWhole(): void {
  if (!isWhole.value && moment.value === null) lookAt(deviceNow.value - STEP_MS);
  isWhole.value = !isWhole.value;
}

/** Look at a moment. What has not happened yet is now. */
export function lookAt(ms: number): void {
  if (ms >= deviceNow.value) {
    backToLive();
    return;
  }
  showMoment(ms);
  showHoursOf(ms);
}

/** Mark an alarm, and look at its beginning. */
export function lookAtAlarm(number: number): void {
  const alarm = ownAlarms.value.find((each) => each.alarm === number);
  if (alarm === undefined) return;
  chosen.value = number;
  lookAt(alarm.since_ms);
}

function step(target: Element, by: number): boolean {
  if (target.closest(WIDGETS) !== null) return false;
  lookAt(cursorMs.value + by);
  return true;
}

function toAlarm(by: 1 | -1): boolean {
  const times = ownAlarms.value
    .map(({ alarm, since_ms: ms }) => ({ alarm, ms }))
    .sort((one, other) => one.ms - other.ms);
  const at = cursorMs.value;
  const found = by > 0 ? times.find(({ ms }) => ms > at) : times.findLast(({ ms }) => ms < at);
  if (found === undefined) return false;
  lookAtAlarm(found.alarm);
  return true;
}
