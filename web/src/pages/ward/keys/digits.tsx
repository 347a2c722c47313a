/** The number of a bed while it is typed, and where it is shown. */
import { signal } from "@preact/signals";
import { wardWords } from "../../../i18n/ward";

const FORGOTTEN_MS = 3_000;
const MOST_DIGITS = 6;

export const typedBed = signal("");
let timer: number | undefined;

export function typeDigit(digit: string): boolean {
  typedBed.value = (typedBed.value + digit).slice(-MOST_DIGITS);
  clearTimeout(timer);
  timer = window.setTimeout(forgetDigits, FORGOTTEN_MS);
  return true;
}

export function forgetDigits(): void {
  clearTimeout(timer);
  typedBed.value = "";
}

export function TypedBed() {
  return (
    <output class={typedBed.value === "" ? "visually-hidden" : "typed-bed"}>
      {typedBed.value !== "" && (
        <>
          {wardWords.value.goTo(typedBed.value)} <kbd>Enter</kbd>
        </>
      )}
    </output>
  );
}
