"""Read an uploaded JSON file that contains one record as docs/api.md describes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from errors import SeveralRecordings, UnknownFormat
from formats.hints import Hints
from formats.json.signals import loads
from formats.mapping import record_from_mapping, with_hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord

_UTF8_MARK: Final = b"\xef\xbb\xbf"  # the byte order mark
# A record, several records, or a message of E-Monitor, which `read` refuses by its name.
_KNOWN_BY: Final = (b'"signal"', b'"records"', b'"original_frame"')
_START_BYTES: Final = 64  # the object's { must be among these first bytes


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Return the record that the JSON file `head` contains, completed by the hints.

    Raises SeveralRecordings for {"records": [...]}, UnknownFormat for JSON that is not an object,
    and the errors of `signals.loads` and `record_from_mapping`.
    """
    mapping = loads(head.data)
    if not isinstance(mapping, dict):
        raise UnknownFormat(
            "a JSON file that is not an object; a record with signal and fs is required"
        )
    if "records" in mapping:
        raise SeveralRecordings(
            "the JSON file contains a list of records; an uploaded file may contain one record; "
            "send several as a JSON body"
        )
    merged, warnings = with_hints(mapping, hints)
    return record_from_mapping(merged).with_warnings(*warnings)


def _detect(part: Part) -> bool:
    """Return whether a file starts with { and contains one of the known fields."""
    start = part.data[:_START_BYTES].removeprefix(_UTF8_MARK).lstrip()
    if not start.startswith(b"{"):
        return False
    return any(field in part.data for field in _KNOWN_BY) and (
        b'"voltageMeasurements"' not in part.data
    )


FORMAT = Format(
    name="JSON",
    detect=_detect,
    read=read,
    about=About(
        variants="a record as described in docs/api.md, in UTF-8",
        parser="simdjson, orjson",
        metadata="every field of a record",
        ignored="unknown fields, which are named in warnings",
        sample_files=(),
    ),
)
