"""Recordings that a signal worker cannot finish, at a real server: what others notice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from server.workers.progress import STALLED_AFTER_S
from tests.server.ecgs import get
from tests.server.harness import RunningServer
from tests.server.load import FS, npy, recording
from tests.server.workers.test_reader_in_server import one_worker, signal_restarts, wait_for

HANGS, BURNS = "HANGS", "BURNS"  # faulty/sitecustomize.py


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with one_worker() as running:
        yield running


def array(server: RunningServer, id: str = "1", **headers: str) -> httpx.Response:
    with server.client() as client:
        return client.post(
            "/assess_quality",
            params={"fs": FS, "id": id},
            content=npy(recording(0)),
            headers={"Content-Type": "application/x-npy", **headers},
        )


def test_a_worker_that_is_stuck_beyond_the_deadline_is_replaced(server: RunningServer) -> None:
    restarts = signal_restarts(server)
    problem = array(server, HANGS, **{"X-Request-Deadline-Ms": "1000"}).json()
    assert problem["code"] == "deadline_exceeded"
    # Long before ECG_HANG_TIMEOUT, which is 120 s, and without the recording being repeated.
    assert array(server, **{"X-Request-Deadline-Ms": "60000"}).status_code == 200
    assert signal_restarts(server) == restarts + 1
    assert server.logged("still busy")


def test_a_worker_whose_client_has_left_is_replaced(server: RunningServer) -> None:
    restarts = signal_restarts(server)
    with server.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post(
            "/assess_quality",
            params={"fs": FS, "id": HANGS},
            content=npy(recording(0)),
            headers={"Content-Type": "application/x-npy"},
            timeout=1.0,
        )
    assert array(server, **{"X-Request-Deadline-Ms": "60000"}).status_code == 200
    assert signal_restarts(server) == restarts + 1


def test_without_progress_the_server_is_not_ready(server: RunningServer) -> None:
    seconds = round(1000 * (STALLED_AFTER_S + 20))
    with ThreadPoolExecutor(2) as pool:
        stuck = pool.submit(array, server, HANGS, **{"X-Request-Deadline-Ms": str(seconds)})
        wait_for(lambda: get(server, "/health").json()["in_flight"] == 1, "the request")
        waiting = pool.submit(array, server, **{"X-Request-Deadline-Ms": "120000"})
        wait_for(lambda: get(server, "/readyz").status_code == 503, "a refusal")
        assert get(server, "/readyz").text == "no progress\n"
        health = get(server, "/health").json()
        assert health["status"] == "degraded"
        assert "signal: no worker has made progress" in health["reasons"][0]
        assert stuck.result().json()["code"] == "deadline_exceeded"
        assert waiting.result().status_code == 200
    wait_for(lambda: get(server, "/readyz").status_code == 200, "readiness")


def test_a_recording_that_takes_too_much_cpu_time_is_refused() -> None:
    with one_worker(ECG_MAX_CPU_SECONDS="2") as server:
        assert array(server).status_code == 200
        with ThreadPoolExecutor(2) as pool:
            costly = pool.submit(array, server, BURNS)
            wait_for(lambda: get(server, "/health").json()["in_flight"] == 1, "the request")
            other = pool.submit(array, server)
            problem = costly.result().json()
            assert other.result().status_code == 200
        assert (problem["status"], problem["code"]) == (422, "too_costly")
        assert "more than 2 s of CPU time" in problem["detail"]
        assert signal_restarts(server) == 1
        records = [{"signal": recording(0).tolist(), "fs": FS, "id": id} for id in ("1", BURNS)]
        with server.client() as client:
            results = client.post("/assess_quality", json={"records": records}).json()["results"]
        assert results[0]["id"] == "1"
        assert results[1]["error"]["code"] == "too_costly"


def test_a_body_that_takes_too_much_memory_is_refused() -> None:
    with one_worker(ECG_WORKER_MEMORY_MB="128") as server:
        signal = np.zeros((12, 600_000)).tolist()
        with server.client() as client:
            problem = client.post("/assess_quality", json={"signal": signal, "fs": 1000}).json()
        assert (problem["status"], problem["code"]) == (422, "too_costly")
        assert "more than 128 MB of memory" in problem["detail"]
        assert array(server).status_code == 200
        assert signal_restarts(server) == 0
