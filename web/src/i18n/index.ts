/** The chosen language: its words, and its way to write numbers. A language is one file beside this. */
import { computed, signal } from "@preact/signals";
import { de } from "./de";
import { en, type Words } from "./en";

export type Language = "en" | "de";
export const LANGUAGES: Readonly<Record<Language, Words>> = { en, de };
const STORED = "ecg-language";

export const language = signal<Language>(storedLanguage());
export const words = computed<Words>(() => LANGUAGES[language.value]);

export function chooseLanguage(chosen: Language): void {
  language.value = chosen;
  localStorage.setItem(STORED, chosen);
}
language.subscribe((chosen) => {
  document.documentElement.lang = chosen;
});

function storedLanguage(): Language {
  const wished = localStorage.getItem(STORED) ?? navigator.language.slice(0, 2);
  return wished === "de" ? "de" : "en";
}

/** A number as the language writes it, with a real minus sign. A dash stands for what is missing. */
export function number(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = new Intl.NumberFormat(language.value, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: false,
    signDisplay: "negative",
  }).format(value);
  return text.replace("-", "−");
}

/** 22 Feb 2026, 08:37 or 22.02.2026, 08:37: the recorder's own clock, not this computer's zone. */
export function dateTime(iso: string): string {
  const [, year, month, day, hours, minutes] =
    /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d))?/.exec(iso) ?? [];
  if (year === undefined || month === undefined || day === undefined) return iso;
  const time = hours === undefined ? "" : `, ${hours}:${minutes}`;
  if (language.value === "de") return `${day}.${month}.${year}${time}`;
  const name = new Intl.DateTimeFormat("en-GB", { month: "short", timeZone: "UTC" }).format(
    new Date(`${year}-${month}-01T00:00:00Z`),
  );
  return `${Number(day)} ${name} ${year}${time}`;
}

/** 14:31:02, by this computer's clock. */
export function clock(date: Date): string {
  return date.toLocaleTimeString("en-GB");
}
