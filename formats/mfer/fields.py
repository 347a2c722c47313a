"""Walk through MFER's encoding: tag, length, value, nested for channels and groups.

Source: ISO 22077-1:2015 (MFER part 1), https://www.mfer.org/en/document.htm
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from errors import CorruptFile
from formats.mfer import tags

MAX_CHANNELS: Final = 256
MAX_LENGTH_BYTES: Final = 4
MAX_DEPTH: Final = 4
MAX_FIELDS: Final = 100_000
# A length byte: the value ends with two zero bytes.
_INDEFINITE: Final = 0x80
# A length byte with this bit holds the number of bytes of the length that follows.
_LONG_LENGTH: Final = 0x80
_TOO_DEEP: Final = f"the definitions of the MFER file are nested deeper than {MAX_DEPTH} levels"


@dataclass(frozen=True)
class Field:
    """One tag with its value. `channel` is the channel, from 0, that it is defined for."""

    tag: int
    value: bytes
    channel: int | None = None


def parse_fields(data: bytes) -> Iterator[Field]:
    """Yield all fields, including those within channels and groups. Raises CorruptFile."""
    yield from _Walk(data).fields(0, len(data), None, 0)


class _Walk:
    """Walks through the tags of one file, up to MAX_FIELDS of them.

    Tags without a value take two bytes, so a file of 64 MB could have millions. Groups count too,
    and so do the tags of a value of indefinite length, which are passed once more for each level
    to find where it ends.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_FIELDS
        self._passed_left = MAX_FIELDS * MAX_DEPTH

    def fields(self, at: int, end: int, channel: int | None, depth: int) -> Iterator[Field]:
        """Yield the fields from `at` to `end`, which `channel` and `depth` are those of."""
        if depth > MAX_DEPTH:
            raise CorruptFile(_TOO_DEEP)
        data = self._data
        while at < end:
            tag = data[at]
            at += 1
            # Zero bytes between fields are padding.
            if tag == 0:
                continue
            self._left -= 1
            self._check_left()
            if tag == tags.END:
                # The bytes after the end of the whole file, for a warning.
                if depth == 0:
                    yield Field(tag, data[at:end])
                return
            inner_channel = channel
            if tag == tags.ATTRIBUTE:
                inner_channel, at = _channel_number(data, at, end)
            start, stop, at = self._extent(at, end, depth)
            if tag in (tags.ATTRIBUTE, tags.GROUP):
                yield from self.fields(start, stop, inner_channel, depth + 1)
            else:
                yield Field(tag, data[start:stop], inner_channel)

    def _check_left(self) -> None:
        if self._left < 0 or self._passed_left < 0:
            raise CorruptFile(f"the MFER file has more than {MAX_FIELDS} tags")

    def _extent(self, at: int, end: int, depth: int) -> tuple[int, int, int]:
        """Read the length at `at`; return start and stop of the value and where the next tag is."""
        if at >= end:
            raise CorruptFile("the MFER file ends within a tag")
        length = self._data[at]
        at += 1
        if length == _INDEFINITE:
            stop, following = self._end_of_contents(at, end, depth + 1)
            return at, stop, following
        if length & _LONG_LENGTH:
            count = length & 0x7F
            if count > MAX_LENGTH_BYTES or at + count > end:
                raise CorruptFile("the MFER file has a tag whose length cannot be read")
            length = int.from_bytes(self._data[at : at + count], "big")
            at += count
        if at + length > end:
            raise CorruptFile(f"MFER tag: {length} bytes stated, {end - at} are left")
        return at, at + length, at + length

    def _end_of_contents(self, at: int, end: int, depth: int) -> tuple[int, int]:
        """Return the end of an indefinite value and the position after its two zero bytes."""
        if depth > MAX_DEPTH:
            raise CorruptFile(_TOO_DEEP)
        data = self._data
        while at + 1 < end:
            if data[at] == data[at + 1] == 0:
                return at, at + 2
            tag = data[at]
            at += 1
            if tag == 0:
                continue
            self._passed_left -= 1
            self._check_left()
            if tag == tags.ATTRIBUTE:
                _, at = _channel_number(data, at, end)
            *_, at = self._extent(at, end, depth)
        raise CorruptFile("a definition of the MFER file has no end")


def _channel_number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of seven bits per byte and the position after it.

    The highest bit of a byte says that another one follows.
    """
    number = 0
    while at < end and number < MAX_CHANNELS:
        byte = data[at]
        at += 1
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            return number, at
    raise CorruptFile("the MFER file has a channel number that is too large or cut off")
