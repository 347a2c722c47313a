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
from server.workers.supervisor import CHECK_INTERVAL_S, MAX_FAILED_STARTS, Supervisor

GUARD_S = 60.0  # keeps a failing test from hanging
THREE_CHECKS_S = 3 * CHECK_INTERVAL_S
SLEEP_COMMAND = [sys.executable, "-c", "import time; time.sleep(3600)"]


class Supervised:
    """A supervisor of two signal workers and a model worker, which are rows without processes.

    The rows that `set_ready` fills have the pid of `process`, which sleeps until it is killed.
    """

    def __init__(self) -> None:
        self.state = SharedState(2, ["cpu"], 1, 1)
        self.stopped = threading.Event()
        settings = Settings(hang_timeout=100.0)
        self.supervisor = Supervisor(settings, self.state, self.stopped.set)
        self.process = subprocess.Popen(SLEEP_COMMAND)

    def set_ready(self, row: int) -> None:
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
    supervised.set_ready(1)
    supervised.state.busy_since_s[1] = time.monotonic() - 101.0
    supervised.start()
    assert supervised.is_killed()
    assert supervised.state.killed_start[1] == 1
    assert supervised.state.live_rows("signal") == []
    assert not supervised.stopped.is_set()
    # Only the worker itself writes `ready`.
    assert supervised.state.ready[1] == 1
    (entry,) = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert str(supervised.process.pid) in entry.getMessage()
    assert "100 s (ECG_HANG_TIMEOUT)" in entry.getMessage()


def test_a_worker_without_a_heartbeat_is_killed(supervised: Supervised) -> None:
    supervised.set_ready(0)
    supervised.state.heartbeat_s[0] = time.monotonic() - 101.0
    supervised.start()
    assert supervised.is_killed()


def test_a_worker_within_the_limit_is_not_killed(supervised: Supervised) -> None:
    now_s = time.monotonic()
    supervised.set_ready(0)
    supervised.state.busy_since_s[0] = now_s - 10.0
    supervised.state.heartbeat_s[0] = now_s - 10.0
    # A worker that is being set up sends no heartbeat yet.
    supervised.set_ready(1)
    supervised.state.ready[1] = 0
    supervised.state.heartbeat_s[1] = now_s - 5000.0
    # `killed_start` of an earlier process does not concern its replacement.
    supervised.set_ready(2)
    supervised.state.killed_start[2] = 0
    supervised.start()
    time.sleep(THREE_CHECKS_S)
    assert supervised.process.poll() is None
    assert not supervised.stopped.is_set()


def test_a_worker_is_killed_once(supervised: Supervised, caplog: pytest.LogCaptureFixture) -> None:
    """A second kill could hit another process, which has received the same pid since."""
    supervised.set_ready(0)
    supervised.state.busy_since_s[0] = time.monotonic() - 101.0
    supervised.state.killed_start[0] = supervised.state.starts[0]
    supervised.start()
    time.sleep(THREE_CHECKS_S)
    assert supervised.process.poll() is None
    assert caplog.records == []


@pytest.mark.parametrize("failed", [MAX_FAILED_STARTS, MAX_FAILED_STARTS + 1])
def test_workers_that_never_start_end_the_server(supervised: Supervised, failed: int) -> None:
    """The limit itself is allowed: `failed_starts` also counts the process that is being set up."""
    supervised.state.failed_starts[1] = failed
    supervised.start()
    is_stopped = supervised.stopped.wait(GUARD_S if failed > MAX_FAILED_STARTS else THREE_CHECKS_S)
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
    assert not supervised.stopped.wait(THREE_CHECKS_S)
    assert http_process.pid is not None
    os.kill(http_process.pid, signal.SIGKILL)
    assert supervised.stopped.wait(GUARD_S)
    assert supervised.supervisor.exit_code == 1
    http_process.join()


def test_a_draining_server_is_not_supervised(supervised: Supervised) -> None:
    supervised.state.draining.value = 1
    supervised.state.cannot_start[2] = 1
    supervised.start()
    assert not supervised.stopped.wait(THREE_CHECKS_S)
    assert supervised.supervisor.exit_code == 0
