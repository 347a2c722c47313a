"""Patients as FHIR R4 Patient resources: a Bundle, or NDJSON as a bulk export writes it.

An identifier becomes the name. Nothing else of a resource is kept, neither names of people nor
dates of birth. https://hl7.org/fhir/R4/patient.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from errors import MalformedBody
from station.names import NAME_RULE, is_name
from station.patients.lines import lines_of
from station.patients.merge import Fault, Row

MAX_LINE_BYTES: Final = 1024 * 1024  # a resource may have a photograph


def rows_of_ndjson(chunks: Iterable[bytes], system: str | None) -> Iterator[Row | Fault]:
    """Yield a row or its fault for each resource.

    system  of the identifier that becomes the name; None where each patient has one identifier
    """
    for number, line in enumerate(lines_of(chunks, MAX_LINE_BYTES), start=1):
        if line is None:
            yield Fault(number, f"longer than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            try:
                resource = orjson.loads(line)
            except orjson.JSONDecodeError:
                yield Fault(number, "not JSON")
            else:
                yield _row(number, resource, system)


def rows_of_bundle(content: bytes, system: str | None) -> Iterator[Row | Fault]:
    """Yield a row or its fault for each entry. Raises MalformedBody."""
    try:
        bundle = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"body: no JSON at line {error.lineno}, column {error.colno}") from None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise MalformedBody("resourceType: Bundle is required; send several resources as NDJSON")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise MalformedBody("entry: a list is required")
    for number, entry in enumerate(entries, start=1):
        yield _row(number, entry.get("resource") if isinstance(entry, dict) else None, system)


def _row(place: int, resource: Any, system: str | None) -> Row | Fault:
    if not isinstance(resource, dict) or resource.get("resourceType") != "Patient":
        return Fault(place, "resourceType: Patient is required")
    identifiers = resource.get("identifier")
    values = [
        identifier.get("value")
        for identifier in (identifiers if isinstance(identifiers, list) else [])
        if isinstance(identifier, dict) and system in (None, identifier.get("system"))
    ]
    if len(values) != 1:
        of_system = "" if system is None else " of this system"
        return Fault(place, f"identifier: {len(values)}{of_system}; exactly one is required")
    (name,) = values
    if not isinstance(name, str) or not is_name(name):
        return Fault(place, f"identifier: {NAME_RULE}")
    return Row(place, name, {})
