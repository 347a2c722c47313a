/** Sentences about beds and alarms, in the chosen language. */
import { computed } from "@preact/signals";
import { clock, dateTime, number } from "../../i18n";
import { wardWords } from "../../i18n/ward";
import { isLatched, type KnownAlarm } from "../../station/alarms";
import type { Alarm } from "../../station/api";
import { bedName, now, persons } from "./state";

/** Rules whose value is in seconds, which are written with a decimal. */
const IN_SECONDS = new Set(["asystole", "pause"]);

/** "Ventricular tachycardia 200/min": the rule with what was measured. */
export function alarmText({ rule, value, patient }: Alarm): string {
  const words = wardWords.value.rules[rule];
  if (words === undefined) return rule.replaceAll("_", " ");
  const who = persons.value.get(patient);
  const limit = rule === "rate_low" ? who?.rate_low : rule === "rate_high" ? who?.rate_high : null;
  return words(
    number(value, IN_SECONDS.has(rule) ? 1 : 0),
    limit === null || limit === undefined ? null : number(limit),
  );
}

/** What is known and done about an alarm: one word of its state, and who. */
export function stateText(alarm: KnownAlarm, times: number, nowMs: number): string {
  const { states } = wardWords.value;
  const parts = [
    times > 1 ? states.times(number(times)) : null,
    stateWord(alarm),
    (alarm.silentUntilMs ?? 0) > nowMs && alarm.state === "firing"
      ? states.silent(minutes((alarm.silentUntilMs ?? 0) - nowMs))
      : null,
    alarm.level > 0 && alarm.state === "firing" ? states.escalated(number(alarm.level)) : null,
  ];
  return parts.filter((part) => part !== null && part !== "").join(", ");
}

function stateWord(alarm: KnownAlarm): string {
  const { states } = wardWords.value;
  const { seen, state } = alarm;
  if (seen !== null) return states.acknowledged(seen.by, hoursMinutes(seen.atMs));
  if (state === "acknowledged") return states.acknowledgedOnly;
  if (isLatched(alarm)) return states.latched;
  if (state === "firing") return states.firing;
  if (state === "resolved" && alarm.ended_ms !== null) {
    return states.ended(duration(alarm.ended_ms - alarm.since_ms));
  }
  return states.pending;
}

/** "p-3 46 y F": the pseudonym where the bed has a name of its own, age and sex where they are known. */
export function personText(patient: string, nowMs: number): string {
  const bed = persons.value.get(patient)?.bed ?? null;
  const parts = [bed === null ? "" : patient, ageText(patient, nowMs)];
  return parts.filter((part) => part !== "").join(" ");
}

/** "46 y F", as far as it is known. */
export function ageText(patient: string, nowMs: number): string {
  const words = wardWords.value;
  const who = persons.value.get(patient);
  if (who === undefined) return "";
  const { birth_year, sex } = who;
  const age = birth_year === null ? null : new Date(nowMs).getFullYear() - birth_year;
  const parts = [age === null ? "" : words.years(number(age)), words.sexes[sex]];
  return parts.filter((part) => part !== "").join(" ");
}

/** 0:49, or 1:02:03 from an hour on. */
export function minutes(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [h, min, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(min)}:${two(s)}` : `${min}:${two(s)}`;
}

/** 22 s, 1 min 12 s, 2 h 5 min. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
}

export function timeOf(ms: number): string {
  return clock(new Date(ms));
}

/** 2026-02-22T14:31:02, by this computer's clock, as fields have it. */
export function localIso(ms: number): string {
  const zoneMs = new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(Math.floor(ms) - zoneMs).toISOString().slice(0, 19);
}

const today = computed(() => dayOf(now.value));

function dayOf(ms: number): string {
  return localIso(ms).slice(0, 10);
}

/** 14:31:02, or 22 Feb 2026, 14:31:02 of another day than today. */
export function momentText(ms: number): string {
  const day = dayOf(ms);
  return day === today.value ? timeOf(ms) : `${dateTime(day)}, ${timeOf(ms)}`;
}

export function hoursMinutes(ms: number): string {
  return timeOf(ms).slice(0, 5);
}

/** One sentence for who cannot see the board. */
export function spoken(alarm: KnownAlarm): string {
  const words = wardWords.value;
  const priority = alarm.priority === "technical" ? "low" : alarm.priority;
  return `${words.priorityOf[priority]}, ${words.bed(bedName(alarm.patient))}, ${alarmText(alarm)}`;
}
