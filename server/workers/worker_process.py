"""What every worker process does for itself: say that it lives, end with its parent, leave Ctrl-C to the parent."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time

from server.ipc.messages import Stage
from server.ipc.shared_state import SharedState

BEAT_EVERY_S = 0.5
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True)


def end_with_parent(parent_pid: int) -> None:
    """Have the kernel end this process when its parent ends, so that a killed main process leaves nothing behind."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_pid:  # it ended before the line above
        os._exit(1)


def enter_worker(state: SharedState, stage: Stage) -> int:
    """Register this process in the shared tables; gives its row."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(state.main_pid)
    row = state.rows[stage][int(os.environ["LITSERVE_WORKER_ID"])]
    state.ready[row] = 0
    state.busy_since_s[row] = 0.0
    state.starts[row] += 1
    state.failures[row] += 1
    state.in_progress.enter(row, state.starts[row], os.getpid())
    state.pid[row] = os.getpid()
    return row


def worker_is_ready(state: SharedState, row: int) -> None:
    state.failures[row] = 0
    state.beat_s[row] = time.monotonic()
    threading.Thread(target=_beat, args=(state, row), daemon=True, name="heartbeat").start()
    state.ready[row] = 1


def _beat(state: SharedState, row: int) -> None:
    """Say that this process still runs: one that is stopped, or stuck in foreign code, falls silent."""
    while True:
        time.sleep(BEAT_EVERY_S)
        state.beat_s[row] = time.monotonic()
