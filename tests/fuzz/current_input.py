"""The input that the fuzzer reads at present, in a file that outlasts the fuzzer's process."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from tests.fuzz.corpus import MAX_BODY_BYTES
from tests.fuzz.inputs import HEAD_BYTES, MAX_QUERY_BYTES

MAX_BYTES = HEAD_BYTES + MAX_QUERY_BYTES + MAX_BODY_BYTES
_COUNT_AND_LENGTH = struct.Struct("<QQ")


class CurrentInput:
    """`count` inputs were begun; `data` is the last of them."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    @staticmethod
    def create(path: Path) -> None:
        path.write_bytes(bytes(_COUNT_AND_LENGTH.size + MAX_BYTES))

    def begin(self, data: bytes) -> None:
        start = _COUNT_AND_LENGTH.size
        self._memory[start : start + len(data)] = data
        _COUNT_AND_LENGTH.pack_into(self._memory, 0, self.count + 1, len(data))

    @property
    def count(self) -> int:
        count: int
        count, _ = _COUNT_AND_LENGTH.unpack_from(self._memory)
        return count

    @property
    def data(self) -> bytes:
        _, length = _COUNT_AND_LENGTH.unpack_from(self._memory)
        start = _COUNT_AND_LENGTH.size
        return bytes(self._memory[start : start + length])
