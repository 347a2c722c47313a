"""MFER's tags, lengths and values: the definitions in force when waveform data comes.

Source: ISO 22077-1:2015 (MFER part 1), https://www.mfer.org/en/document.htm
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from errors import CorruptFile

BYTE_ORDER, TEXT_CODE, BLOCK, CHANNELS, SEQUENCES, WAVEFORM, LEAD, DATA_TYPE = (
    0x01,
    0x03,
    0x04,
    0x05,
    0x06,
    0x08,
    0x09,
    0x0A,
)
INTERVAL, RESOLUTION, OFFSET, COMPRESSION, NULL, MAKER, DATA, ATTRIBUTE = (
    0x0B,
    0x0C,
    0x0D,
    0x0E,
    0x12,
    0x17,
    0x1E,
    0x3F,
)
PREAMBLE, GROUP, END, AGE, SEX, TIME = 0x40, 0x67, 0x80, 0x83, 0x84, 0x85
OF_CHANNEL: Final = frozenset(
    {BLOCK, SEQUENCES, WAVEFORM, LEAD, DATA_TYPE, INTERVAL, RESOLUTION, OFFSET, NULL}
)
INDEFINITE: Final = 0x80  # as a length: up to two zero bytes
MAX_CHANNELS: Final = 256
MAX_LENGTH_BYTES: Final = 4
MAX_DEPTH: Final = 4
MAX_FIELDS: Final = 100_000


@dataclass(frozen=True)
class Field:
    """One tag with its value; `channel` for those of a channel's attributes, counted from 0."""

    tag: int
    value: bytes
    channel: int | None = None


@dataclass
class Definitions:
    """What has been said so far. Values stay bytes, as their meaning depends on the byte order in force."""

    little: bool = False
    channels: int = 1
    common: dict[int, bytes] = field(default_factory=dict)
    own: dict[int, dict[int, bytes]] = field(default_factory=dict)

    def take(self, found: Field) -> None:
        """Raises CorruptFile for a byte order or a number of channels that cannot be."""
        tag, value = found.tag, found.value
        if tag == BYTE_ORDER:
            if value not in (b"", b"\0", b"\x01"):
                raise CorruptFile("the byte order of the MFER file is neither 0 nor 1")
            self.little = value == b"\x01"
        elif tag == CHANNELS and found.channel is None:
            self.channels = self.whole(value) if value else 1
            self.own = {}  # a number of channels begins them anew
            if not 1 <= self.channels <= MAX_CHANNELS:
                raise CorruptFile(
                    f"the MFER file states {self.channels} channels; 1 to {MAX_CHANNELS} are read"
                )
        elif tag in OF_CHANNEL and found.channel is None:
            self._set(self.common, tag, value)
        elif tag in OF_CHANNEL and found.channel is not None:
            self._set(self.own.setdefault(found.channel, {}), tag, value)

    @staticmethod
    def _set(place: dict[int, bytes], tag: int, value: bytes) -> None:
        """No value brings back what holds without the tag."""
        if value:
            place[tag] = value
        else:
            place.pop(tag, None)

    def of(self, channel: int) -> dict[int, bytes]:
        """What holds for one channel; a lead that is said of all is the first one's."""
        common = {tag: value for tag, value in self.common.items() if tag != LEAD or channel == 0}
        return common | self.own.get(channel, {})

    def whole(self, value: bytes, *, signed: bool = False) -> int:
        return int.from_bytes(value[:8], "little" if self.little else "big", signed=signed)


def fields_of(data: bytes) -> Iterator[Field]:
    """Every tag down to the end, those within channels and groups too. Raises CorruptFile."""
    for count, found in enumerate(_walk(data, 0, len(data), None, 0)):
        if count == MAX_FIELDS:
            raise CorruptFile(f"the MFER file has more than {MAX_FIELDS} tags")
        yield found


def _walk(data: bytes, at: int, end: int, channel: int | None, depth: int) -> Iterator[Field]:
    if depth > MAX_DEPTH:
        raise CorruptFile("the MFER file's definitions lie within each other without end")
    while at < end:
        tag = data[at]
        at += 1
        if tag == 0:
            continue
        if tag == END:
            return
        inner = channel
        if tag == ATTRIBUTE:
            inner, at = _channel_number(data, at, end)
        start, stop, at = _extent(data, at, end, depth)
        if tag in (ATTRIBUTE, GROUP):
            yield from _walk(data, start, stop, inner, depth + 1)
        else:
            yield Field(tag, data[start:stop], inner)


def _channel_number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Seven bits a byte, the highest bit says that more follow."""
    number = 0
    while at < end and number < MAX_CHANNELS:
        number, more = number << 7 | data[at] & 0x7F, data[at] & 0x80
        at += 1
        if not more:
            return number, at
    raise CorruptFile("the MFER file names a channel that cannot be")


def _extent(data: bytes, at: int, end: int, depth: int) -> tuple[int, int, int]:
    """Where the value behind a tag begins and ends, and where the next tag stands."""
    if at >= end:
        raise CorruptFile("the MFER file ends within a tag")
    first = data[at]
    at += 1
    if first == INDEFINITE:
        return at, *_to_end_of_contents(data, at, end, depth + 1)
    count = first & 0x7F if first & 0x80 else 0
    if count > MAX_LENGTH_BYTES or at + count > end:
        raise CorruptFile("the MFER file has a tag whose length cannot be read")
    length = int.from_bytes(data[at : at + count], "big") if count else first
    at += count
    if at + length > end:
        raise CorruptFile(f"a tag of the MFER file states {length} bytes; {end - at} are there")
    return at, at + length, at + length


def _to_end_of_contents(data: bytes, at: int, end: int, depth: int) -> tuple[int, int]:
    """The value's end and the place behind its two zero bytes."""
    if depth > MAX_DEPTH:
        raise CorruptFile("the MFER file's definitions lie within each other without end")
    while at + 1 < end:
        if data[at] == data[at + 1] == 0:
            return at, at + 2
        tag, at = data[at], at + 1
        if tag == 0:
            continue
        if tag == ATTRIBUTE:
            _, at = _channel_number(data, at, end)
        *_, at = _extent(data, at, end, depth)
    raise CorruptFile("a definition of the MFER file has no end")
