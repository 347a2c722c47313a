"""Patients as FHIR: an identifier becomes the name, and nothing else is kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from errors import MalformedBody
from station.patients.fhir_form import MAX_LINE_BYTES, rows_of_bundle, rows_of_ndjson
from station.patients.merge import Fault, Row

HOSPITAL = "https://hospital.example/patients"
STUDY = "https://study.example/participants"


def patient(*identifiers: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": list(identifiers),
        "name": [{"family": "Muster", "given": ["Erika"]}],
        "gender": "female",
        "birthDate": "1950-02-03",
        "address": [{"city": "Heidelberg"}],
    }


def identifier(value: Any, system: str = HOSPITAL) -> dict[str, Any]:
    return {"system": system, "value": value}


def ndjson(*resources: Any) -> bytes:
    return b"".join(orjson.dumps(resource) + b"\n" for resource in resources)


def test_only_the_identifier_is_kept() -> None:
    content = ndjson(patient(identifier("p-1")), patient(identifier("p-2")))
    rows = list(rows_of_ndjson([content[:100], content[100:]], None))
    assert rows == [Row(1, "p-1", {}), Row(2, "p-2", {})]
    bundle = {"resourceType": "Bundle", "entry": [{"resource": patient(identifier("p-1"))}]}
    assert list(rows_of_bundle(orjson.dumps(bundle), None)) == [Row(1, "p-1", {})]


def test_the_system_chooses_among_identifiers() -> None:
    both = patient(identifier("p-1"), identifier("s-1", STUDY))
    assert list(rows_of_ndjson([ndjson(both)], STUDY)) == [Row(1, "s-1", {})]
    (fault,) = rows_of_ndjson([ndjson(both)], None)
    assert fault == Fault(1, "identifier: 2; exactly one is required")
    (fault,) = rows_of_ndjson([ndjson(both)], "urn:other")
    assert fault == Fault(1, "identifier: 0 of this system; exactly one is required")


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"resourceType": "Observation"}, "resourceType: Patient is required"),
        ([], "resourceType: Patient is required"),
        ({"resourceType": "Patient"}, "identifier: 0"),
        ({"resourceType": "Patient", "identifier": "p-1"}, "identifier: 0"),
        (patient("p-1"), "identifier: 0"),
        (patient(identifier("Erika Muster")), "identifier: 1 to 32 letters"),
        (patient(identifier(5)), "identifier: 1 to 32 letters"),
        (patient({"system": HOSPITAL}), "identifier: 1 to 32 letters"),
    ],
)
def test_a_resource_without_a_usable_identifier_is_refused(resource: Any, reason: str) -> None:
    good = patient(identifier("p-9"))
    fault, row = rows_of_ndjson([ndjson(resource, good)], None)
    assert row == Row(2, "p-9", {})
    assert isinstance(fault, Fault) and fault.reason.startswith(reason)
    assert "Erika" not in fault.reason


def test_lines_that_are_no_json_are_refused() -> None:
    long = b" " * (MAX_LINE_BYTES + 1) + b"\n"
    content = b"{\n\n" + long + b"[" * 2000 + b"\n" + ndjson(patient(identifier("p-9")))
    assert list(rows_of_ndjson([content], None)) == [
        Fault(1, "not JSON"),
        Fault(3, f"longer than {MAX_LINE_BYTES} bytes"),
        Fault(4, "not JSON"),
        Row(5, "p-9", {}),
    ]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", orjson.dumps(patient()), b"[" * 2000])
def test_what_is_no_bundle_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedBody):
        list(rows_of_bundle(content, None))


def test_entries_of_a_bundle_are_counted() -> None:
    entries = [5, {}, {"resource": patient(identifier("p-1"))}]
    bundle = orjson.dumps({"resourceType": "Bundle", "entry": entries})
    assert [row.place for row in rows_of_bundle(bundle, None)] == [1, 2, 3]
    assert list(rows_of_bundle(b'{"resourceType": "Bundle"}', None)) == []
    with pytest.raises(MalformedBody):
        list(rows_of_bundle(b'{"resourceType": "Bundle", "entry": 5}', None))
