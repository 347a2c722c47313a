"""Read an uploaded JSON file that holds one record of docs/api.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from errors import SeveralRecordings, UnknownFormat
from formats.hints import Hints
from formats.json.signals import loads
from formats.mapping import record_from_mapping, with_hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord

_BOM: Final = b"\xef\xbb\xbf"
_DETECTED_BYTES: Final = 64


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the file's one record.

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
            "the JSON file holds several records; an uploaded file holds one, send many as a JSON "
            "body"
        )
    merged, warnings = with_hints(mapping, hints)
    return record_from_mapping(merged).with_warnings(*warnings)


def _detect(part: Part) -> bool:
    start = part.data[:_DETECTED_BYTES].removeprefix(_BOM).lstrip()
    if not start.startswith(b"{"):
        return False
    return b'"signal"' in part.data or b'"records"' in part.data


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
