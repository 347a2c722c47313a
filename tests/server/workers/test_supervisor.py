"""The supervisor: which workers it kills, and when it ends the server."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess

import pytest

from server.ipc.shared_state import SharedState
from server.settings import Settings
from server.workers.supervisor import MAX_FAILED_STARTS, Supervisor

GUARD_S = 60.0  # keeps a failing test from hanging
SLEEP = [sys.executable, "-c", "import time; time.sleep(3600)"]


class Supervised:
    """A supervisor over two signal workers and an HTTP process, which the test plays."""

    def __init__(self) -> None:
        self.state = SharedState(2, ["cpu"], 1, 1)
        self.stopped = threading.Event()
        settings = Settings(hang_timeout=100.0)
        self.supervisor = Supervisor(settings, self.state, self.stopped.set)
        self.process = subprocess.Popen(SLEEP)

    def set_worker(self, row: int) -> None:
        self.state.starts[row] += 1
        self.state.pid[row] = self.process.pid
        self.state.ready[row] = 1
        self.state.heartbeat_s[row] = time.monotonic()

    def start(self, api_workers: list[BaseProcess] | None = None) -> None:
        self.supervisor.start(api_workers or [])

    def is_killed(self) -> bool:
        return self.process.wait(GUARD_S) == -signal.SIGKILL


@pytest.fixture
def supervised() -> Iterator[Supervised]:
    supervised = Supervised()
    yield supervised
    supervised.state.draining.value = 1
    supervised.process.kill()
    supervised.process.wait()


def test_a_worker_that_makes_no_progress_is_killed(
    supervised: Supervised, caplog: pytest.LogCaptureFixture
) -> None:
    supervised.set_worker(1)
    supervised.state.busy_since_s[1] = time.monotonic() - 101.0
    supervised.start()
    assert supervised.is_killed()
    assert supervised.state.killed_start[1] == 1
    assert supervised.state.live_rows("signal") == []
    assert not supervised.stopped.is_set()
    # The worker's own cells are left to the worker.
    assert supervised.state.ready[1] == 1
    (entry,) = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert str(supervised.process.pid) in entry.getMessage()
    assert "100 s (ECG_HANG_TIMEOUT)" in entry.getMessage()


def test_a_worker_without_a_heartbeat_is_killed(supervised: Supervised) -> None:
    supervised.set_worker(0)
    supervised.state.heartbeat_s[0] = time.monotonic() - 101.0
    supervised.start()
    assert supervised.is_killed()


def test_a_worker_within_the_limit_is_left(supervised: Supervised) -> None:
    now_s = time.monotonic()
    supervised.set_worker(0)
    supervised.state.busy_since_s[0] = now_s - 10.0
    supervised.state.heartbeat_s[0] = now_s - 10.0
    # One that is being set up has no heartbeat yet.
    supervised.set_worker(1)
    supervised.state.ready[1] = 0
    supervised.state.heartbeat_s[1] = now_s - 5000.0
    # The successor of a worker that was killed is not meant by the mark of its predecessor.
    supervised.set_worker(2)
    supervised.state.killed_start[2] = 0
    supervised.start()
    time.sleep(0.6)  # three looks
    assert supervised.process.poll() is None
    assert not supervised.stopped.is_set()


def test_a_worker_is_killed_once(supervised: Supervised, caplog: pytest.LogCaptureFixture) -> None:
    """Its pid may belong to another process soon after."""
    supervised.set_worker(0)
    supervised.state.busy_since_s[0] = time.monotonic() - 101.0
    supervised.state.killed_start[0] = supervised.state.starts[0]
    supervised.start()
    time.sleep(0.6)
    assert supervised.process.poll() is None
    assert caplog.records == []


@pytest.mark.parametrize("failed", [MAX_FAILED_STARTS, MAX_FAILED_STARTS + 1])
def test_workers_that_never_start_end_the_server(supervised: Supervised, failed: int) -> None:
    """The process that is being set up is counted too."""
    supervised.state.failed_starts[1] = failed
    supervised.start()
    is_stopped = supervised.stopped.wait(GUARD_S if failed > MAX_FAILED_STARTS else 0.6)
    assert is_stopped == (failed > MAX_FAILED_STARTS)
    assert supervised.supervisor.exit_code == int(is_stopped)


def test_encoders_that_cannot_be_loaded_end_the_server(
    supervised: Supervised, caplog: pytest.LogCaptureFixture
) -> None:
    supervised.state.cannot_start[2] = 1
    supervised.start()
    assert supervised.stopped.wait(GUARD_S)
    assert supervised.supervisor.exit_code == 1
    assert "the encoders cannot be loaded: the server ends" in caplog.text


def test_an_http_process_that_ends_ends_the_server(supervised: Supervised) -> None:
    http_process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(3600,))
    http_process.start()
    supervised.start([http_process])
    assert not supervised.stopped.wait(0.6)
    assert http_process.pid is not None
    os.kill(http_process.pid, signal.SIGKILL)
    assert supervised.stopped.wait(GUARD_S)
    assert supervised.supervisor.exit_code == 1
    http_process.join()


def test_a_draining_server_is_not_supervised(supervised: Supervised) -> None:
    supervised.state.draining.value = 1
    supervised.state.cannot_start[2] = 1
    supervised.start()
    assert not supervised.stopped.wait(0.6)
    assert supervised.supervisor.exit_code == 0
