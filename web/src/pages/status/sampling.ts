/** Reads /health and /metrics every five seconds and keeps what the charts show. */
import { signal } from "@preact/signals";
import type { Health } from "../../api/answer";
import { getText, readHealth } from "../../api/client";
import { Problem, Unreachable } from "../../api/problem";
import { counted, distributionsOf, type Weeks, weekOf } from "./drift";
import { buckets, type Metrics, parseMetrics, quantile, since, total, totalsBy } from "./metrics";

const EVERY_MS = 5_000;
/** An hour of five-second samples. */
const KEPT = 720;
/** The quantiles are of the requests of this long: a single sample has few. */
const QUANTILE_SAMPLES = 12;
const STORED_WEEKS = "ecg-weeks";

/** Routes that read recordings; pages and probes would hide their times. */
const RECORDING_ROUTES = new Set([
  "/analyze",
  "/extract_features",
  "/assess_quality",
  "/predict",
  "/classify",
  "/diagnosis",
]);
const readsRecordings = ({ route }: Readonly<Record<string, string>>) =>
  RECORDING_ROUTES.has(route ?? "");

export interface Point {
  readonly at: Date;
  readonly requestsPerS: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly queue: number;
  /** Mean number of segments in a batch; null where there was none. */
  readonly batch: number | null;
}

export interface Change {
  readonly at: Date;
  readonly what: "status" | "restart";
  readonly detail: string;
}

export const health = signal<Health | null>(null);
export const metrics = signal<Metrics | null>(null);
export const points = signal<readonly Point[]>([]);
export const changes = signal<readonly Change[]>([]);
export const weeks = signal<Weeks | null>(storedWeeks());
/** Why /metrics was not read: no key, or one without the scope. */
export const refusal = signal<Problem | null>(null);
export const isReachable = signal(true);

interface Reading {
  readonly at: Date;
  readonly metrics: Metrics;
}
let readings: readonly Reading[] = [];

export function keepSampling(): void {
  void sample();
  setInterval(() => {
    if (document.visibilityState === "visible") void sample();
  }, EVERY_MS);
}

export async function sample(): Promise<void> {
  try {
    takeHealth(await readHealth());
    isReachable.value = true;
    takeMetrics({ at: new Date(), metrics: parseMetrics(await getText("metrics")) });
    refusal.value = null;
  } catch (error) {
    if (error instanceof Unreachable) isReachable.value = false;
    else if (error instanceof Problem) refusal.value = error;
    else throw error;
  }
}

function takeHealth(now: Health): void {
  const before = health.value;
  health.value = now;
  if (before !== null && before.status !== now.status) note("status", now.status);
  if (before === null || !("workers" in before) || !("workers" in now)) return;
  for (const [stage, { restarts }] of Object.entries(now.workers)) {
    if (restarts > (before.workers[stage]?.restarts ?? 0)) note("restart", stage);
  }
}

function note(what: Change["what"], detail: string): void {
  changes.value = [{ at: new Date(), what, detail }, ...changes.value];
}

function takeMetrics(reading: Reading): void {
  metrics.value = reading.metrics;
  points.value = [...points.value, pointOf(readings, reading)].slice(-KEPT);
  readings = [...readings, reading].slice(-QUANTILE_SAMPLES);
  const distributions = distributionsOf(reading.metrics);
  weeks.value = counted(weeks.value, distributions, weekOf(reading.at));
  localStorage.setItem(STORED_WEEKS, JSON.stringify(weeks.value));
}

/** What the counters say of the time between the readings. */
export function pointOf(before: readonly Reading[], now: Reading): Point {
  const [oldest, newest] = [before[0], before.at(-1)];
  const times = buckets(now.metrics, "ecg_request_seconds", readsRecordings);
  const recent =
    oldest === undefined
      ? times
      : since(buckets(oldest.metrics, "ecg_request_seconds", readsRecordings), times);
  const queue = totalsBy(now.metrics, "ecg_queue_depth", "stage");
  return {
    at: now.at,
    requestsPerS: newest === undefined ? null : requestsPerS(newest, now),
    p50: quantile(recent, 0.5),
    p95: quantile(recent, 0.95),
    p99: quantile(recent, 0.99),
    queue: [...queue.values()].reduce((sum, depth) => sum + depth, 0),
    batch: meanBatch(oldest?.metrics, now.metrics),
  };
}

function requestsPerS(before: Reading, now: Reading): number | null {
  const count = ({ metrics: read }: Reading) => total(read, "ecg_requests_total", readsRecordings);
  const seconds = (now.at.getTime() - before.at.getTime()) / 1000;
  const added = count(now) - count(before);
  return added < 0 || seconds <= 0 ? null : added / seconds;
}

function meanBatch(before: Metrics | undefined, now: Metrics): number | null {
  const added = (name: string) =>
    total(now, name) - (before === undefined ? 0 : total(before, name));
  const batches = added("ecg_batch_segments_count");
  return batches > 0 ? added("ecg_batch_segments_sum") / batches : null;
}

function storedWeeks(): Weeks | null {
  const stored = localStorage.getItem(STORED_WEEKS);
  return stored === null ? null : (JSON.parse(stored) as Weeks);
}
