/** Prometheus' text format, as far as the server's /metrics uses it. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
/** Name of the sample, with _bucket, _sum, _count or _total -> its samples. */
export type Metrics = ReadonlyMap<string, readonly Sample[]>;

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    const [, name, labels = "", value = ""] = line.startsWith("#") ? [] : (LINE.exec(line) ?? []);
    if (name === undefined) continue;
    const samples = metrics.get(name) ?? [];
    samples.push({ labels: labelsOf(labels), value: numberOf(value) });
    metrics.set(name, samples);
  }
  return metrics;
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, name = "", value = ""]) => [
      name,
      value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped)),
    ]),
  );
}

function numberOf(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  return Number(text);
}

/** The sum of the samples with these labels; 0 where there are none. */
export function total(
  metrics: Metrics,
  name: string,
  matches: (labels: Sample["labels"]) => boolean = () => true,
): number {
  const samples = metrics.get(name) ?? [];
  return samples.reduce((sum, { labels, value }) => (matches(labels) ? sum + value : sum), 0);
}

/** The sums by the value of one label. */
export function totalsBy(
  metrics: Metrics,
  name: string,
  label: string,
): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const { labels, value } of metrics.get(name) ?? []) {
    const key = labels[label] ?? "";
    totals.set(key, (totals.get(key) ?? 0) + value);
  }
  return totals;
}

/** Upper bound -> number of values up to it, summed over the series with these labels. */
export function buckets(
  metrics: Metrics,
  name: string,
  matches: (labels: Sample["labels"]) => boolean = () => true,
): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { labels, value } of metrics.get(`${name}_bucket`) ?? []) {
    if (!matches(labels)) continue;
    const bound = numberOf(labels.le ?? "");
    counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  return new Map([...counts].sort(([one], [other]) => one - other));
}

/**
 * The value below which a share of the values lies, as Prometheus' histogram_quantile: linear
 * within a bucket, the last finite bound beyond it, null without values.
 */
export function quantile(counts: ReadonlyMap<number, number>, share: number): number | null {
  const all = Math.max(0, ...counts.values());
  if (all === 0) return null;
  const rank = share * all;
  let [below, lower] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= rank && count > below) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    [below, lower] = [count, bound];
  }
  return lower;
}

/** What was counted between two moments; all of it after a restart, which counts from 0 again. */
export function since(
  before: ReadonlyMap<number, number>,
  now: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  const restarted = [...now].some(([bound, count]) => count < (before.get(bound) ?? 0));
  if (restarted) return now;
  return new Map([...now].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));
}
