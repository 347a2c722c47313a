/** Whether single keys act. A person may switch them off (WCAG 2.1.4); the choice stays in this browser. */
import { signal } from "@preact/signals";

const STORED = "ecg-single-keys";

export const singleKeys = signal(localStorage.getItem(STORED) !== "off");

export function switchSingleKeys(on: boolean): void {
  singleKeys.value = on;
  localStorage.setItem(STORED, on ? "on" : "off");
}
