/** The API key of this browser tab. It is forgotten when the tab closes. */
import { signal } from "@preact/signals";

const NAME = "ecg-key";

export const apiKey = signal<string | null>(sessionStorage.getItem(NAME));

export function setKey(key: string | null): void {
  apiKey.value = key;
  if (key === null) sessionStorage.removeItem(NAME);
  else sessionStorage.setItem(NAME, key);
}
