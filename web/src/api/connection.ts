/** Whether the server answers. While it does not, it is asked again, less and less often. */
import { signal } from "@preact/signals";
import { addressOf } from "./address";

/** Null while the server answers. */
export interface Outage {
  readonly since: Date;
  readonly nextTry: Date;
}
export const outage = signal<Outage | null>(null);

const FIRST_WAIT_S = 2;
const LONGEST_WAIT_S = 60;
/** While all is well: how often a visible page asks. */
const HEARTBEAT_MS = 15_000;

let waitS = FIRST_WAIT_S;
let timer: number | undefined;

/** Tell that a request did not reach the server. */
export function connectionLost(): void {
  const since = outage.value?.since ?? new Date();
  outage.value = { since, nextTry: new Date(Date.now() + waitS * 1000) };
  clearTimeout(timer);
  timer = window.setTimeout(tryAgain, waitS * 1000);
  waitS = Math.min(2 * waitS, LONGEST_WAIT_S);
}

export function connectionWorks(): void {
  if (outage.value === null) return;
  clearTimeout(timer);
  waitS = FIRST_WAIT_S;
  outage.value = null;
}

/** Ask now, without waiting for the next try. */
export async function tryAgain(): Promise<void> {
  try {
    // A proxy whose server is gone answers too, with 502 to 504.
    const response = await fetch(addressOf("livez"), { cache: "no-store" });
    if (response.ok) connectionWorks();
    else connectionLost();
  } catch {
    connectionLost();
  }
}

export function watchConnection(): void {
  window.setInterval(() => {
    if (outage.value === null && document.visibilityState === "visible") void tryAgain();
  }, HEARTBEAT_MS);
  window.addEventListener("offline", connectionLost);
  window.addEventListener("online", () => void tryAgain());
}
