/**
 * How far the recordings and labels of a week are from those of the first week, as population
 * stability index: the sum over classes of (p - q) ln(p / q).
 *
 * The server counts since its start, so this browser adds up what it sees, week by week. The counts
 * hold nothing of a patient.
 */
import { buckets, type Metrics, totalsBy } from "./metrics";

/** Siddiqi, Credit Risk Scorecards (Wiley 2006): above it a population has shifted. */
export const PSI_LIMIT = 0.25;
/** Fewer recordings than this in a week are not compared: a PSI of few is mostly chance. */
export const LEAST_COUNT = 100;
/** Added to each class, as an empty one has no logarithm. */
const PSEUDO_COUNT = 0.5;

export type Counts = Readonly<Record<string, number>>;
export const SUBJECTS = ["labels", "quality", "amplitude", "samplingRate", "seconds"] as const;
export type Subject = (typeof SUBJECTS)[number];
export type Distributions = Readonly<Record<Subject, Counts>>;

export interface Weeks {
  /** The counters when they were last read. */
  readonly last: Distributions;
  /** ISO week, e.g. 2026-W49 -> what was counted in it. */
  readonly byWeek: Readonly<Record<string, Distributions>>;
}

export function distributionsOf(metrics: Metrics): Distributions {
  return {
    labels: Object.fromEntries(totalsBy(metrics, "ecg_positive_labels_total", "label")),
    quality: Object.fromEntries(totalsBy(metrics, "ecg_quality_total", "word")),
    amplitude: perBucket(metrics, "ecg_input_amplitude_mv"),
    samplingRate: perBucket(metrics, "ecg_input_sampling_rate_hz"),
    seconds: perBucket(metrics, "ecg_input_seconds"),
  };
}

/** Buckets count up to their bound; a class has what lies between two. */
function perBucket(metrics: Metrics, name: string): Counts {
  let below = 0;
  const counts: Record<string, number> = {};
  for (const [bound, count] of buckets(metrics, name)) {
    counts[String(bound)] = count - below;
    below = count;
  }
  return counts;
}

/** Add what was counted since the last reading to a week. */
export function counted(before: Weeks | null, now: Distributions, week: string): Weeks {
  if (before === null) return { last: now, byWeek: { [week]: now } };
  const sofar = before.byWeek[week];
  const added = Object.fromEntries(
    SUBJECTS.map((subject) => [
      subject,
      sum(sofar?.[subject] ?? {}, difference(before.last[subject], now[subject])),
    ]),
  ) as Record<Subject, Counts>;
  return { last: now, byWeek: { ...before.byWeek, [week]: added } };
}

function difference(before: Counts, now: Counts): Counts {
  const restarted = Object.entries(now).some(([name, count]) => count < (before[name] ?? 0));
  if (restarted) return now;
  return Object.fromEntries(
    Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
}

function sum(one: Counts, other: Counts): Counts {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries(
    [...names].map((name) => [name, (one[name] ?? 0) + (other[name] ?? 0)]),
  );
}

/** Null where either has too few recordings. */
export function psi(reference: Counts, current: Counts): number | null {
  const names = [...new Set([...Object.keys(reference), ...Object.keys(current)])];
  const all = (counts: Counts) => names.reduce((count, name) => count + (counts[name] ?? 0), 0);
  const [allBefore, allNow] = [all(reference), all(current)];
  if (allBefore < LEAST_COUNT || allNow < LEAST_COUNT) return null;
  const share = (counts: Counts, name: string, count: number) =>
    ((counts[name] ?? 0) + PSEUDO_COUNT) / (count + PSEUDO_COUNT * names.length);
  return names.reduce((index, name) => {
    const [q, p] = [share(reference, name, allBefore), share(current, name, allNow)];
    return index + (p - q) * Math.log(p / q);
  }, 0);
}

/** The ISO 8601 week of a date. */
export function weekOf(date: Date): string {
  const thursday = new Date(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()));
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const year = thursday.getUTCFullYear();
  const days = (thursday.getTime() - Date.UTC(year, 0, 1)) / 86_400_000;
  return `${year}-W${String(Math.ceil((days + 1) / 7)).padStart(2, "0")}`;
}
