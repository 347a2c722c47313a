"""HL7 version 2 messages in the encoding of vertical bars: segments, fields, components.

HL7 v2.6, chapter 2: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from errors import MalformedBody

SEGMENT_END: Final = "\r"
MSH: Final = "MSH"
# MSH-1 is the separator of fields itself, so its other fields are one place further left.
_ENCODING_AT: Final = 4  # of "MSH|^~\&": component, repetition, escape, subcomponent
_ENCODING_CHARS: Final = 4


@dataclass(frozen=True)
class Segment:
    """One segment. `fields[0]` is its name; in MSH, `fields[n]` is MSH-n too.

    text  as it was received
    """

    fields: Sequence[str]
    text: str
    separators: str

    @property
    def name(self) -> str:
        return self.fields[0]

    def field(self, number: int) -> str:
        """Return a field as it was received; "" where it is absent."""
        return self.fields[number] if number < len(self.fields) else ""

    def components(self, number: int) -> list[str]:
        """Return the components of the first repetition of a field, unescaped."""
        component, repetition, escape, _ = list(self.separators[1:])
        first = self.field(number).split(repetition)[0]
        return [self._unescaped(part, escape) for part in first.split(component)]

    def component(self, number: int, place: int = 1) -> str:
        """Return one component; "" where it is absent."""
        parts = self.components(number)
        return parts[place - 1].strip() if place <= len(parts) else ""

    def _unescaped(self, text: str, escape: str) -> str:
        if escape not in text:
            return text
        field, component, repetition, _, subcomponent = list(self.separators)
        plain = {"F": field, "S": component, "T": subcomponent, "R": repetition, "E": escape}
        mark = re.escape(escape)
        # Highlighting and hexadecimal data are left out: they are in no code, name or number.
        return re.sub(f"{mark}([^{mark}]*){mark}", lambda found: plain.get(found[1], ""), text)


@dataclass(frozen=True)
class Message:
    """A message whose header could be read. `segments[0]` is MSH."""

    segments: Sequence[Segment]

    @property
    def header(self) -> Segment:
        return self.segments[0]


def parse_message(content: bytes) -> Message:
    """Return a message. Raises MalformedBody where it does not begin with a header."""
    # Names, codes and numbers are ASCII in every character set of HL7 that begins with it.
    text = content.decode("latin-1").replace("\r\n", SEGMENT_END).replace("\n", SEGMENT_END)
    lines = [line for line in text.split(SEGMENT_END) if line.strip()]
    header = lines[0] if lines else ""
    separators = header[3 : 3 + 1 + _ENCODING_CHARS]
    is_header = header.startswith(MSH) and len(header) > _ENCODING_AT + _ENCODING_CHARS
    if not is_header or len(set(separators)) < len(separators) or header[8] != separators[0]:
        raise MalformedBody("MSH: the message has no header with its five separators")
    return Message([_segment(line, separators) for line in lines])


def _segment(line: str, separators: str) -> Segment:
    fields = line.split(separators[0])
    if fields[0] == MSH:
        fields.insert(1, separators[0])
    return Segment(fields, line, separators)
