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


def _post(server: RunningServer, number: int = 0, route: str = "/extract_features", **headers: str) -> httpx.Response:
    with server.client() as client:
        return client.post(
            route, params={"fs": FS}, content=npy(recording(number)), headers={"Content-Type": "application/x-npy", **headers}
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


def test_all_workers_killed_while_idle_cost_a_restart_and_no_answer() -> None:
    with RunningServer() as server:
        for pid in server.workers("signal") + server.workers("model"):
            os.kill(pid, signal.SIGKILL)
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda number: _post(server, number), range(6)))
    assert [answer.status_code for answer in answers] == [200] * 6


def test_a_hung_worker_is_replaced_and_its_work_done_by_another() -> None:
    with RunningServer(ECG_HANG_TIMEOUT="1") as server:
        expected = np.array(_post(server).json()["features"])
        pid = server.workers("model")[0]
        with ThreadPoolExecutor(1) as pool:
            os.kill(pid, signal.SIGSTOP)  # it takes the item, if at all, and never gives it back
            answer = pool.submit(_post, server).result(60)
        if answer.status_code != 200:
            # Stopped while idle it hangs on nothing; that worker is found by the deadline only.
            os.kill(pid, signal.SIGCONT)
        assert answer.status_code in (200, 503, 504)
        os.kill(pid, signal.SIGKILL)
        _wait_for(lambda: _post(server).status_code == 200, 60, "an answer from the replacement")
        assert np.allclose(np.array(_post(server).json()["features"]), expected, atol=1e-5)


def test_restarts_are_counted_where_an_operator_looks() -> None:
    with RunningServer() as server:
        os.kill(server.workers("model")[0], signal.SIGKILL)
        _wait_for(
            lambda: httpx.get(server.url + "/health").json()["workers"]["model"] == {"expected": 1, "alive": 1, "restarts": 1},
            60,
            "a restart",
        )
        assert 'ecg_worker_restarts_total{stage="model"} 1.0' in httpx.get(server.url + "/metrics").text


def test_an_http_process_that_ends_ends_the_server_with_an_error() -> None:
    with RunningServer() as server:
        api = next(
            p
            for p in server.processes()
            if p.pid != server.process.pid and any(c.laddr.port == server.port for c in p.net_connections("tcp"))
        )
        api.kill()
        assert server.process.wait(30) == 1
        assert server.left_after(5) == []
