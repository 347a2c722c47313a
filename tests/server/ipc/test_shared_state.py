"""The shared tables: who is alive, what is in progress, what waits."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from server.ipc.in_progress import MAX_KEYS, InProgressTable
from server.ipc.messages import Slot
from server.ipc.shared_memory import SharedMemory
from server.ipc.shared_state import REPORT_BYTES, SharedState, is_alive
from server.stages.backlog import MAX_BATCH_SEGMENTS

NO_PID = 5_000_001  # above the kernel's limit for pids, 2^22


@pytest.fixture
def state() -> SharedState:
    """Rows 0 to 2 are signal workers, rows 3 and 4 model workers."""
    return SharedState(3, ["cuda:0", "cuda:1"], api_workers=2, slots_per_http_process=3)


def set_live(state: SharedState, row: int) -> None:
    state.starts[row] += 1
    state.pid[row] = os.getpid()
    state.ready[row] = 1


def test_rows_of_the_stages(state: SharedState) -> None:
    assert list(state.rows["signal"]) == [0, 1, 2]
    assert list(state.rows["model"]) == [3, 4]
    assert state.devices == ("cuda:0", "cuda:1")
    assert len(state.slots) == 6


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.ready.__setitem__(1, 0),
        lambda state: state.pid.__setitem__(1, NO_PID),
        lambda state: state.pid.__setitem__(1, 0),
        lambda state: state.killed_start.__setitem__(1, state.starts[1]),
    ],
    ids=["not ready", "ended", "never started", "killed"],
)
def test_live_rows(state: SharedState, change: Callable[[SharedState], None]) -> None:
    for row in (0, 1, 2, 4):
        set_live(state, row)
    assert state.live_rows("signal") == [0, 1, 2]
    assert state.live_rows("model") == [4]
    change(state)
    assert state.live_rows("signal") == [0, 2]


def test_a_server_is_ready_when_each_stage_has_a_live_worker(state: SharedState) -> None:
    assert not state.is_ready()
    assert not state.has_started()
    set_live(state, 2)
    assert not state.is_ready()
    assert not state.has_started()
    set_live(state, 3)
    assert state.is_ready()
    assert state.has_started()
    state.pid[3] = NO_PID
    assert not state.is_ready()
    assert state.has_started()


def test_a_server_whose_worker_is_replaced_has_started(state: SharedState) -> None:
    set_live(state, 0)
    state.starts[4] = 1
    assert not state.has_started()
    state.starts[4] = 2
    assert state.has_started()


def test_without_an_encoder_a_signal_worker_is_enough() -> None:
    state = SharedState(1, [], 1, 1)
    set_live(state, 0)
    assert state.is_ready() and state.has_started()


def test_restarts_are_counted_by_stage(state: SharedState) -> None:
    for row, starts in enumerate((1, 3, 0, 2, 1)):
        state.starts[row] = starts
    assert state.restart_count("signal") == 2
    assert state.restart_count("model") == 1


def test_the_depth_of_each_queue(state: SharedState) -> None:
    state.tasks_sent[0], state.tasks_sent[1] = 7, 4
    state.received[0], state.received[2] = 5, 3
    state.items_sent[0], state.items_sent[1], state.items_sent[2] = 10, 2, 1
    state.received[3], state.received[4] = 6, 3
    assert state.queue_depth("signal") == 11 - 8
    assert state.queue_depth("model") == 13 - 9
    # A worker may count before the sender's counter is read.
    state.received[1] = 9
    assert state.queue_depth("signal") == 0


def test_slots(state: SharedState) -> None:
    state.slots[4] = 99
    assert state.in_flight_count() == 1
    assert state.is_awaited(Slot(4, 99))
    assert not state.is_awaited(Slot(4, 98))
    assert not state.is_awaited(Slot(3, 99))
    state.slots[4] = 0
    assert state.in_flight_count() == 0
    assert not state.is_awaited(Slot(4, 99))


def test_encoder_reports(state: SharedState) -> None:
    assert state.encoder_report(3) == {}
    report = {"clinical": {"dtype": "bfloat16", "compiled": True, "path": "µ"}}
    state.set_encoder_report(4, report)  # type: ignore[arg-type]
    assert state.encoder_report(4) == report
    assert state.encoder_report(3) == {}
    with pytest.raises(ValueError):
        state.set_encoder_report(4, {"clinical": {"path": "x" * REPORT_BYTES}})


def test_in_progress_of_live_workers(state: SharedState) -> None:
    for row in (0, 1):
        set_live(state, row)
        state.pid[row] = (os.getpid(), os.getppid())[row]
        state.in_progress.enter(row, 1, state.pid[row])
    state.set_in_progress(0, [(1, 0), (1, 5)])
    state.set_in_progress(1, [(2, -1)])
    assert state.in_progress_of_live_workers("signal") == {(1, 0), (1, 5), (2, -1)}
    assert state.in_progress_of_live_workers("model") == set()
    state.ready[1] = 0
    assert state.in_progress_of_live_workers("signal") == {(1, 0), (1, 5)}


# The table of what is in progress


def test_what_a_process_works_on_is_replaced() -> None:
    table = InProgressTable(SharedMemory(), 3)
    table.enter(2, 1, 500)
    assert table.of_process(range(3), 500) == frozenset()
    table.set(2, 1, [(7, 0), (7, 3), (9, -1)])
    assert table.of_process(range(3), 500) == {(7, 0), (7, 3), (9, -1)}
    table.set(2, 1, [(8, 1)])
    assert table.of_process(range(3), 500) == {(8, 1)}
    table.set(2, 1, [])
    assert table.of_process(range(3), 500) == frozenset()


def test_rows_do_not_touch_each_other() -> None:
    table = InProgressTable(SharedMemory(), 3)
    full = [[(row + 1, index) for index in range(MAX_KEYS)] for row in range(3)]
    for row in range(3):
        for start in (1, 2):
            table.enter(row, start, 100 * row + start)
            table.set(row, start, full[row])
    for row in range(3):
        for start in (1, 2):
            assert table.of_process(range(3), 100 * row + start) == set(full[row])


def test_a_replacement_leaves_its_predecessors_entry() -> None:
    """The HTTP processes may read it after the replacement has registered."""
    table = InProgressTable(SharedMemory(), 2)
    table.enter(1, 1, 500)
    table.set(1, 1, [(7, 2)])
    table.enter(1, 2, 501)
    table.set(1, 2, [(8, 0)])
    assert table.of_process([1], 500) == {(7, 2)}
    assert table.of_process([1], 501) == {(8, 0)}
    table.enter(1, 3, 502)
    assert table.of_process([1], 500) == frozenset()
    assert table.of_process([1], 502) == frozenset()
    assert table.of_process([1], 501) == {(8, 0)}


def test_a_process_is_found_in_the_given_rows_only() -> None:
    table = InProgressTable(SharedMemory(), 2)
    table.enter(1, 1, 500)
    table.set(1, 1, [(7, 2)])
    assert table.of_process([0], 500) == frozenset()
    assert table.of_process([0], 0) == frozenset()


def test_the_largest_batch_fits() -> None:
    table = InProgressTable(SharedMemory(), 1)
    table.enter(0, 1, 500)
    table.set(0, 1, [(1, index) for index in range(MAX_KEYS)])
    with pytest.raises(AssertionError, match=rf"{MAX_KEYS + 1} recordings"):
        table.set(0, 1, [(1, index) for index in range(MAX_KEYS + 1)])
    assert max(MAX_BATCH_SEGMENTS.values()) <= MAX_KEYS


def _write_from_child(state: SharedState) -> None:
    state.draining.value = 1
    state.slots[5] = 77
    state.in_progress.enter(4, 1, 500)
    state.in_progress.set(4, 1, [(3, 2)])


def test_a_spawned_process_shares_the_tables(state: SharedState) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_write_from_child, args=(state,))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert state.draining.value == 1
    assert state.slots[5] == 77
    assert state.in_progress.of_process([4], 500) == {(3, 2)}


# Processes


def test_this_process_is_alive_and_no_other() -> None:
    assert is_alive(os.getpid())
    assert not any(is_alive(pid) for pid in (0, -1, NO_PID))


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert is_alive(child.pid)
    finally:
        child.send_signal(signal.SIGKILL)
    # Ended and not waited for: a zombie.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(child.pid)
    child.wait()
    assert not is_alive(child.pid)
