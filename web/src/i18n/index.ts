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
  document.documentElement.lang = chosen;
}

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
