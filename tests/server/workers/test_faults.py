"""Workers that are killed or hang: no request is lost, and none gets another one's answer."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from tests.server.ecgs import get
from tests.server.harness import RunningServer
from tests.server.load import FS, Load, npy, recording

# A killed worker's replacement waits ever longer, so each kill takes longer than the one before.
KILLS = [3, pytest.param(10, marks=pytest.mark.long)]
GUARD_S = 180.0  # keeps a failing test from hanging


def _wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + GUARD_S
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {GUARD_S} s")


def _kill_one(server: RunningServer, stage: str) -> bool:
    """Kill a worker of a stage; return False if none runs at the moment."""
    try:
        os.kill(server.workers(stage)[0], signal.SIGKILL)
    except (IndexError, ProcessLookupError):
        return False
    return True


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


@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.parametrize("stage", ["model", "signal"])
def test_a_worker_killed_again_and_again_under_load_loses_no_request(
    stage: str, kills: int
) -> None:
    with RunningServer(ECG_REQUEST_TIMEOUT="120") as server, Load(server) as load:
        for _ in range(kills):
            before = load.answered
            _wait_for(lambda: _kill_one(server, stage), f"a {stage} worker")
            _wait_for(lambda before=before: load.answered > before + 5, "work after the kill")
        _wait_for(lambda: get(server, "/readyz").status_code == 200, "readiness")
    assert load.faults == []
    assert load.answered > 5 * kills


def test_with_two_http_processes_each_gets_its_own_answers_through_a_loss() -> None:
    with RunningServer(ECG_API_WORKERS="2") as server, Load(server, clients=8) as load:
        for stage in ("model", "signal"):
            before = load.answered
            os.kill(server.workers(stage)[0], signal.SIGKILL)
            _wait_for(lambda before=before: load.answered > before + 20, "work after the kill")
        health = get(server, "/health").json()
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
        # Stopped, it may still have a message that it never answers.
        os.kill(server.workers(stage)[0], signal.SIGSTOP)
        answer = _post(server)
    assert answer.status_code == 200
    assert np.allclose(np.array(answer.json()["features"]), expected, atol=1e-5)


def test_restarts_are_counted_where_an_operator_looks() -> None:
    with RunningServer() as server:
        os.kill(server.workers("model")[0], signal.SIGKILL)
        _wait_for(
            lambda: (
                get(server, "/health").json()["workers"]["model"]
                == {"expected": 1, "alive": 1, "restarts": 1}
            ),
            "a restart",
        )
        assert 'ecg_worker_restarts_total{stage="model"} 1.0' in get(server, "/metrics").text
