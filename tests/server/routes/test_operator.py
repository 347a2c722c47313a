"""The operator's pages in every state of the server, and what requests get in these states."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from server import live_metrics
from tests.server.ecgs import JSON, problem_of, twelve_seconds
from tests.server.in_process import QUEUES, SLOTS, InProcessServer


@pytest.fixture
def server(tmp_path: Path) -> InProcessServer:
    """A server that has started, with both of its workers alive."""
    server = InProcessServer(tmp_path)
    server.state.http_pid[0] = os.getpid()
    for row in (0, 1):
        server.set_worker(row, os.getpid())
    return server


@pytest.fixture(scope="module")
def dead_pid() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_complete_server_is_ok_and_ready(server: InProcessServer) -> None:
    health = server.request("GET", "/health")
    assert health.status_code == 200
    report = health.json()
    assert (report["status"], report["reasons"]) == ("ok", [])
    assert report["workers"] == {
        "api": {"expected": 1, "alive": 1, "restarts": 0},
        "signal": {"expected": 2, "alive": 2, "restarts": 0},
        "model": {"expected": 0, "alive": 0, "restarts": 0},
    }
    assert (report["in_flight"], report["limit"]) == (0, SLOTS)
    ready = server.request("GET", "/readyz")
    assert (ready.status_code, ready.text) == (200, "ready\n")


def test_with_one_worker_lost_the_server_is_degraded_and_ready(
    server: InProcessServer, dead_pid: int
) -> None:
    server.state.pid[1] = dead_pid
    health = server.request("GET", "/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    reason = "signal-1: its process has ended and is being replaced (after start 1)"
    assert health.json()["reasons"] == [reason]
    assert health.json()["workers"]["signal"] == {"expected": 2, "alive": 1, "restarts": 0}
    assert server.request("GET", "/readyz").status_code == 200


def test_with_every_worker_lost_the_server_is_not_ready(
    server: InProcessServer, dead_pid: int
) -> None:
    for row in (0, 1):
        server.state.pid[row] = dead_pid
    assert server.request("GET", "/health").json()["status"] == "degraded"
    ready = server.request("GET", "/readyz")
    assert (ready.status_code, ready.text) == (503, "not ready\n")
    assert ready.headers["retry-after"] == "5"


def test_a_killed_worker_counts_as_lost_until_it_is_replaced(server: InProcessServer) -> None:
    server.state.killed_start[1] = server.state.starts[1]
    health = server.request("GET", "/health").json()
    assert health["workers"]["signal"]["alive"] == 1
    reason = "signal-1: its process made no progress, was killed and is being replaced"
    assert health["reasons"] == [reason]
    server.set_worker(1, os.getpid())
    report = server.request("GET", "/health").json()
    assert report["workers"]["signal"] == {"expected": 2, "alive": 2, "restarts": 1}


def test_a_server_without_a_ready_worker_is_starting(tmp_path: Path) -> None:
    server = InProcessServer(tmp_path)
    health = server.request("GET", "/health")
    assert (health.status_code, health.json()["status"]) == (503, "starting")
    assert health.json()["reasons"] == [
        "api-0: its process is being set up",
        "signal-0: its process has not begun yet",
        "signal-1: its process has not begun yet",
    ]
    assert server.request("GET", "/livez").text == "alive\n"
    response = server.request("POST", "/analyze", content=b"{}", headers={"Content-Type": JSON})
    problem_of(response, 503, "starting")
    assert response.headers["retry-after"] == "5"
    assert server.sent == []


def test_a_draining_server_refuses_and_reports_it(server: InProcessServer) -> None:
    server.state.draining.value = 1
    health = server.request("GET", "/health")
    assert (health.status_code, health.json()["status"]) == (503, "draining")
    reason = "the server shuts down: it answers what is in flight, and no more"
    assert health.json()["reasons"] == [reason]
    ready = server.request("GET", "/readyz")
    assert (ready.status_code, ready.text) == (503, "draining\n")
    assert "retry-after" not in ready.headers
    response = server.request("POST", "/analyze", content=b"{}", headers={"Content-Type": JSON})
    problem = problem_of(response, 503, "shutting_down")
    assert problem["detail"] == "the server is shutting down and accepts no more requests"
    assert (response.headers["retry-after"], response.headers["connection"]) == ("10", "close")
    assert server.sent == []


def ask_with_short_deadline(server: InProcessServer) -> httpx.Response:
    """No worker answers, so the request is answered at its deadline."""
    headers = {"Content-Type": JSON, "X-Request-Deadline-Ms": "50"}
    body = twelve_seconds().json()
    return server.request("POST", "/assess_quality", json=body, headers=headers)


def test_without_a_live_worker_the_error_at_the_deadline_is_worker_restarting(
    server: InProcessServer, dead_pid: int
) -> None:
    for row in (0, 1):
        server.state.pid[row] = dead_pid
    response = ask_with_short_deadline(server)
    problem = problem_of(response, 503, "worker_restarting")
    assert problem["detail"] == "the worker process for this step is being replaced"
    assert response.headers["retry-after"] == "5"
    assert len(server.sent) == 1
    assert server.state.in_flight_count() == 0


def test_with_a_live_worker_the_error_at_the_deadline_is_deadline_exceeded(
    server: InProcessServer, dead_pid: int
) -> None:
    server.state.pid[0] = dead_pid
    response = ask_with_short_deadline(server)
    problem = problem_of(response, 504, "deadline_exceeded")
    assert problem["detail"] == (
        "the answer was not ready before the deadline "
        "(ECG_REQUEST_TIMEOUT or X-Request-Deadline-Ms)"
    )
    assert "retry-after" not in response.headers
    assert server.state.in_flight_count() == 0


def test_the_last_place_is_given_and_no_more(server: InProcessServer) -> None:
    slots = [server.in_flight.reserve() for _ in range(SLOTS - 1)]
    problem_of(ask_with_short_deadline(server), 504, "deadline_exceeded")
    slots.append(server.in_flight.reserve())
    problem_of(ask_with_short_deadline(server), 429, "overloaded")
    assert server.in_flight.reserve() is None
    assert server.request("GET", "/health").json()["in_flight"] == SLOTS
    for slot in slots:
        assert slot is not None
        server.in_flight.release(slot)
    assert server.request("GET", "/health").json()["in_flight"] == 0


def test_a_process_that_is_set_up_or_cannot_be_is_named(
    server: InProcessServer, dead_pid: int
) -> None:
    server.state.ready[0] = 0
    server.state.starts[1] = 4
    server.state.ready[1] = 0
    server.state.cannot_start[1] = 1
    server.state.http_pid[0] = dead_pid
    assert server.request("GET", "/health").json()["reasons"] == [
        "api-0: its process has ended and is being replaced",
        "signal-0: its process is being set up (start 1)",
        "signal-1: its encoders cannot be loaded; the log has the reason",
    ]


def test_a_queue_that_does_not_move_is_named(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = QUEUES.tasks
    sent_s = time.monotonic()
    channel.send("a task")
    limit_s = server.service.settings.request_timeout
    for row in (0, 1):
        server.state.heartbeat_s[row] = sent_s + limit_s + 7
    monkeypatch.setattr(live_metrics.time, "monotonic", lambda: sent_s + limit_s - 1)
    assert server.request("GET", "/health").json()["status"] == "ok"
    monkeypatch.setattr(live_metrics.time, "monotonic", lambda: sent_s + limit_s + 7)
    health = server.request("GET", "/health").json()
    channel.receive()
    assert health["status"] == "degraded"
    assert health["reasons"] == [
        "signal: the oldest recording has waited for 37 s; the limit of an answer is 30 s "
        "(ECG_REQUEST_TIMEOUT)"
    ]


def test_an_embedding_without_an_encoder_is_refused_unread(server: InProcessServer) -> None:
    response = server.request("POST", "/extract_features", json={})
    problem_of(response, 503, "no_model")
    assert "retry-after" not in response.headers
    assert server.sent == []
