"""Which signal workers are killed for what they work on."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from server.ipc.messages import Slot
from server.ipc.shared_state import SharedState
from server.workers import overdue
from server.workers.overdue import GRACE_S, OverdueWork

GUARD_S = 60.0  # keeps a failing test from hanging
SLEEPS = [sys.executable, "-c", "import time; time.sleep(3600)"]
BURNS = [sys.executable, "-c", "while True: pass"]
MAX_CPU_S = 0.5
SLOT = Slot(0, 7)


class Watched:
    """A signal worker, which is some process, and what supervises it."""

    def __init__(self, command: list[str]) -> None:
        self.state = SharedState(1, [], 1, 1)
        self.process = subprocess.Popen(command)
        self.state.starts[0] = 1
        self.state.in_progress.enter(0, 1, self.process.pid)
        self.state.pid[0] = self.process.pid
        self.state.slots[SLOT.index] = SLOT.generation
        self.state.set_in_progress(0, [(7, 3), (8, 0)])
        self.overdue = OverdueWork(self.state, MAX_CPU_S)

    def begin(self, *, seconds_left: float) -> None:
        self.state.work.begin(0, SLOT, time.monotonic() + seconds_left)

    def is_killed(self) -> bool:
        self.overdue.kill_workers()
        try:
            return self.process.wait(0.3) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def costly(self) -> tuple[int, int] | None:
        return self.state.in_progress.too_costly([0], self.process.pid)


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched(SLEEPS)
    yield watched
    watched.process.kill()
    watched.process.wait()


@pytest.mark.parametrize(("late_s", "killed"), [(GRACE_S - 2, False), (GRACE_S + 0.1, True)])
def test_a_worker_is_killed_some_seconds_after_the_deadline(
    watched: Watched, late_s: float, killed: bool
) -> None:
    watched.begin(seconds_left=-late_s)
    assert watched.is_killed() == killed
    assert watched.state.killed_start[0] == int(killed)
    assert watched.costly() is None


def test_a_worker_is_killed_when_nobody_has_awaited_its_work_for_some_seconds(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched.begin(seconds_left=100)
    watched.state.slots[SLOT.index] = 0
    assert not watched.is_killed()
    monkeypatch.setattr(overdue, "GRACE_S", 0.1)
    assert watched.is_killed()
    (entry,) = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert str(watched.process.pid) in entry.getMessage()
    assert watched.costly() is None


def test_the_seconds_are_counted_for_each_piece_of_work(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "GRACE_S", 0.1)
    watched.state.slots[SLOT.index] = 0
    for _ in range(3):
        watched.begin(seconds_left=100)
        assert not watched.is_killed()


def test_an_idle_worker_is_not_killed(watched: Watched) -> None:
    watched.begin(seconds_left=-100)
    watched.state.work.end(0)
    assert not watched.is_killed()


def test_a_worker_is_killed_once(watched: Watched) -> None:
    watched.begin(seconds_left=-100)
    watched.state.killed_start[0] = watched.state.starts[0]
    assert not watched.is_killed()


def test_a_worker_that_uses_too_much_cpu_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    # This process begins the work, for another one, which has used no CPU time yet.
    unused = os.times_result((0.0, 0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr("server.ipc.current_work.os.times", lambda: unused)
    watched = Watched(BURNS)
    try:
        watched.begin(seconds_left=100)
        until_s = time.monotonic() + GUARD_S
        while not watched.is_killed():
            assert time.monotonic() < until_s
    finally:
        watched.process.kill()
        watched.process.wait()
    # The present work, and not what is read meanwhile.
    assert watched.costly() == (7, 3)


def test_cpu_time_before_the_piece_of_work_does_not_count(watched: Watched) -> None:
    began_s = time.process_time()
    while time.process_time() < began_s + 2 * MAX_CPU_S:
        pass
    # This process has used much, and has just begun.
    watched.state.pid[0] = os.getpid()
    watched.begin(seconds_left=100)
    watched.overdue.kill_workers()
    assert watched.state.killed_start[0] == 0


def test_a_replacement_is_not_marked_as_too_costly(watched: Watched) -> None:
    watched.state.in_progress.set_too_costly(0, 1)
    assert watched.costly() == (7, 3)
    for start in (2, 3):
        watched.state.in_progress.enter(0, start, 5_000_000 + start)
        assert watched.state.in_progress.too_costly([0], 5_000_000 + start) is None
