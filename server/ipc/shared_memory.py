"""Arrays in memory that the server's processes share.

The memory is anonymous (memfd_create(2)). multiprocessing.RawArray maps a sparse file in /dev/shm
or TMPDIR instead: where that file system is full, the first write to a page ends the process with
SIGBUS. Here every page is allocated when the array is made, which is where it fails, with OSError.

    memory = SharedMemory()
    counts = memory.array(ctypes.c_int64, 100)

Arrays are ctypes arrays, filled with zeros. A forked process inherits them. A spawned process
receives them as arguments, as it does multiprocessing's own; they cannot be pickled otherwise.
There are no locks: let each cell have one writer.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from multiprocessing import reduction
from multiprocessing.context import assert_spawning
from typing import Any, Final, TypeVar

DataT = TypeVar("DataT", bound="ctypes._SimpleCData[Any]")
# Each array starts in a cache line of its own, so that its writer does not slow down those of
# the arrays next to it. 64 bytes on x86-64 and on most ARM processors.
ALIGNED_BYTES: Final = 64
BLOCK_BYTES: Final = 1 << 16  # an array that is larger gets a block of its own size


class SharedMemory:
    """Makes arrays. All arrays of one object share few descriptors: one for each block."""

    def __init__(self) -> None:
        self._block: _Block | None = None
        self._used_bytes = 0

    def array(self, kind: type[DataT], length: int) -> ctypes.Array[DataT]:
        """Return a new array of zeros. Raises OSError where there is no memory for it."""
        array: ctypes.Array[DataT] = self._place(kind, length)
        return array

    def value(self, kind: type[DataT]) -> DataT:
        """Return a new single cell, 0. Raises OSError where there is no memory for it."""
        value: DataT = self._place(kind, None)
        return value

    def _place(self, kind: type[Any], length: int | None) -> Any:
        size_bytes = ctypes.sizeof(kind) * (1 if length is None else length)
        if self._block is None or self._used_bytes + size_bytes > self._block.size_bytes:
            self._block = _Block.create(max(size_bytes, BLOCK_BYTES))
            self._used_bytes = 0
        placed = _placed(self._block, kind, length, self._used_bytes)
        self._used_bytes += -(-size_bytes // ALIGNED_BYTES) * ALIGNED_BYTES
        return placed


class _Block:
    """A mapped memory file. It takes over the descriptor."""

    def __init__(self, file: int, size_bytes: int) -> None:
        try:
            self.size_bytes = size_bytes
            self.mapped = mmap.mmap(file, size_bytes)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    @classmethod
    def create(cls, size_bytes: int) -> _Block:
        file = os.memfd_create("ecg-shared", os.MFD_CLOEXEC)
        try:
            os.posix_fallocate(file, 0, size_bytes)
        except BaseException:
            os.close(file)
            raise
        return cls(file, size_bytes)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def __reduce__(self) -> tuple[Any, ...]:
        assert_spawning(self)
        return _received_block, (reduction.DupFd(self._file), self.size_bytes)


def _received_block(file: Any, size_bytes: int) -> _Block:
    return _Block(file.detach(), size_bytes)


def _placed(block: _Block, kind: type[Any], length: int | None, offset: int) -> Any:
    """Return what lies at an offset of the block: an array, or a cell where `length` is None."""

    def reduce(_: object) -> tuple[Any, ...]:
        return _placed, (block, kind, length, offset)

    base: Any = kind if length is None else kind * length
    # A subclass, as ctypes pickles its own types by value: the receiver would have a copy.
    shared_kind: Any = type(base.__name__, (base,), {"__reduce__": reduce})
    return shared_kind.from_buffer(block.mapped, offset)
