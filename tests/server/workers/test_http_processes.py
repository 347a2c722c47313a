"""HTTP processes that are killed or stopped are replaced, and the requests of others go on."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

import httpx
import psutil
import pytest

from tests.server.ecgs import get
from tests.server.harness import RunningServer
from tests.server.load import Load

GUARD_S = 180.0  # keeps a failing test from hanging
KILLS = pytest.mark.parametrize("kills", [3, pytest.param(8, marks=pytest.mark.long)])


def _wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + GUARD_S
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {GUARD_S} s")


def _health(server: RunningServer) -> dict[str, object] | None:
    """Return /health; None where the connection was lost with its process."""
    try:
        return dict(get(server, "/health").json())
    except httpx.TransportError:
        return None


def _api(server: RunningServer) -> object:
    health = _health(server)
    return health and health["workers"]["api"]  # type: ignore[index]


def _replaced(count: int, restarts: int) -> dict[str, int]:
    return {"expected": count, "alive": count, "restarts": restarts}


def test_one_of_two_is_killed_and_the_requests_of_the_other_go_on() -> None:
    with RunningServer(ECG_API_WORKERS="2") as server, Load(server) as load:
        _wait_for(lambda: load.answered > 20, "work before the kill")
        first, second = sorted(server.http_processes())
        os.kill(first, signal.SIGKILL)
        _wait_for(lambda: _api(server) == _replaced(2, 1), "the replacement")
        before = load.answered
        _wait_for(lambda: load.answered > before + 20, "work after the kill")
        assert second in server.http_processes()
        assert 'ecg_worker_restarts_total{stage="api"} 1.0' in get(server, "/metrics").text
    # Connections of the killed process are lost; no client got another one's answer.
    assert load.faults
    assert all(map(_is_lost_connection, load.faults))
    assert len(load.faults) <= load.clients


@KILLS
def test_the_only_one_is_killed_again_and_again_and_nothing_is_left_of_its_requests(
    kills: int,
) -> None:
    """Its places are free again, and answers to its requests reach nobody else."""
    with RunningServer(ECG_MAX_IN_FLIGHT="8") as server:
        with Load(server) as load:
            for kill in range(1, kills + 1):
                before = load.answered - len(load.faults)
                _wait_for(
                    lambda before=before: load.answered - len(load.faults) > before + 3, "work"
                )
                os.kill(server.http_processes()[0], signal.SIGKILL)
                _wait_for(lambda kill=kill: _api(server) == _replaced(1, kill), "the replacement")
        health = _health(server) or {}
        text = get(server, "/metrics").text
    assert health["in_flight"] == 0
    assert [fault for fault in load.faults if not _is_lost_connection(fault)] == []
    # The counts of the killed processes are kept.
    answered = re.findall(r'ecg_requests_total\{.*route="/extract_features".*\} (\S+)', text)
    assert sum(map(float, answered)) >= load.answered - len(load.faults)


def _kill_worker(server: RunningServer) -> bool:
    workers = server.workers("signal")
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    return bool(workers)


def _is_lost_connection(fault: str) -> bool:
    return fault.startswith(("RemoteProtocolError", "ReadError", "WriteError", "ConnectError"))


@pytest.mark.parametrize("count", [1, 2])
def test_a_stopped_one_is_noticed_by_its_heartbeat_and_replaced(count: int) -> None:
    with RunningServer(ECG_API_WORKERS=str(count), ECG_MODEL="none") as server:
        os.kill(server.http_processes()[0], signal.SIGSTOP)
        # A connection that the stopped process has not accepted waits for another one.
        _wait_for(lambda: _api(server) == _replaced(count, 1), "the replacement")
        assert "no heartbeat for 10 s; the limit is 10 s; it is killed" in server.log()
    assert server.process.returncode == 0


def test_a_server_that_was_paused_as_a_whole_goes_on_with_its_processes() -> None:
    """As by `docker pause`: heartbeats are old afterwards, and nothing is at fault."""
    with RunningServer(ECG_HANG_TIMEOUT="1.5", ECG_API_WORKERS="2", ECG_MODEL="none") as server:
        processes = server.processes()
        _all(processes, signal.SIGSTOP)
        time.sleep(4.0)
        _all(processes, signal.SIGCONT)
        _wait_for(lambda: _api(server), "an answer")
        time.sleep(2.0)
        workers = (_health(server) or {})["workers"]
        assert workers["api"] == _replaced(2, 0)  # type: ignore[index]
        assert workers["signal"]["restarts"] == 0  # type: ignore[index]


def _all(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)


@KILLS
def test_a_storm_of_kills_slows_the_replacements_down_and_ends_nothing(kills: int) -> None:
    with RunningServer(ECG_MODEL="none", ECG_SIGNAL_WORKERS="1") as server:
        for killed in range(1, kills + 1):
            _wait_for(lambda: _kill_worker(server), "a worker")
            _wait_for(
                lambda killed=killed: server.log().count("signal worker 0 (process") == killed,
                "the end of a worker",
            )
        _wait_for(lambda: get(server, "/readyz").status_code == 200, "readiness")
        assert server.process.poll() is None
    assert server.process.returncode == 0
