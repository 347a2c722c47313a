"""The data elements of a MATLAB file of level 5: a type, a number of bytes, and the bytes.

No element is believed to be longer than the bytes around it. Source: MathWorks, MAT-File Format,
https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf, "Level 5 MAT-File Format".
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from errors import UnsafeFile
from formats.archive import MAX_RATIO, allowed_bytes
from formats.arrays.matlab.values import damaged

MATRIX: Final = 14
COMPRESSED: Final = 15

# Ten minutes of twelve leads at 2000 Hz as doubles are 110 MiB.
MAX_INFLATED_BYTES: Final = 128 << 20
_TAG_BYTES: Final = 8
_SMALL_BYTES: Final = 4  # the longest content of an element that fits into its tag
_ALIGNMENT_BYTES: Final = 8


@dataclass(frozen=True)
class Element:
    """An element without its tag; `kind` is its type number."""

    kind: int
    data: memoryview


class Elements:
    """The elements within an array, one after another."""

    def __init__(self, content: memoryview, byte_order: str) -> None:
        """byte_order: "<" or ">", as in `struct`."""
        self._content = content
        self._tag = struct.Struct(byte_order + "II")
        self._at = 0

    def next(self) -> Element:
        """Return the next element. Raises CorruptFile if there is none or if it is cut off."""
        start = self._at + _TAG_BYTES
        if start > len(self._content):
            raise damaged()
        kind, size = self._tag.unpack_from(self._content, self._at)
        # In an element that fits into its tag the size is the upper half of the first word.
        if small_size := kind >> 16:
            if small_size > _SMALL_BYTES:
                raise damaged()
            self._at = start
            small_start = start - _SMALL_BYTES
            return Element(kind & 0xFFFF, self._content[small_start : small_start + small_size])
        end = start + size
        if end > len(self._content):
            raise damaged()
        self._at = end + -size % _ALIGNMENT_BYTES
        return Element(kind, self._content[start:end])


def matrices(content: memoryview, byte_order: str) -> Iterator[memoryview]:
    """Yield the content of each array of a file, inflated if it is compressed.

    content  the file without its header

    Raises UnsafeFile (they unpack to too much), CorruptFile.
    """
    tag = struct.Struct(byte_order + "II")
    limit = min(MAX_INFLATED_BYTES, allowed_bytes(len(content)))
    inflated_bytes = 0
    at = 0
    while at < len(content):
        start = at + _TAG_BYTES
        if start > len(content):
            raise damaged()
        kind, size = tag.unpack_from(content, at)
        # Files exist whose last array lacks the bytes that pad it. A cut within the data is noticed
        # when these are read.
        at = start + size
        array = content[start:at]
        if kind == COMPRESSED:
            array = _inflate(array, tag, limit - inflated_bytes)
            inflated_bytes += len(array)
        elif kind != MATRIX:
            raise damaged()
        if not array:
            raise damaged()
        yield array


def _inflate(compressed: memoryview, tag: struct.Struct, limit: int) -> memoryview:
    """Return the content of the one array that an element holds in compressed form.

    The array's own tag states its size, so no more is inflated than that.
    Raises UnsafeFile if it states more than `limit`, CorruptFile if the size is wrong.
    """
    stream = zlib.decompressobj()
    try:
        tag_bytes = stream.decompress(compressed, _TAG_BYTES)
        if len(tag_bytes) < _TAG_BYTES:
            raise damaged()
        kind, size = tag.unpack(tag_bytes)
        if kind != MATRIX:
            raise damaged()
        if size > limit:
            raise UnsafeFile(
                f"the MATLAB file would unpack to more than {MAX_INFLATED_BYTES} bytes, "
                f"or to more than {MAX_RATIO} times its size"
            )
        # One byte more than stated shows that the size is wrong.
        array = stream.decompress(stream.unconsumed_tail, size + 1)
    except zlib.error:
        raise damaged() from None
    if len(array) != size or not stream.eof:
        raise damaged()
    return memoryview(array)
