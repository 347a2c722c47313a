"""MFER's definitions in force: what holds for each channel when a frame of samples comes.

Source: ISO 22077-1:2015 (MFER part 1), https://www.mfer.org/en/document.htm
"""

from __future__ import annotations

from dataclasses import dataclass, field

from errors import CorruptFile
from formats.mfer import tags
from formats.mfer.fields import MAX_CHANNELS, Field

# Tag -> value. Values stay bytes: their meaning depends on the byte order in force.
Values = dict[int, bytes]


@dataclass
class Definitions:
    """The definitions so far, of all channels and of single ones."""

    little_endian: bool = False
    channels: int = 1
    common: Values = field(default_factory=dict)
    by_channel: dict[int, Values] = field(default_factory=dict)

    def update(self, definition: Field) -> None:
        """Take over one field. Raises CorruptFile for a wrong byte order or number of channels."""
        tag = definition.tag
        value = definition.value
        channel = definition.channel
        if tag == tags.BYTE_ORDER:
            if value not in (b"", b"\0", b"\x01"):
                raise CorruptFile("the byte order of the MFER file is neither 0 nor 1")
            self.little_endian = value == b"\x01"
        elif tag in tags.CHANNEL_TAGS:
            values = self.common
            if channel is not None:
                values = self.by_channel.setdefault(channel, {})
            _set(values, tag, value)
        elif tag == tags.CHANNELS and channel is None:
            self._set_channels(value)

    def _set_channels(self, value: bytes) -> None:
        self.channels = self.integer(value) if value else 1
        # A number of channels resets their definitions.
        self.by_channel = {}
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise CorruptFile(
                f"MFER file: {self.channels} channels; 1 to {MAX_CHANNELS} are allowed"
            )

    def of_channel(self, channel: int) -> Values:
        """Return what holds for one channel."""
        values = dict(self.common)
        # A lead that is defined for all channels is that of the first one.
        if channel != 0:
            values.pop(tags.LEAD, None)
        return values | self.by_channel.get(channel, {})

    def integer(self, value: bytes, *, signed: bool = False) -> int:
        """Return an integer of up to 8 bytes in the byte order in force."""
        if self.little_endian:
            return int.from_bytes(value[:8], "little", signed=signed)
        return int.from_bytes(value[:8], "big", signed=signed)

    @property
    def byte_order(self) -> str:
        """The byte order in force, as struct and numpy spell it."""
        return "<" if self.little_endian else ">"


def _set(values: Values, tag: int, value: bytes) -> None:
    """Set a definition; an empty value restores the default."""
    if value:
        values[tag] = value
    else:
        values.pop(tag, None)
