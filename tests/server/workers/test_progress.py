"""When a server makes no progress."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from server.workers.progress import STALLED_AFTER_S, stalled_stages
from tests.server.in_process import InProcessServer

LONG_S = STALLED_AFTER_S + 5
SHORT_S = STALLED_AFTER_S - 5


@pytest.fixture
def server(tmp_path: Path) -> InProcessServer:
    """Two signal workers, which are this process, with a heartbeat; one task waits."""
    server = InProcessServer(tmp_path)
    for row in (0, 1):
        server.set_worker(row, os.getpid())
        server.state.heartbeat_s[row] = time.monotonic()
    server.state.http_pid[0] = os.getpid()
    server.state.tasks_sent[0] = 1
    return server


def busy_for(server: InProcessServer, *seconds: float) -> None:
    for row, busy_s in enumerate(seconds):
        server.state.busy_since_s[row] = time.monotonic() - busy_s if busy_s else 0.0


def test_without_progress_the_server_is_not_ready_and_says_why(server: InProcessServer) -> None:
    busy_for(server, LONG_S, LONG_S)
    answer = server.request("GET", "/readyz")
    assert (answer.status_code, answer.text) == (503, "no progress\n")
    assert answer.headers["Retry-After"]
    health = server.request("GET", "/health")
    assert health.status_code == 200
    assert health.json()["status"] == "degraded"
    (reason,) = health.json()["reasons"]
    assert reason.startswith("signal: no worker has made progress for 15 s")


@pytest.mark.parametrize(
    ("first_s", "second_s"), [(SHORT_S, SHORT_S), (LONG_S, SHORT_S), (LONG_S, 0.0), (0.0, 0.0)]
)
def test_one_worker_with_progress_is_enough(
    server: InProcessServer, first_s: float, second_s: float
) -> None:
    busy_for(server, first_s, second_s)
    assert server.request("GET", "/readyz").status_code == 200
    health = server.request("GET", "/health").json()
    assert (health["status"], health["reasons"]) == ("ok", [])


@pytest.mark.parametrize(("in_progress", "status"), [((1, 2), 200), ((1,), 503)])
def test_long_work_is_a_fault_only_if_other_work_waits(
    server: InProcessServer, in_progress: tuple[int, ...], status: int
) -> None:
    """What waits may be in the worker already."""
    busy_for(server, LONG_S, LONG_S)
    server.state.received[0] = 1
    # Both rows have the pid of this process, so the first one counts.
    server.state.in_progress.enter(0, 1, os.getpid())
    server.state.set_in_progress(0, [(uid, 0) for uid in in_progress])
    server.state.slots[0], server.state.slots[1] = 1, 2
    assert server.request("GET", "/readyz").status_code == status


def test_workers_without_a_heartbeat_make_no_progress(server: InProcessServer) -> None:
    server.state.tasks_sent[0] = 0
    for row in (0, 1):
        server.state.heartbeat_s[row] = time.monotonic() - LONG_S
    assert stalled_stages(server.state).keys() == {"signal"}
    assert server.request("GET", "/readyz").status_code == 503


def test_a_worker_that_is_lost_is_a_reason(server: InProcessServer) -> None:
    server.state.ready[1] = 0
    health = server.request("GET", "/health").json()
    assert health["status"] == "degraded"
    assert health["reasons"] == ["signal-1: its process is being set up (start 1)"]
    assert server.request("GET", "/readyz").status_code == 200
