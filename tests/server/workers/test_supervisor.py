"""The supervisor: what it kills, what it replaces, and when it ends the server.

The processes are real ones that sleep; the test writes their rows of the shared tables.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess

import psutil
import pytest

from server.ipc.shared_state import SharedState
from server.workers import place as place_module
from server.workers.overdue import OverdueWork
from server.workers.place import HttpPlace, WorkerPlace
from server.workers.supervisor import CHECK_INTERVAL_S, MAX_FAILED_STARTS, Supervisor

GUARD_S = 60.0  # keeps a failing test from hanging
THREE_CHECKS_S = 3 * CHECK_INTERVAL_S
HANG_TIMEOUT_S = 100.0


def _sleeper() -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(3600,))
    process.start()
    return process


def _no_process() -> BaseProcess:
    raise BlockingIOError(11, "Resource temporarily unavailable")


class Supervised:
    """A supervisor of two signal workers, a model worker and an HTTP process."""

    def __init__(self) -> None:
        self.state = SharedState(2, ["cpu"], 1, 4)
        self.started: list[BaseProcess] = []
        self.supervisor = Supervisor(self.state, OverdueWork(self.state, 20.0))
        self.workers = [
            WorkerPlace(f"worker {row}", self._start, self.state, row, HANG_TIMEOUT_S)
            for row in range(3)
        ]
        self.http = HttpPlace("HTTP process 0", self._start, self.state, 0)
        self.start: Callable[[], BaseProcess] = _sleeper
        self.supervisor.take(self.workers, [self.http])
        # The places are the main thread's in the server. Here no process is forked.
        self._thread = threading.Thread(target=self.supervisor.wait)

    def _start(self) -> BaseProcess:
        process = self.start()
        self.started.append(process)
        return process

    def fill(self) -> None:
        for place in [*self.workers, self.http]:
            place.fill()

    def set_ready(self, row: int) -> None:
        self.state.starts[row] += 1
        self.state.pid[row] = self.workers[row].pid
        self.state.heartbeat_s[row] = time.monotonic()
        self.state.ready[row] = 1

    def run(self) -> None:
        self._thread.start()

    def wait_for(self, condition: Callable[[], object]) -> None:
        until_s = time.monotonic() + GUARD_S
        while not condition():
            assert time.monotonic() < until_s, "it did not happen"
            time.sleep(0.02)

    def ended(self, seconds: float = GUARD_S) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        self.state.draining.value = 1
        if self._thread.ident is not None:
            self._thread.join()
        for process in self.started:
            process.kill()
            process.join()


@pytest.fixture
def supervised() -> Iterator[Supervised]:
    supervised = Supervised()
    yield supervised
    supervised.stop()


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.ERROR]


def test_a_worker_that_makes_no_progress_is_killed_and_replaced(
    supervised: Supervised, caplog: pytest.LogCaptureFixture
) -> None:
    supervised.fill()
    supervised.set_ready(1)
    first = supervised.workers[1].pid
    supervised.state.busy_since_s[1] = time.monotonic() - HANG_TIMEOUT_S - 1
    supervised.run()
    supervised.wait_for(lambda: supervised.workers[1].pid not in (0, first))
    assert supervised.started[1].exitcode == -signal.SIGKILL
    assert supervised.state.killed_start[1] == 1
    assert supervised.state.live_rows("signal") == []
    # Only the worker itself writes `ready`.
    assert supervised.state.ready[1] == 1
    killed, ended = _errors(caplog)
    assert str(first) in killed and "the limit is 100 s (ECG_HANG_TIMEOUT)" in killed
    assert f"worker 1 (process {first}) ended with exit code -9" in ended


@pytest.mark.parametrize("kind", ["worker", "http"])
def test_a_process_without_a_heartbeat_is_killed_and_replaced(
    supervised: Supervised, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_module, "HTTP_HANG_S", 0.5)
    supervised.fill()
    supervised.state.slots[2] = 77
    if kind == "worker":
        place: WorkerPlace | HttpPlace = supervised.workers[0]
        place._hang_timeout_s = 0.5  # type: ignore[union-attr]
        supervised.set_ready(0)
    else:
        place = supervised.http
        supervised.state.http_pid[0] = place.pid
        supervised.state.http_heartbeat_s[0] = time.monotonic()
    first = place.pid
    os.kill(first, signal.SIGSTOP)
    supervised.run()
    supervised.wait_for(lambda: place.pid not in (0, first))
    assert supervised.state.slots[2] == (77 if kind == "worker" else 0)


def test_a_process_within_the_limits_is_not_killed(supervised: Supervised) -> None:
    supervised.fill()
    now_s = time.monotonic()
    supervised.set_ready(0)
    supervised.state.busy_since_s[0] = now_s - 10.0
    # A worker or an HTTP process that is being set up sends no heartbeat yet.
    supervised.state.heartbeat_s[1] = now_s - 5000.0
    supervised.set_ready(2)
    supervised.run()
    time.sleep(THREE_CHECKS_S)
    assert all(process.is_alive() for process in supervised.started)
    assert len(supervised.started) == 4


def test_a_heartbeat_that_grew_old_while_everything_was_paused_is_no_fault(
    supervised: Supervised,
) -> None:
    """A paused machine or container: the supervisor did not run either."""
    supervised.fill()
    supervised.set_ready(0)
    supervised.state.heartbeat_s[0] = time.monotonic() - 5000.0
    supervised.state.http_pid[0] = supervised.http.pid
    supervised.state.http_heartbeat_s[0] = time.monotonic() - 5000.0
    supervised.run()
    time.sleep(THREE_CHECKS_S)
    assert all(process.is_alive() for process in supervised.started)


def test_a_worker_is_killed_once(supervised: Supervised) -> None:
    """A second kill could hit another process, which has received the same pid since."""
    supervised.fill()
    supervised.set_ready(0)
    supervised.state.busy_since_s[0] = time.monotonic() - HANG_TIMEOUT_S - 1
    supervised.state.killed_start[0] = supervised.state.starts[0]
    supervised.run()
    time.sleep(THREE_CHECKS_S)
    assert supervised.started[0].is_alive()


@pytest.mark.parametrize("place", [0, 3], ids=["worker", "HTTP process"])
def test_a_place_that_never_has_a_process_that_is_ready_ends_the_server(
    supervised: Supervised, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    supervised.fill()
    never_ready = [*supervised.workers, supervised.http][place]
    supervised.run()
    for _ in range(MAX_FAILED_STARTS - 1):
        assert not supervised.ended(0)
        pid = never_ready.pid
        os.kill(pid, signal.SIGKILL)
        supervised.wait_for(lambda pid=pid: never_ready.pid not in (0, pid))
    os.kill(never_ready.pid, signal.SIGKILL)
    assert supervised.ended()
    assert supervised.supervisor.exit_code == 1
    assert _errors(caplog)[-1] == (
        f"{never_ready.name} ended before it was ready, {MAX_FAILED_STARTS} times in a row: "
        "the server ends"
    )


def test_a_place_that_was_ready_once_is_refilled_for_ever(supervised: Supervised) -> None:
    supervised.fill()
    supervised.set_ready(1)
    supervised.run()
    place = supervised.workers[1]
    supervised.wait_for(lambda: not place.never_started)
    for _ in range(MAX_FAILED_STARTS + 2):
        pid = place.pid
        os.kill(pid, signal.SIGKILL)
        supervised.wait_for(lambda pid=pid: place.pid not in (0, pid))
    assert place.failed_starts == MAX_FAILED_STARTS + 1  # the first one had been ready
    assert not supervised.ended(0)
    assert supervised.supervisor.exit_code == 0


def test_encoders_that_cannot_be_loaded_at_the_start_end_the_server(
    supervised: Supervised, caplog: pytest.LogCaptureFixture
) -> None:
    supervised.fill()
    supervised.state.cannot_start[2] = 1
    supervised.run()
    assert supervised.ended()
    assert supervised.supervisor.exit_code == 1
    assert "the encoders cannot be loaded: the server ends" in caplog.text


def test_encoders_that_cannot_be_loaded_later_do_not(supervised: Supervised) -> None:
    supervised.fill()
    supervised.set_ready(2)
    supervised.run()
    supervised.wait_for(lambda: not supervised.workers[2].never_started)
    supervised.state.cannot_start[2] = 1
    assert not supervised.ended(THREE_CHECKS_S)


def test_a_process_that_cannot_be_started_is_tried_again(
    supervised: Supervised, caplog: pytest.LogCaptureFixture
) -> None:
    supervised.fill()
    supervised.set_ready(0)
    supervised.run()
    supervised.wait_for(lambda: not supervised.workers[0].never_started)
    supervised.start = _no_process
    os.kill(supervised.workers[0].pid, signal.SIGKILL)
    supervised.wait_for(lambda: supervised.workers[0].failed_starts >= 2)
    supervised.start = _sleeper
    supervised.wait_for(lambda: supervised.workers[0].pid)
    assert "worker 0 cannot be started: " in caplog.text


def test_a_server_that_drains_replaces_workers_and_no_http_process(
    supervised: Supervised, caplog: pytest.LogCaptureFixture
) -> None:
    supervised.fill()
    for row in range(3):
        supervised.set_ready(row)
    killer = threading.Timer(0.3, lambda: os.kill(supervised.workers[0].pid, signal.SIGKILL))
    # Stopped, it does not end after SIGTERM, as one that still answers requests.
    http_process = psutil.Process(supervised.http.pid)
    http_process.suspend()
    supervised.wait_for(lambda: http_process.status() == psutil.STATUS_STOPPED)
    killer.start()
    supervised.supervisor.drain(3.0)
    killer.join()
    assert len(supervised.started) == 5
    for process in supervised.started:
        process.join()
    assert "requests in flight were not answered within 3 s" in caplog.text
