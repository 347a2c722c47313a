import { expect, test } from "vitest";
import { buckets, parseMetrics, quantile, since, total, totalsBy } from "./metrics";

const TEXT = `# HELP ecg_requests_total Answers
# TYPE ecg_requests_total counter
ecg_requests_total{code="",route="/analyze",status="200"} 40.0
ecg_requests_total{code="too_short",route="/analyze",status="422"} 2.0
ecg_requests_total{code="too_short",route="/classify",status="422"} 1.0
ecg_uptime_seconds 1.5e+03
ecg_odd{name="a\\"b\\\\c\\nd, e=\\"f\\""} NaN
ecg_request_seconds_bucket{le="0.1",route="/analyze"} 10.0
ecg_request_seconds_bucket{le="0.5",route="/analyze"} 30.0
ecg_request_seconds_bucket{le="+Inf",route="/analyze"} 40.0
`;

test("samples have their labels, with quotes and commas in them", () => {
  const metrics = parseMetrics(TEXT);
  expect(metrics.get("ecg_uptime_seconds")).toEqual([{ labels: {}, value: 1500 }]);
  expect(metrics.get("ecg_odd")?.[0]?.labels).toEqual({ name: 'a"b\\c\nd, e="f"' });
  expect(metrics.get("ecg_odd")?.[0]?.value).toBeNaN();
  expect(metrics.has("#")).toBe(false);
});

test("sums over series, and by a label", () => {
  const metrics = parseMetrics(TEXT);
  expect(total(metrics, "ecg_requests_total")).toBe(43);
  expect(total(metrics, "ecg_requests_total", ({ status }) => status === "200")).toBe(40);
  expect(total(metrics, "ecg_nothing_total")).toBe(0);
  expect([...totalsBy(metrics, "ecg_requests_total", "code")]).toEqual([
    ["", 40],
    ["too_short", 3],
  ]);
});

test("a quantile is linear within its bucket, as in Prometheus", () => {
  const counts = buckets(parseMetrics(TEXT), "ecg_request_seconds");
  expect(quantile(counts, 0.5)).toBeCloseTo(0.3);
  expect(quantile(counts, 0.25)).toBeCloseTo(0.1);
  expect(quantile(counts, 0.99)).toBe(0.5);
  expect(quantile(new Map(), 0.5)).toBeNull();
});

test("between two moments, and over a restart", () => {
  const before = new Map([
    [1, 2],
    [2, 5],
  ]);
  const now = new Map([
    [1, 3],
    [2, 9],
  ]);
  expect([...since(before, now)]).toEqual([
    [1, 1],
    [2, 4],
  ]);
  expect(since(now, before)).toBe(before);
});
