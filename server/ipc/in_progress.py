"""What each worker is at, in shared memory: written before it begins, read by the HTTP processes once it has ended.

A worker's row is its successor's soon after, so each row has two halves, of which the processes of that row take turns.
"""

from __future__ import annotations

import ctypes
import multiprocessing
from collections.abc import Iterable, Sequence

from server.ipc.messages import Key

MAX_KEYS = 128  # recordings in one batch
_CELLS = 2 + 2 * MAX_KEYS  # pid, number of keys, then uid and index of each


class InProgress:
    def __init__(self, rows: int) -> None:
        self._cells = multiprocessing.get_context("spawn").RawArray(
            ctypes.c_int64, rows * 2 * _CELLS
        )

    def enter(self, row: int, start: int, pid: int) -> None:
        """The row's `start`-th process comes in with nothing in hand."""
        at = _half(row, start)
        self._cells[at : at + 2] = [pid, 0]

    def begin(self, row: int, start: int, keys: Sequence[Key]) -> None:
        """These and nothing else are in hand from now on."""
        assert len(keys) <= MAX_KEYS, f"{len(keys)} in hand. This is a bug."
        at = _half(row, start)
        self._cells[at + 1] = 0  # until all are there, none counts
        self._cells[at + 2 : at + 2 + 2 * len(keys)] = [value for key in keys for value in key]
        self._cells[at + 1] = len(keys)

    def of(self, rows: Iterable[int], pid: int) -> frozenset[Key]:
        """What the process of one of these rows has, or had when it ended."""
        for at in (_half(row, start) for row in rows for start in (0, 1)):
            if self._cells[at] == pid:
                count = self._cells[at + 1]
                values = self._cells[at + 2 : at + 2 + 2 * count]
                return frozenset(zip(values[::2], values[1::2], strict=True))
        return frozenset()


def _half(row: int, start: int) -> int:
    return (2 * row + start % 2) * _CELLS
