"""Prometheus metrics over all processes, through prometheus_client's files in a folder of this server's own.

`server.__main__` sets PROMETHEUS_MULTIPROC_DIR before this module is imported (the library reads it then).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

REQUESTS = Counter(
    "ecg_requests",
    "Answers by route, status and error code (empty for none)",
    ["route", "status", "code"],
)
REQUEST_SECONDS = Histogram(
    "ecg_request_seconds", "Time from the request's head to its answer", ["route"], buckets=SECONDS
)
STAGE_SECONDS = Histogram(
    "ecg_stage_seconds", "Time of one recording in each stage", ["stage"], buckets=SECONDS
)
BATCH_SEGMENTS = Histogram(
    "ecg_batch_segments", "Segments in one batch of the encoders", buckets=COUNTS
)
BATCH_REQUESTS = Histogram(
    "ecg_batch_requests", "Recordings in one batch of the encoders", buckets=COUNTS
)
MIXED_ROUTE_BATCHES = Counter(
    "ecg_mixed_route_batches", "Batches that held recordings of more than one route"
)
REJECTED = Counter("ecg_rejected", "Requests refused before any work, by error code", ["code"])
DEVICE_BUSY = Counter(
    "ecg_device_busy_seconds", "Seconds in which the device worked on a batch", ["device"]
)
ABANDONED = Counter("ecg_abandoned", "Recordings dropped because nobody waited any more")
RETRIED = Counter("ecg_retried", "Recordings done again after a worker was lost", ["stage"])


def batch_ran(device: str, routes: Sequence[str], segments: Sequence[int], seconds: float) -> None:
    BATCH_SEGMENTS.observe(sum(segments))
    BATCH_REQUESTS.observe(len(segments))
    DEVICE_BUSY.labels(device).inc(seconds)
    if len(set(routes)) > 1:
        MIXED_ROUTE_BATCHES.inc()


def request_ended(route: str, status: int, code: str, seconds: float) -> None:
    REQUESTS.labels(route, str(status), code).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def stages_ended(timings_ms: Mapping[str, float]) -> None:
    for stage, milliseconds in timings_ms.items():
        STAGE_SECONDS.labels(stage).observe(milliseconds / 1000)


class LiveGauges:
    """What is counted at the moment of asking: queue depths, requests in flight, restarts."""

    def __init__(
        self, queue_depth: Mapping[str, int], in_flight: int, restarts: Mapping[str, int]
    ) -> None:
        self._queue_depth, self._in_flight, self._restarts = queue_depth, in_flight, restarts

    def collect(self) -> list[GaugeMetricFamily]:
        depth = GaugeMetricFamily(
            "ecg_queue_depth", "Recordings that wait for a worker", labels=["stage"]
        )
        for stage, value in self._queue_depth.items():
            depth.add_metric([stage], value)
        restarts = GaugeMetricFamily(
            "ecg_worker_restarts_total", "Workers that were replaced", labels=["stage"]
        )
        for stage, value in self._restarts.items():
            restarts.add_metric([stage], value)
        return [
            depth,
            GaugeMetricFamily(
                "ecg_in_flight", "Requests taken in and not yet answered", value=self._in_flight
            ),
            restarts,
        ]


def exposition(gauges: LiveGauges) -> bytes:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(gauges)
    return generate_latest(registry)
