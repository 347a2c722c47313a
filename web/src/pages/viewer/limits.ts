/** How large a recording may be, as the server says to those with a key or without one. */
import { signal } from "@preact/signals";
import type { Health } from "../../api/answer";
import { getJson } from "../../api/client";
import { Problem, Unreachable } from "../../api/problem";

export interface Limits {
  readonly megabytes: number;
  readonly seconds: number;
}
/** Null while unknown: the short answer of /health has no limits. */
export const limits = signal<Limits | null>(null);

export async function readLimits(): Promise<void> {
  try {
    const health = await getJson<Health>("health");
    if (!("limits" in health)) return;
    const { max_body_mb: megabytes, max_seconds: seconds } = health.limits;
    if (megabytes !== undefined && seconds !== undefined) limits.value = { megabytes, seconds };
  } catch (error) {
    // The page works without them: the server refuses what is too large, with its reason.
    if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
  }
}
