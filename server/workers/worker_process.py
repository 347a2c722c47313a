"""What every worker process does: it registers, sends heartbeats, and ends with its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from server.ipc.messages import Stage
from server.ipc.shared_state import SharedState
from server.metric_families import count_into

HEARTBEAT_EVERY_S: Final = 0.5
# The HTTP processes come first where a core is short. On one core, with ten times the requests that
# it can answer, the p99 of refusals was 40 ms with it and 570 ms without it
# (python -m benchmarks.under_fire).
NICENESS: Final = 5
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True)


def end_with_parent(parent_pid: int) -> None:
    """Let the kernel kill this process when its parent ends (prctl(2)).

    So a killed main process leaves nothing running. Not SIGTERM: after it an HTTP process would
    wait for answers that no worker gives any more, and keep the port.
    """
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have ended before the call, which then has no effect.
    if os.getppid() != parent_pid:
        os._exit(1)


def limit_memory(more_bytes: int, reserve_bytes: int = 0) -> None:
    """Let this process take that many bytes of address space more; then allocation fails.

    reserve_bytes  what `take_from_reserve` may allow beyond that
    """
    limit_bytes = _address_space_bytes() + more_bytes
    hard_bytes = limit_bytes + reserve_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        hard_bytes = min(hard_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (min(limit_bytes, hard_bytes), hard_bytes))


@contextlib.contextmanager
def take_from_reserve() -> Iterator[None]:
    """Let what the block loads for good add to the limit, as far as the reserve allows."""
    limit_bytes, hard_bytes = resource.getrlimit(resource.RLIMIT_AS)
    before_bytes = _address_space_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (hard_bytes, hard_bytes))
    try:
        yield
    finally:
        if limit_bytes != resource.RLIM_INFINITY:
            limit_bytes += max(0, _address_space_bytes() - before_bytes)
            if hard_bytes != resource.RLIM_INFINITY:
                limit_bytes = min(limit_bytes, hard_bytes)
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, hard_bytes))


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def register_worker(state: SharedState, stage: Stage) -> int:
    """Enter this process in the shared tables, as not ready. Return its row."""
    # A terminal sends Ctrl-C to the whole process group. The main process decides when the
    # workers end, after the requests in flight are answered.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(state.main_pid)
    os.nice(NICENESS)
    row = state.rows[stage][int(os.environ["LITSERVE_WORKER_ID"])]
    count_into(state.worker_metrics(row))
    state.ready[row] = 0
    state.busy_since_s[row] = 0.0
    if stage == "signal":
        state.work.end(row)
    state.backlog_since_s[row] = 0.0
    state.starts[row] += 1
    state.cannot_start[row] = 0
    # The pid last: who reads it finds the rest of the row in place.
    state.in_progress.enter(row, state.starts[row], os.getpid())
    state.pid[row] = os.getpid()
    return row


def set_worker_ready(state: SharedState, row: int) -> None:
    """Mark the worker as ready and start its heartbeat."""
    state.heartbeat_s[row] = time.monotonic()
    heartbeat = threading.Thread(target=_beat, args=(state, row), daemon=True, name="heartbeat")
    heartbeat.start()
    state.ready[row] = 1


def _beat(state: SharedState, row: int) -> None:
    # A process that is stopped, or is in foreign code that holds the GIL, sends no heartbeat.
    while True:
        # Without memory for an interval's objects, the next beat may have some.
        with contextlib.suppress(MemoryError):
            time.sleep(HEARTBEAT_EVERY_S)
            state.heartbeat_s[row] = time.monotonic()
