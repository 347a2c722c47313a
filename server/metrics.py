"""The metrics that processes count: requests, stages, batches, refusals, losses.

metric_families says how a family is added; live_metrics has those that are read for each scrape,
drift those of recordings and labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from server.metric_families import Counter, Histogram

# Buckets of the histograms.
SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
COUNTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

REQUESTS = Counter(
    "ecg_requests",
    "Answers by route, status and error code (empty for none)",
    *("route", "status", "code"),
)
REQUEST_SECONDS = Histogram(
    "ecg_request_seconds", "Time from the request's head to its answer", SECONDS, "route"
)
STAGE_SECONDS = Histogram(
    "ecg_stage_seconds",
    "Time of one recording in each stage; queue contains model_queue",
    SECONDS,
    *("route", "stage"),
)
BATCH_SEGMENTS = Histogram("ecg_batch_segments", "Segments in one batch of the encoders", COUNTS)
BATCH_REQUESTS = Histogram("ecg_batch_requests", "Recordings in one batch of the encoders", COUNTS)
MIXED_ROUTE_BATCHES = Counter(
    "ecg_mixed_route_batches", "Batches with recordings of more than one route"
)
REJECTED = Counter("ecg_rejected", "Requests refused before any work, by error code", "code")
CONNECTIONS_ENDED = Counter(
    "ecg_connections_ended",
    "Connections that the server ended: idle, made_room (for another), head, lingering, discarded, "
    "stalled or answer_timeout (an answer not read), too_much_unread",
    "reason",
)
DEVICE_BUSY = Counter(
    "ecg_device_busy_seconds", "Seconds in which the device worked on a batch", "device"
)
ABANDONED = Counter("ecg_abandoned", "Recordings dropped because the client had left")
RETRIED = Counter("ecg_retried", "Recordings repeated after a worker was lost", "stage")
LOST = Counter("ecg_lost_messages", "Messages for which there was no memory or descriptor")


def batch_ran(device: str, routes: Sequence[str], segments: Sequence[int], seconds: float) -> None:
    """Count one batch. `routes` and `segments` have an entry for each recording in it."""
    BATCH_SEGMENTS.observe(sum(segments))
    BATCH_REQUESTS.observe(len(segments))
    DEVICE_BUSY.labels(device).inc(seconds)
    if len(set(routes)) > 1:
        MIXED_ROUTE_BATCHES.inc()


def request_ended(route: str, status: int, code: str, seconds: float) -> None:
    REQUESTS.labels(route, str(status), code).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def stages_ended(route: str, timings_ms: Mapping[str, float]) -> None:
    for stage, milliseconds in timings_ms.items():
        STAGE_SECONDS.labels(route, stage).observe(milliseconds / 1000)
