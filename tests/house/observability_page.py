"""Writes docs/observability.md: its tables come from the metrics, the rules and the settings.

python -m tests.house.observability_page     writes the page
"""

from __future__ import annotations

import re
from typing import Any

import yaml

import server.drift
import server.metrics
from server.live_metrics import LIVE_FAMILIES
from server.metric_families import Counter, families
from tests.house.tree import ROOT, source

PAGE = ROOT / "docs" / "observability.md"
RULES = "deploy/prometheus/alerts.yaml"

# Every label of every family, and what keeps the number of its values small. A value of a label is
# a time series for good, in each process and in Prometheus: no client may make one up.
LABEL_BOUNDS = {
    "route": "the paths of the server, as templates; `other` for all that are unknown",
    "status": "the status codes of the server's answers",
    "code": "the codes of [errors](errors.md); empty for none",
    "stage": "`signal`, `model`, and `api` for HTTP processes; of `ecg_stage_seconds`: `queue`, "
    "`parse`, `measure`, `segment`, `model_queue`, `encode`, `assemble`",
    "device": "the devices of `ECG_DEVICE`",
    "process": "the places of processes that the settings ask for; a replacement keeps its place",
    "setting": "the limits of `/health`",
    "version": "the version of the server",
    "model": "the model that the server chose at its start",
    "reason": "why the server ended a connection: idle, made_room, head, lingering, "
    "discarded, stalled, answer_timeout, too_much_unread",
    "units": "`mV` or `unknown`",
    "word": "the five words of `signal_quality`",
    "source": "`labels`, `superclass`, `pacemaker` or `heads`",
    "label": "the labels of the loaded models, heads and the one-lead model, at most "
    f"{server.drift.MAX_LABELS}; `{server.drift.OTHER_LABEL}` for those beyond",
}

HEAD = """# Observability

What the server tells about itself: metrics for Prometheus, a log, traces and logs by OpenTelemetry,
and `/health`. `python -m tests.house.observability_page` writes this page.

None of it holds the name of a patient, the name of a file, or a sample.
`tests/server/test_privacy.py` sends a patient's name by every way in, and then searches the log,
`/metrics` and everything that was exported.

- The log has no text of a client but the request id, which must match `[A-Za-z0-9._-]{1,64}`; a
  client must not put a name into it.
- An unexpected exception is logged with its type and stack, without its message: that may quote
  what a file said. Exceptions of the encoders keep theirs ("CUDA out of memory").
- Lines of libraries below `error` are dropped. An error of a library is logged with its place in
  the code, without its text.

## Health

`/health` with the scope `operator` has `status` and `reasons`: a sentence for each process that is
missing, with what is known of it, and for each stage whose oldest recording has waited for longer
than `ECG_REQUEST_TIMEOUT`. `/readyz` is for load balancers, `/livez` for the restart of a
container.

## The log

One line a request on standard error, as text, or as JSON objects with `ECG_LOG_JSON`. Fields of the
line: `route`, `status`, `code`, `ms`, `request_id`, `key` (the name of the API key or token, never
the key), and with tracing `trace_id` and `span_id`.

## Traces and logs by OpenTelemetry

`ECG_OTLP_ENDPOINT=http://collector:4318` sends both over HTTP with protobuf bodies to `/v1/traces`
and `/v1/logs` of that address. Without it nothing of OpenTelemetry's SDK is imported. The standard
variables set the rest: `OTEL_TRACES_SAMPLER=parentbased_traceidratio` with
`OTEL_TRACES_SAMPLER_ARG=0.01` for one request in a hundred, `OTEL_EXPORTER_OTLP_HEADERS`,
`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and so on.

- A request has a span, below the caller's where it sends `traceparent` (W3C Trace Context). Its
  answer has `traceresponse`, with the ids of the span. `tracestate` and `baggage` are not read.
- A request's span has one below it for each stage; a request with several recordings has one for
  each of the first 32 recordings, with their stages. The workers measure how long a stage takes,
  not when it begins: the spans are laid end to end from the arrival of the request. The time of
  receiving the body is part of `queue`.
- A batch of the encoders is a trace of its own, with a link to the span of each recording in it.
- The lines of the log of HTTP processes and workers are exported with their fields as attributes.
  The main process, which replaces processes, writes to standard error only: it forks, which no
  thread of an exporter survives. `ecg_worker_restarts_total` counts what it does.
- A collector that does not answer delays no request: spans wait in a bounded queue, and are dropped
  beyond it. A worker that is ended loses the spans of its last second. Making spans takes CPU time;
  the sampler limits it.

## Metrics

`/metrics` has the sums over all processes. A series appears with its first event. Counting a
recording takes less than a fiftieth of the CPU time of its analysis (`tests/server/test_drift.py`
holds it to that).

| metric | type | labels | meaning |
|---|---|---|---|
"""

LABELS_HEAD = """
Segments a second are `rate(ecg_batch_segments_sum[1m])`. A histogram has `_bucket`, `_sum` and
`_count`.

### Labels

No value of a label is a text of a client. `tests/server/test_metric_labels.py` sends unknown paths,
methods, parameters, formats and names, and checks every value of every label.

| label | values |
|---|---|
"""

ALERTS_HEAD = f"""
## Alerts

`{RULES}` holds them for Prometheus; `promtool test rules tests/observability/alerts.test.yaml`
tests them, on both sides of each threshold. "A starting point" means: no measurement gives this
number; adjust it to your own service.

| alert | severity | for | when | reason of the threshold |
|---|---|---|---|---|
"""

TAIL = """
## Dashboards

`deploy/grafana/operation.json` and `drift.json`, for a data source with the uid `prometheus`;
`deploy/compose` provisions both. `python -m tests.house.dashboards` writes them.
"""


def metric_rows() -> list[tuple[str, str, tuple[str, ...], str]]:
    """Return name, type, labels and meaning of every family, by name."""
    rows = []
    for family in families():
        is_counter = isinstance(family, Counter)
        name = f"{family.name}_total" if is_counter else family.name
        kind = "counter" if is_counter else "histogram"
        rows.append((name, kind, family.label_names, family.documentation))
    for live in LIVE_FAMILIES:
        kind = "counter" if live.is_counter else "gauge"
        rows.append((live.name, kind, live.label_names, live.documentation))
    return sorted(row for row in rows if row[0].startswith("ecg_"))


def rules() -> list[dict[str, Any]]:
    """Return the rules of deploy/prometheus: alerts, and the records that they use."""
    document = yaml.safe_load(source(RULES))
    return [rule for group in document["groups"] for rule in group["rules"]]


def page() -> str:
    metric_lines = [
        f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {meaning} |\n"
        for name, kind, labels, meaning in metric_rows()
    ]
    label_lines = [f"| `{label}` | {bound} |\n" for label, bound in LABEL_BOUNDS.items()]
    alert_lines = []
    for rule in rules():
        if "alert" in rule:
            summary = re.sub(
                r"\{\{ (?:\$labels\.)?\$?(\w+)[^}]*\}\}", r"*\1*", rule["annotations"]["summary"]
            )
            cells = (
                f"`{rule['alert']}`",
                rule["labels"]["severity"],
                rule.get("for", ""),
                summary,
                rule["annotations"]["threshold"],
            )
            alert_lines.append(f"| {' | '.join(cells)} |\n")
    tables = (HEAD, metric_lines, LABELS_HEAD, label_lines, ALERTS_HEAD, alert_lines, TAIL)
    return "".join("".join(part) for part in tables)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
