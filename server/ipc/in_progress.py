"""The recordings that each worker works on, in shared memory.

A worker writes its row before it begins; the HTTP processes read it after the worker has ended, to
know which recordings may have ended it. A replacement gets the same row, possibly before every HTTP
process has read it. So each row has two halves, and successive processes of a row alternate.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Final

from server.ipc.messages import RecordingKey
from server.ipc.shared_memory import SharedMemory

MAX_KEYS: Final = 128  # recordings in one batch; MAX_BATCH_SEGMENTS of a CUDA device
# A half holds the pid, whether the process was killed as too costly, the number of keys, then uid
# and index of each key.
_PID, _TOO_COSTLY, _COUNT, _KEYS = 0, 1, 2, 3
_HALF_CELLS: Final = _KEYS + 2 * MAX_KEYS


class InProgressTable:
    """One row for each worker. `start` is the ordinal of the worker's process in its row."""

    def __init__(self, memory: SharedMemory, rows: int) -> None:
        self._cells = memory.array(ctypes.c_int64, 2 * rows * _HALF_CELLS)

    def enter(self, row: int, start: int, pid: int) -> None:
        """Register the row's new process, which works on nothing yet."""
        half = _half_offset(row, start)
        self._cells[half + _PID] = pid
        self._cells[half + _TOO_COSTLY] = 0
        self._cells[half + _COUNT] = 0

    def set(self, row: int, start: int, keys: Sequence[RecordingKey]) -> None:
        """Replace the recordings that the process works on; the first is the present work."""
        assert len(keys) <= MAX_KEYS, f"{len(keys)} recordings in progress. This is a bug."
        half = _half_offset(row, start)
        values: list[int | ctypes.c_int64] = [value for key in keys for value in key]
        # The count is 0 while the keys are written: the process may end at any moment, and a
        # reader must not combine keys of two batches.
        self._cells[half + _COUNT] = 0
        self._cells[half + _KEYS : half + _KEYS + len(values)] = values
        self._cells[half + _COUNT] = len(keys)

    def of_process(self, rows: Iterable[int], pid: int) -> frozenset[RecordingKey]:
        """Return what a process works on, or worked on when it ended.

        rows  where to look for the process
        """
        half = self._half_of(rows, pid)
        return frozenset() if half is None else frozenset(self._keys(half))

    def set_too_costly(self, row: int, start: int) -> None:
        """Note that a process is killed for the CPU time that its present work takes.

        Only the main process calls it, before the kill.
        """
        self._cells[_half_offset(row, start) + _TOO_COSTLY] = 1

    def too_costly(self, rows: Iterable[int], pid: int) -> RecordingKey | None:
        """Return the recording for whose CPU time a process was killed; None for any other end."""
        half = self._half_of(rows, pid)
        if half is None or not self._cells[half + _TOO_COSTLY]:
            return None
        keys = self._keys(half)
        return keys[0] if keys else None

    def _half_of(self, rows: Iterable[int], pid: int) -> int | None:
        for row in rows:
            for start in (0, 1):
                half = _half_offset(row, start)
                if self._cells[half + _PID] == pid:
                    return half
        return None

    def _keys(self, half: int) -> list[RecordingKey]:
        count = self._cells[half + _COUNT]
        values = self._cells[half + _KEYS : half + _KEYS + 2 * count]
        return list(zip(values[::2], values[1::2], strict=True))


def _half_offset(row: int, start: int) -> int:
    return (2 * row + start % 2) * _HALF_CELLS
