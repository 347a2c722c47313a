/** Reading again and again, through the troubles that pass. */
import { Problem, Unreachable } from "../api/problem";

/** How soon a failed read is tried again. */
const AGAIN_MS = 3_000;

/** Whether an error may be gone in a moment: no network, a station that starts or has no database. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Unreachable || error instanceof TypeError) return true;
  return error instanceof Problem && (error.status >= 500 || error.status === 429);
}

export async function untilRead<T>(read: () => Promise<T>, stop: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!isPassing(error) || stop.aborted) throw error;
      await wait(AGAIN_MS, stop);
    }
  }
}

/** Act every so many ms, or as soon as the act before is done, until `stop` is aborted. */
export async function every(
  ms: number,
  stop: AbortSignal,
  act: () => Promise<void>,
): Promise<void> {
  while (!stop.aborted) {
    const begun = performance.now();
    await untilRead(act, stop);
    await wait(Math.max(0, ms - (performance.now() - begun)), stop);
  }
}

/** Wait, or until `stop` is aborted. */
export function wait(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener("abort", end);
  });
}
