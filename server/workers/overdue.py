"""Signal workers are killed that work on what nobody awaits, or that use too much CPU time.

A worker looks at the deadline between two pieces of work. Within one it may be in foreign code for
as long as a hostile body makes it; then only another process can end it.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path
from typing import Final

from server.ipc.current_work import Work
from server.ipc.shared_state import SharedState, is_alive

logger = logging.getLogger("ecg.supervisor")

# Of one piece of work, after its deadline or after its client has left. It costs less to finish an
# ordinary piece than to replace the worker, which takes some 2 s of CPU time.
GRACE_S: Final = 5.0
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class OverdueWork:
    """Ends signal workers that have worked on one piece for too long."""

    def __init__(self, state: SharedState, max_cpu_s: float) -> None:
        self._state = state
        self._max_cpu_s = max_cpu_s
        # For each row the time at which its piece of work began, and since when nobody awaits it.
        self._unawaited: dict[int, tuple[float, float]] = {}

    def kill_workers(self) -> None:
        """Kill each worker whose piece of work is overdue or too costly."""
        for row in self._state.rows["signal"]:
            work = self._state.work.of_row(row)
            if work is None or self._state.killed_start[row] == self._state.starts[row]:
                continue
            pid = int(self._state.pid[row])
            if not is_alive(pid):
                continue
            cpu_s = _cpu_s(pid) - work.cpu_at_start_s
            unawaited_s = self._unawaited_s(row, work)
            if cpu_s > self._max_cpu_s:
                logger.error(
                    "worker %d: %.1f s of CPU time for one piece of work; the limit is %g s "
                    "(ECG_MAX_CPU_SECONDS); the worker is killed and replaced",
                    *(pid, cpu_s, self._max_cpu_s),
                )
                self._kill(row, pid, too_costly=True)
            elif unawaited_s > GRACE_S:
                logger.error(
                    "worker %d: still busy %.1f s after its client has left or the deadline has "
                    "passed; the worker is killed and replaced",
                    *(pid, unawaited_s),
                )
                self._kill(row, pid, too_costly=False)

    def _unawaited_s(self, row: int, work: Work) -> float:
        """Return for how long nobody has awaited the work; 0 while somebody does."""
        now_s = time.monotonic()
        if self._state.is_awaited(work.slot):
            return max(0.0, now_s - work.deadline_s)
        began_s, since_s = self._unawaited.get(row, (0.0, 0.0))
        if began_s != work.began_s:
            since_s = now_s
            self._unawaited[row] = (work.began_s, since_s)
        return now_s - since_s

    def _kill(self, row: int, pid: int, *, too_costly: bool) -> None:
        # Both before the kill: afterwards the row may belong to the replacement already.
        if too_costly:
            self._state.in_progress.set_too_costly(row, self._state.starts[row])
        self._state.killed_start[row] = self._state.starts[row]
        os.kill(pid, signal.SIGKILL)


def _cpu_s(pid: int) -> float:
    """Return the CPU time that a process has used; 0 if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0.0
    # proc_pid_stat(5): utime and stime are the fields 14 and 15; the second field is in
    # parentheses and may hold any bytes.
    fields = stat.rsplit(b")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
