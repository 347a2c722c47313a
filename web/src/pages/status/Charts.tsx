/** Small multiples of the last hour. */
import { number, words } from "../../i18n";
import { Chart } from "./Chart";
import { points } from "./sampling";

/** Enough decimals for two digits. */
function short(value: number | null): string {
  return number(value, value === null || value >= 10 || value === 0 ? 0 : value >= 1 ? 1 : 2);
}

export function Charts() {
  const { status } = words.value;
  const all = points.value;
  const ms = (of: (typeof all)[number]["p50"]) => (of === null ? null : of * 1000);
  const common = { write: short, empty: status.notYet };
  return (
    <section class="charts" aria-label={status.charts}>
      <h2>{status.charts}</h2>
      <div>
        <Chart
          {...common}
          title={status.throughput}
          unit={status.throughputUnit}
          lines={[{ label: status.now, values: all.map((point) => point.requestsPerS) }]}
        />
        <Chart
          {...common}
          title={status.latency}
          unit="ms"
          lines={[
            { label: status.median, values: all.map((point) => ms(point.p50)) },
            { label: "p95", values: all.map((point) => ms(point.p95)) },
            { label: "p99", values: all.map((point) => ms(point.p99)) },
          ]}
        />
        <Chart
          {...common}
          title={status.queue}
          unit={status.queueUnit}
          lines={[{ label: status.now, values: all.map((point) => point.queue) }]}
        />
        <Chart
          {...common}
          title={status.batch}
          unit={status.batchUnit}
          lines={[{ label: status.now, values: all.map((point) => point.batch) }]}
        />
      </div>
    </section>
  );
}
