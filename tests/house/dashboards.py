"""Writes deploy/grafana/*.json, the dashboards for Grafana.

python -m tests.house.dashboards     writes the files

A panel is a line here and sixty in JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.house.tree import ROOT

FOLDER = ROOT / "deploy" / "grafana"
# The data source of deploy/compose/grafana/datasources.yaml.
DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
SELECTED = 'job="$job", instance=~"$instance"'
PANEL_WIDTH, PANEL_HEIGHT, GRID_WIDTH = 8, 8, 24


@dataclass(frozen=True)
class Panel:
    """Curves over time.

    queries  pairs of an expression and the legend of its curves; SELECTED replaces `{}` and `{,`
    unit     Grafana's name of a unit
    """

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    description: str = ""
    stacked: bool = False

    def json(self, number: int, row_y: int, column: int) -> dict[str, Any]:
        custom: dict[str, Any] = {"fillOpacity": 20 if self.stacked else 0, "showPoints": "never"}
        if self.stacked:
            custom["stacking"] = {"mode": "normal"}
        return {
            "id": number,
            "type": "timeseries",
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {
                "x": column * PANEL_WIDTH,
                "y": row_y,
                "w": PANEL_WIDTH,
                "h": PANEL_HEIGHT,
            },
            "fieldConfig": {
                "defaults": {"unit": self.unit, "min": 0, "custom": custom},
                "overrides": [],
            },
            "options": {
                "legend": {"displayMode": "list", "placement": "bottom"},
                "tooltip": {"mode": "multi", "sort": "desc"},
            },
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "datasource": DATASOURCE,
                    "expr": selected(expression),
                    "legendFormat": legend,
                    "range": True,
                }
                for place, (expression, legend) in enumerate(self.queries)
            ],
        }


def selected(expression: str) -> str:
    """Return an expression whose selectors name the chosen job and instances."""
    return expression.replace("{}", "{" + SELECTED + "}").replace("{,", "{" + SELECTED + ", ")


def quantiles(name: str, by: str, legend: str = "") -> list[tuple[str, str]]:
    """Return queries for the median, the 95th and the 99th percentile of a histogram."""
    labels = f"le, {by}" if by else "le"
    rate = f"sum by ({labels}) (rate({name}_bucket{{}}[$__rate_interval]))"
    return [
        (f"histogram_quantile({share}, {rate})", f"{legend} p{100 * share:g}".strip())
        for share in (0.5, 0.95, 0.99)
    ]


def share(part: str, whole: str, by: str) -> str:
    """Return the expression of a share of counts over the last day."""
    return (
        f"sum by ({by}) (increase({part}[1d])) / on ({by.split(',')[0]}) group_left () "
        f"sum by ({by.split(',')[0]}) (increase({whole}[1d]))"
    )


RATE = "[$__rate_interval]"
STAGES = '{,stage!="model_queue"}'  # contained in `queue`
OPERATION: list[tuple[str, list[Panel]]] = [
    (
        "Service",
        [
            Panel(
                "Requests by status",
                "reqps",
                [(f"sum by (status) (rate(ecg_requests_total{{}}{RATE}))", "{{status}}")],
                stacked=True,
            ),
            Panel(
                "Answers with an error, by code",
                "reqps",
                [(f'sum by (code) (rate(ecg_requests_total{{,code!=""}}{RATE}))', "{{code}}")],
                "docs/errors.md says what each code means.",
                stacked=True,
            ),
            Panel(
                "Refused before any work, by code",
                "reqps",
                [(f"sum by (code) (rate(ecg_rejected_total{{}}{RATE}))", "{{code}}")],
                stacked=True,
            ),
            Panel(
                "Time to the answer, by route, 95th percentile",
                "s",
                [
                    (
                        "histogram_quantile(0.95, sum by (le, route) "
                        f"(rate(ecg_request_seconds_bucket{{}}{RATE})))",
                        "{{route}}",
                    )
                ],
            ),
            Panel(
                "Requests in flight, and the limit",
                "none",
                [
                    ("sum(ecg_in_flight{})", "in flight"),
                    ('sum(ecg_limit{,setting="max_in_flight"})', "ECG_MAX_IN_FLIGHT"),
                ],
            ),
            Panel(
                "Age of the oldest recording that waits",
                "s",
                [("max by (stage) (ecg_queue_age_seconds{})", "{{stage}}")],
                "Replicas are scaled on this: it rises as soon as work arrives faster than it "
                "leaves.",
            ),
        ],
    ),
    (
        "Stages and batches",
        [
            Panel(
                "Mean time of a recording in each stage",
                "s",
                [
                    (
                        f"sum by (stage) (rate(ecg_stage_seconds_sum{STAGES}{RATE})) / "
                        f"sum by (stage) (rate(ecg_stage_seconds_count{STAGES}{RATE}))",
                        "{{stage}}",
                    )
                ],
                "queue contains the wait for the device.",
                stacked=True,
            ),
            Panel(
                "Stages, 95th percentile",
                "s",
                [
                    (
                        "histogram_quantile(0.95, sum by (le, stage) "
                        f"(rate(ecg_stage_seconds_bucket{{}}{RATE})))",
                        "{{stage}}",
                    )
                ],
            ),
            Panel(
                "Messages in the queues",
                "none",
                [("sum by (stage) (ecg_queue_depth{})", "{{stage}}")],
            ),
            Panel(
                "Segments through the encoders",
                "none",
                [(f"sum(rate(ecg_batch_segments_sum{{}}{RATE}))", "segments/s")],
            ),
            Panel(
                "Mean batch",
                "none",
                [
                    (
                        f"sum(rate(ecg_batch_{what}_sum{{}}{RATE})) / "
                        f"sum(rate(ecg_batch_{what}_count{{}}{RATE}))",
                        legend,
                    )
                    for what, legend in (("segments", "segments"), ("requests", "recordings"))
                ],
            ),
            Panel(
                "Share of the time that each device works",
                "percentunit",
                [
                    (
                        "sum by (instance, device) "
                        f"(rate(ecg_device_busy_seconds_total{{}}{RATE}))",
                        "{{instance}} {{device}}",
                    )
                ],
            ),
        ],
    ),
    (
        "Processes",
        [
            Panel(
                "Resident memory",
                "bytes",
                [("ecg_process_resident_bytes{}", "{{instance}} {{process}}")],
            ),
            Panel(
                "CPU, in cores",
                "none",
                [
                    (
                        f"rate(ecg_process_cpu_seconds_total{{}}{RATE})",
                        "{{instance}} {{process}}",
                    )
                ],
                stacked=True,
            ),
            Panel(
                "Processes that are missing",
                "none",
                [
                    (
                        "ecg_workers_expected{} - ecg_workers_alive{}",
                        "{{instance}} {{stage}}",
                    )
                ],
                "/health has the reason.",
            ),
            Panel(
                "Restarts",
                "none",
                [
                    (
                        f"sum by (instance, stage) (increase(ecg_worker_restarts_total{{}}{RATE}))",
                        "{{instance}} {{stage}}",
                    )
                ],
            ),
            Panel(
                "Recordings repeated, abandoned, and messages lost",
                "none",
                [
                    (
                        f"sum by (stage) (increase(ecg_retried_total{{}}{RATE}))",
                        "repeated {{stage}}",
                    ),
                    (f"sum(increase(ecg_abandoned_total{{}}{RATE}))", "abandoned"),
                    (f"sum(increase(ecg_lost_messages_total{{}}{RATE}))", "lost"),
                ],
            ),
            Panel(
                "Hours since the start",
                "h",
                [("ecg_uptime_seconds{} / 3600", "{{instance}}")],
            ),
        ],
    ),
]
DRIFT: list[tuple[str, list[Panel]]] = [
    (
        "What the models find, over one day",
        [
            Panel(
                "Share of recordings for which a label is positive",
                "percentunit",
                [
                    (
                        share(
                            'ecg_positive_labels_total{,source="labels"}',
                            'ecg_classified_recordings_total{,source="labels"}',
                            "job, label",
                        ),
                        "{{label}}",
                    )
                ],
            ),
            Panel(
                "Superclasses and pacemaker",
                "percentunit",
                [
                    (
                        share(
                            f'ecg_positive_labels_total{{,source="{source}"}}',
                            f'ecg_classified_recordings_total{{,source="{source}"}}',
                            "job, label",
                        ),
                        f"{source} {{{{label}}}}",
                    )
                    for source in ("superclass", "pacemaker")
                ],
            ),
            Panel(
                "Labels of installed heads, recordings a day",
                "none",
                [
                    (
                        'sum by (label) (increase(ecg_positive_labels_total{,source="heads"}[1d]))',
                        "{{label}}",
                    )
                ],
            ),
        ],
    ),
    (
        "What clients send, over one day",
        [
            Panel(
                "Quality, share of recordings",
                "percentunit",
                [(share("ecg_quality_total{}", "ecg_quality_total{}", "job, word"), "{{word}}")],
                stacked=True,
            ),
            Panel(
                "Recordings by unit",
                "none",
                [("sum by (units) (increase(ecg_input_units_total{}[1d]))", "{{units}}")],
            ),
            Panel(
                "Amplitude",
                "none",
                [
                    (expression.replace(RATE, "[1d]"), legend)
                    for expression, legend in quantiles("ecg_input_amplitude_mv", "", "mV,")
                ],
                "The median over leads of the largest absolute value, in mV. A wrong gain or unit "
                "moves it by a factor of 2, 10 or 1000.",
            ),
            Panel(
                "Sampling rate",
                "hertz",
                [
                    (expression.replace(RATE, "[1d]"), legend)
                    for expression, legend in quantiles("ecg_input_sampling_rate_hz", "")
                ],
            ),
            Panel(
                "Length",
                "s",
                [
                    (expression.replace(RATE, "[1d]"), legend)
                    for expression, legend in quantiles("ecg_input_seconds", "")
                ],
            ),
        ],
    ),
]


def dashboard(uid: str, title: str, rows: list[tuple[str, list[Panel]]]) -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    y = 0
    for row, row_panels in rows:
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": row,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": GRID_WIDTH, "h": 1},
                "panels": [],
            }
        )
        y += 1
        columns = GRID_WIDTH // PANEL_WIDTH
        for place, panel in enumerate(row_panels):
            row_y = y + place // columns * PANEL_HEIGHT
            panels.append(panel.json(len(panels) + 1, row_y, place % columns))
        y += -(-len(row_panels) // columns) * PANEL_HEIGHT
    return {
        "uid": uid,
        "title": title,
        "tags": ["ecg"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                variable("job", "label_values(ecg_build_info, job)", several=False),
                variable("instance", 'label_values(ecg_build_info{job="$job"}, instance)'),
            ]
        },
        "panels": panels,
    }


def variable(name: str, query: str, *, several: bool = True) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if several:
        chosen = {"multi": True, "includeAll": True, "current": {"text": "All", "value": "$__all"}}
    return {
        "name": name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        **chosen,
    }


def files() -> dict[str, str]:
    """Return name -> content of every dashboard."""
    dashboards = {
        "operation.json": dashboard("ecg-operation", "ECG server: operation", OPERATION),
        "drift.json": dashboard("ecg-drift", "ECG server: recordings and labels", DRIFT),
    }
    return {name: json.dumps(value, indent=2) + "\n" for name, value in dashboards.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in files().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
