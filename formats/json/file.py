"""An uploaded JSON file that is a record of docs/api.md."""

from __future__ import annotations

from collections.abc import Sequence

from errors import SeveralRecordings, UnknownFormat
from formats.hints import Hints
from formats.json.signals import loads
from formats.mapping import record_from_mapping, with_hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """The file's one record. Raises as `json_signals.loads` and `record_from_mapping`; SeveralRecordings for {"records": [...]}."""
    mapping = loads(head.data)
    if not isinstance(mapping, dict):
        raise UnknownFormat("a JSON file that is no object; a record with signal and fs is read")
    if "records" in mapping:
        raise SeveralRecordings(
            "the JSON file holds records; one recording a file is read here, many as a JSON body of their own"
        )
    merged, warnings = with_hints(mapping, hints)
    return record_from_mapping(merged).with_warnings(*warnings)


def _detect(part: Part) -> bool:
    start = part.data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return start == b"{" and (b'"signal"' in part.data or b'"records"' in part.data)


FORMAT = Format(
    name="JSON",
    detect=_detect,
    read=read,
    about=About(
        variants="a record as docs/api.md has it, in UTF-8",
        parser="simdjson, orjson",
        metadata="every field of a record",
        ignored="unknown fields, named in warnings",
        sample_files=(),
    ),
)
