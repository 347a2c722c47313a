/** The words of the ward page in the chosen language. */
import { computed } from "@preact/signals";
import { type Language, language } from "../index";
import { de } from "./de";
import { en, type WardWords } from "./en";

const LANGUAGES: Readonly<Record<Language, WardWords>> = { en, de };

export const wardWords = computed<WardWords>(() => LANGUAGES[language.value]);
