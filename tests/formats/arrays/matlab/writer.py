"""Write MATLAB files of level 5 byte by byte, in either byte order; hostile ones too."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

INT8, UINT8, INT16, UINT16, INT32, UINT32, SINGLE, DOUBLE = 1, 2, 3, 4, 5, 6, 7, 9
INT64, UINT64, MATRIX, COMPRESSED, UTF8, UTF16, UTF32 = 12, 13, 14, 15, 16, 17, 18
CELL, STRUCTURE, OBJECT, CHARACTERS, SPARSE, DOUBLES, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 6, 16, 17
COMPLEX_BIT = 0x800
STORED = {
    "i1": INT8,
    "u1": UINT8,
    "i2": INT16,
    "u2": UINT16,
    "i4": INT32,
    "u4": UINT32,
    "f4": SINGLE,
    "f8": DOUBLE,
    "i8": INT64,
    "u8": UINT64,
}


class Writer:
    """Write elements in one byte order, "<" or ">"."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def words(self, *values: int) -> bytes:
        return struct.pack(f"{self.order}{len(values)}I", *(value % 2**32 for value in values))

    def element(self, kind: int, data: bytes) -> bytes:
        return self.words(kind, len(data)) + data + bytes(-len(data) % 8)

    def small(self, kind: int, data: bytes) -> bytes:
        """An element of at most 4 bytes within its tag."""
        return self.words(len(data) << 16 | kind) + data.ljust(4, b"\0")

    def header(self, kind: int, shape: Sequence[int], name: bytes = b"", flags: int = 0) -> bytes:
        return (
            self.element(UINT32, self.words(kind | flags, 0))
            + self.element(INT32, self.words(*shape))
            + self.element(INT8, name)
        )

    def array(
        self,
        kind: int,
        shape: Sequence[int],
        *content: bytes,
        name: bytes = b"",
        flags: int = 0,
    ) -> bytes:
        return self.element(MATRIX, self.header(kind, shape, name, flags) + b"".join(content))

    def numbers(self, values: object, dtype: str = "f8", name: bytes = b"") -> bytes:
        """Doubles, stored in another type."""
        array = np.atleast_2d(np.asarray(values))
        stored = array.astype(self.order + dtype).tobytes(order="F")
        return self.array(DOUBLES, array.shape, self.element(STORED[dtype], stored), name=name)

    def text(self, text: str, kind: int = UTF8, name: bytes = b"") -> bytes:
        suffix = "le" if self.order == "<" else "be"
        codec = {UTF16: f"utf-16-{suffix}", UINT16: f"utf-16-{suffix}", UTF32: f"utf-32-{suffix}"}
        data = text.encode(codec.get(kind, "utf-8"))
        return self.array(CHARACTERS, (1, len(text)), self.element(kind, data), name=name)

    def names(self, names: Sequence[bytes], length: int = 32) -> bytes:
        """The names of a structure's fields."""
        joined = b"".join(name.ljust(length, b"\0") for name in names)
        return self.small(INT32, self.words(length)) + self.element(INT8, joined)

    def structure(self, fields: dict[bytes, bytes], name: bytes = b"") -> bytes:
        return self.array(STRUCTURE, (1, 1), self.names(list(fields)), *fields.values(), name=name)

    def compressed(self, array: bytes) -> bytes:
        data = zlib.compress(array)
        return self.words(COMPRESSED, len(data)) + data

    def file(self, *arrays: bytes) -> bytes:
        mark = b"\x00\x01IM" if self.order == "<" else b"\x01\x00MI"
        text = b"MATLAB 5.0 MAT-file, written by a test".ljust(116)
        return text + bytes(8) + mark + b"".join(arrays)
