"""A worker may be killed, hang or crash on a recording: no request is lost, none gets another's answer."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from tests.server.harness import RunningServer
from tests.server.load import FS, Load, npy, recording

KILLS = 10


def _wait_for(condition, seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def _post(
    server: RunningServer, number: int = 0, route: str = "/extract_features", **headers: str
) -> httpx.Response:
    with server.client() as client:
        return client.post(
            route,
            params={"fs": FS},
            content=npy(recording(number)),
            headers={"Content-Type": "application/x-npy", **headers},
        )


@pytest.mark.parametrize("stage", ["model", "signal"])
def test_a_worker_killed_ten_times_under_load_loses_no_request(stage: str) -> None:
    with RunningServer() as server, Load(server) as load:
        for _ in range(KILLS):
            _wait_for(lambda: server.workers(stage), 30, f"a {stage} worker")
            before = load.answered
            os.kill(server.workers(stage)[0], signal.SIGKILL)
            _wait_for(lambda before=before: load.answered > before + 5, 60, "work after the kill")
        _wait_for(lambda: httpx.get(server.url + "/readyz").status_code == 200, 60, "readiness")
    assert load.faults == []
    assert load.answered > 5 * KILLS


def test_with_two_http_processes_each_gets_its_own_answers_through_a_loss() -> None:
    with RunningServer(ECG_API_WORKERS="2") as server, Load(server, clients=8) as load:
        for stage in ("model", "signal"):
            before = load.answered
            os.kill(server.workers(stage)[0], signal.SIGKILL)
            _wait_for(lambda before=before: load.answered > before + 20, 60, "work after the kill")
        health = httpx.get(server.url + "/health").json()
    assert load.faults == []
    assert health["workers"]["api"] == {"expected": 2, "alive": 2, "restarts": 0}


def test_all_workers_killed_while_idle_cost_a_restart_and_no_answer() -> None:
    with RunningServer() as server:
        for pid in server.workers("signal") + server.workers("model"):
            os.kill(pid, signal.SIGKILL)
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda number: _post(server, number), range(6)))
    assert [answer.status_code for answer in answers] == [200] * 6


@pytest.mark.parametrize("stage", ["model", "signal"])
def test_a_stopped_worker_is_replaced_and_its_work_done_by_another(stage: str) -> None:
    with RunningServer(
        ECG_HANG_TIMEOUT="3", ECG_SIGNAL_WORKERS="1", ECG_REQUEST_TIMEOUT="60"
    ) as server:
        expected = np.array(_post(server).json()["features"])
        os.kill(
            server.workers(stage)[0], signal.SIGSTOP
        )  # what it takes off the queue now it never gives back
        answer = _post(server)
    assert answer.status_code == 200
    assert np.allclose(np.array(answer.json()["features"]), expected, atol=1e-5)


def test_restarts_are_counted_where_an_operator_looks() -> None:
    with RunningServer() as server:
        os.kill(server.workers("model")[0], signal.SIGKILL)
        _wait_for(
            lambda: (
                httpx.get(server.url + "/health").json()["workers"]["model"]
                == {"expected": 1, "alive": 1, "restarts": 1}
            ),
            60,
            "a restart",
        )
        assert (
            'ecg_worker_restarts_total{stage="model"} 1.0'
            in httpx.get(server.url + "/metrics").text
        )


def test_an_http_process_that_ends_ends_the_server_with_an_error() -> None:
    with RunningServer() as server:
        api = next(
            p
            for p in server.processes()
            if p.pid != server.process.pid
            and any(c.laddr.port == server.port for c in p.net_connections("tcp"))
        )
        api.kill()
        assert server.process.wait(30) == 1
        assert server.left_after(5) == []


def test_without_its_queues_the_server_ends_with_an_error_and_leaves_nothing() -> None:
    with RunningServer() as server:
        forked = [
            p
            for p in server.processes()
            if p.pid != server.process.pid and p.cmdline()[1:] == ["-m", "server"]
        ]
        manager = min(
            forked, key=lambda process: process.create_time()
        )  # the queues are there before the HTTP processes
        manager.kill()
        assert server.process.wait(60) != 0
        assert server.left_after(5) == []
