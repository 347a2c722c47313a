"""The cost of a server without requests."""

from __future__ import annotations

import time

import psutil

from tests.server.harness import RunningServer

IDLE_SHARE_OF_A_CORE = 0.03
WATCHED_S = 10.0


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def test_an_idle_server_uses_next_to_nothing() -> None:
    with RunningServer(ECG_SIGNAL_WORKERS="2") as server:
        processes = server.processes()
        time.sleep(1)
        before = _cpu_s(processes)
        time.sleep(WATCHED_S)
        assert _cpu_s(processes) - before < IDLE_SHARE_OF_A_CORE * WATCHED_S


def test_only_the_model_worker_loads_torch(server: RunningServer) -> None:
    assert len(server.workers("model")) == 1
    assert len(server.workers("signal")) >= 2
