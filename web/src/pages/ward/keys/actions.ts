/** What each key of the ward does. An action returns whether it did anything. */
import { acknowledge, silence } from "../acting";
import { PATIENT_ACTIONS } from "../patient/keys";
import { isWhole } from "../patient/looking";
import { openBoard, openPatient } from "../route";
import { switchSound } from "../sound";
import {
  bedName,
  chosen,
  current,
  isInboxOpen,
  openDialog,
  patient,
  rows,
  watched,
} from "../state";
import { forgetDigits, typeDigit, typedBed } from "./digits";

type Action = (target: Element, event: KeyboardEvent) => boolean;

const ACTIONS: Readonly<Record<string, Action>> = {
  "?": () => {
    openDialog.value = "help";
    return true;
  },
  j: () => move(1),
  k: () => move(-1),
  a: () => {
    const fold = current.value;
    if (fold === null || fold.newest.state !== "firing" || hasJustChanged()) return false;
    void acknowledge(fold.all);
    return true;
  },
  s: () => {
    const who = patient.value ?? current.value?.newest.patient;
    if (who === undefined) return false;
    void silence(who);
    return true;
  },
  n: () => {
    if (current.value === null) return false;
    openDialog.value = "note";
    return true;
  },
  d: () => {
    switchSound();
    return true;
  },
  Enter: (target) => {
    const bed = typedBed.value;
    if (bed !== "") {
      forgetDigits();
      const found = patientOfBed(bed);
      if (found !== null) openPatient(found);
      return true;
    }
    if (patient.value !== null) return false;
    // A button or a link with the focus has the key itself.
    if (target.closest("button, a, summary") !== null || current.value === null) return false;
    openPatient(current.value.newest.patient);
    return true;
  },
  Escape: () => {
    if (typedBed.value !== "") forgetDigits();
    else if (isWhole.value) isWhole.value = false;
    else if (isInboxOpen.value) isInboxOpen.value = false;
    else if (patient.value !== null) openBoard();
    else return false;
    return true;
  },
  ...Object.fromEntries([..."0123456789"].map((digit) => [digit, () => typeDigit(digit)])),
};

/** What a key of the page that is shown does. */
export function actionOf(key: string): Action | undefined {
  return (patient.value === null ? undefined : PATIENT_ACTIONS[key]) ?? ACTIONS[key];
}

function move(by: 1 | -1): boolean {
  const all = rows.value;
  if (all.length === 0) return false;
  const at = current.value === null ? -1 : all.indexOf(current.value);
  // The first press chooses what is marked already: nothing moves under a person's hand.
  const stays = chosen.value === null && at >= 0;
  const to = stays ? at : Math.min(all.length - 1, Math.max(0, at + by));
  chosen.value = all[to]?.newest.alarm ?? null;
  return true;
}

/** What is marked may change by itself under the finger: a press within this time is lost then. */
const CHANGED_MS = 1_000;
let marked: number | null = null;
let markedAt = 0;

/** Note which alarm keys would act on. */
export function watchMarked(): () => void {
  return current.subscribe((fold) => {
    const alarm = fold?.newest.alarm ?? null;
    if (alarm === marked) return;
    marked = alarm;
    markedAt = performance.now();
  });
}

function hasJustChanged(): boolean {
  return chosen.value !== marked && performance.now() - markedAt < CHANGED_MS;
}

/** "4" and "04" are the bed 04: digits and leading zeros are all that counts. */
function patientOfBed(digits: string): string | null {
  const wanted = Number(digits);
  for (const name of watched.value?.keys() ?? []) {
    const number = /^\D*(\d+)$/.exec(bedName(name))?.[1];
    if (number !== undefined && Number(number) === wanted) return name;
  }
  return null;
}
