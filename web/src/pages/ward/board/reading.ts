/** Whether somebody reads: has pointed, scrolled or pressed a key on the board a moment ago. */
import { signal } from "@preact/signals";

/** A pointer that rests does not hold the board for ever. */
const READS_MS = 5_000;

export const isReading = signal(false);
let timer: number | undefined;

function touched(): void {
  isReading.value = true;
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    isReading.value = false;
  }, READS_MS);
}

export function watchReading(): void {
  for (const kind of ["pointermove", "pointerdown", "wheel", "keydown", "focusin", "touchmove"]) {
    document.addEventListener(kind, touched, { passive: true, capture: true });
  }
}
