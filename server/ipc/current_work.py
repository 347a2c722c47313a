"""What each signal worker works on at the moment, in shared memory.

The supervisor reads it to end a worker whose work nobody awaits any more, or whose work takes too
much CPU time.
"""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass

from server.ipc.messages import Slot
from server.ipc.shared_memory import SharedMemory


@dataclass(frozen=True)
class Work:
    """One piece of work: a body to parse, or a recording to prepare.

    began_s        monotonic time
    deadline_s     monotonic time of its request's deadline
    cpu_at_start_s CPU time that the process had used when it began
    """

    began_s: float
    slot: Slot
    deadline_s: float
    cpu_at_start_s: float


class CurrentWorkTable:
    """One row for each worker, which the worker writes."""

    def __init__(self, memory: SharedMemory, rows: int) -> None:
        self._began_s = memory.array(ctypes.c_double, rows)
        self._slot_index = memory.array(ctypes.c_int64, rows)
        self._slot_generation = memory.array(ctypes.c_uint64, rows)
        self._deadline_s = memory.array(ctypes.c_double, rows)
        self._cpu_at_start_s = memory.array(ctypes.c_double, rows)

    def begin(self, row: int, slot: Slot, deadline_s: float) -> None:
        # `began_s` is 0 while the row is written, so that a reader does not combine two pieces.
        self._began_s[row] = 0.0
        self._slot_index[row] = slot.index
        self._slot_generation[row] = slot.generation
        self._deadline_s[row] = deadline_s
        # The times of /proc/PID/stat, with which the supervisor compares them.
        used = os.times()
        self._cpu_at_start_s[row] = used.user + used.system
        self._began_s[row] = time.monotonic()

    def end(self, row: int) -> None:
        self._began_s[row] = 0.0

    def of_row(self, row: int) -> Work | None:
        """Return what the worker works on, or None while it works on nothing."""
        began_s = self._began_s[row]
        slot = Slot(self._slot_index[row], self._slot_generation[row])
        work = Work(began_s, slot, self._deadline_s[row], self._cpu_at_start_s[row])
        # The same piece before and after the other cells were read.
        return work if began_s and began_s == self._began_s[row] else None
