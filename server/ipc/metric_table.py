"""The counts of all processes, in shared memory: one row for each place of a process.

A row has one writer, the process in its place, so there are no locks between processes. A
replacement continues the row of the process that it replaces: counts never decrease.
prometheus_client would map a file for each process instead. Where the disk is full, that ends the
process with SIGBUS, and the files of processes that were killed are left behind.

A row is a list of series, in the order of their first use. Each has an entry in the row's directory
(its key's length, its number of cells, its key) and its cells, which follow those of the series
before it.
"""

from __future__ import annotations

import ctypes
import json
import struct
from collections.abc import Iterator
from typing import Final

from server.ipc.shared_memory import SharedMemory

SeriesKey = tuple[str, ...]  # the family's name, then the values of its labels
# Enough for 1,000 series with keys of 56 bytes, or for 480 histograms of 17 cells. A process of
# today's server has fewer than 150 series.
DIRECTORY_BYTES: Final = 64 << 10
CELLS: Final = 8192
_ENTRY: Final = struct.Struct("<II")


class MetricTable:
    def __init__(self, memory: SharedMemory, rows: int) -> None:
        self.rows = tuple(MetricRow(memory) for _ in range(rows))

    def totals(self) -> dict[SeriesKey, list[float]]:
        """Return the cells of each series, summed over the rows."""
        totals: dict[SeriesKey, list[float]] = {}
        for row in self.rows:
            for key, start, count in row.series():
                cells = row.cells[start : start + count]
                known = totals.get(key)
                totals[key] = cells if known is None else _sums(known, cells)
        return totals


def _sums(first: list[float], second: list[float]) -> list[float]:
    return [a + b for a, b in zip(first, second, strict=True)]


class MetricRow:
    """The series of one process.

    cells  the values; the writer of the row adds to them
    """

    def __init__(self, memory: SharedMemory) -> None:
        self._directory = memory.array(ctypes.c_uint8, DIRECTORY_BYTES)
        self._used_bytes = memory.value(ctypes.c_int64)
        self.cells = memory.array(ctypes.c_double, CELLS)

    def series(self) -> Iterator[tuple[SeriesKey, int, int]]:
        """Yield the key, the first cell and the number of cells of each series."""
        directory = memoryview(self._directory).cast("B")
        used_bytes, offset, start = int(self._used_bytes.value), 0, 0
        while offset < used_bytes:
            key_bytes, count = _ENTRY.unpack_from(directory, offset)
            offset += _ENTRY.size
            yield tuple(json.loads(bytes(directory[offset : offset + key_bytes]))), start, count
            offset += key_bytes
            start += count

    def add(self, key: SeriesKey, start: int, count: int) -> bool:
        """Enter a new series, whose cells are zeros. Return False where the row is full.

        start  the first cell after those of the other series
        """
        key_bytes = json.dumps(key).encode()
        entry = _ENTRY.pack(len(key_bytes), count) + key_bytes
        offset = int(self._used_bytes.value)
        if offset + len(entry) > DIRECTORY_BYTES or start + count > CELLS:
            return False
        memoryview(self._directory).cast("B")[offset : offset + len(entry)] = entry
        # Last: readers, and a replacement of this process, then find a whole entry or none.
        self._used_bytes.value = offset + len(entry)
        return True
