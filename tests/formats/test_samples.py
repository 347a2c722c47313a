"""Every file of the shared collection is read, or refused, as its expected.json says."""

from __future__ import annotations

import pytest

from errors import UnknownFormat, UnknownLead
from formats.registry import known_formats, read
from signals.leads import canonical_lead
from tests.data import SHARED, requires_shared
from tests.formats.samples import FOLDER, MORE, assert_as_expected, expected, hints_of, parts_of

pytestmark = requires_shared

REFUSED = [name for name, entry in expected().items() if entry.get("expect") == "refuse"]
READABLE = [name for name in expected() if name not in REFUSED]
# Files with signals that are no standard leads.
NO_LEADS = [
    name for name in READABLE if not any(canonical_lead(lead) for lead in expected()[name]["leads"])
]
# This example states an origin of 2048 and no unit; its expected values do not include the origin.
WITHOUT_ORIGIN = "fhir/hl7_example_ekg_three_leads.xml"
# Not a measurement: expected.json copies those of one SCP file from its aECG twin, with a note.
NOTES = {"note"}


@pytest.mark.parametrize(
    "name", [name for name in READABLE if name not in (*NO_LEADS, WITHOUT_ORIGIN)]
)
def test_a_sample_is_read_as_expected(name: str) -> None:
    entry = expected()[name]
    record = read(parts_of(name), hints_of(name))
    leads = tuple(lead for lead in (canonical_lead(lead) for lead in entry["leads"]) if lead)
    assert_as_expected(record, entry, leads)
    assert record.units == "mV"


@pytest.mark.parametrize("name", [name for name in READABLE if expected()[name]["reported"]])
def test_measurements_of_the_device_are_returned(name: str) -> None:
    record = read(parts_of(name), hints_of(name))
    assert record.reported is not None
    stated = {key: value for key, value in expected()[name]["reported"].items() if key not in NOTES}
    measured = {
        key: value for key, value in stated.items() if value or key.endswith("_deg")
    }  # an interval of 0 is "not measured"
    found = record.reported.measurements
    assert {key: found.get(key) for key in measured} == measured


@pytest.mark.parametrize("name", NO_LEADS)
def test_signals_without_a_standard_lead_are_refused(name: str) -> None:
    with pytest.raises(UnknownLead, match="no standard lead"):
        read(parts_of(name), hints_of(name))


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_violates_its_standard_is_refused(name: str) -> None:
    with pytest.raises(UnknownFormat, match="SCP"):
        read(parts_of(name), hints_of(name))


def test_every_sample_is_listed_by_a_format_and_exists() -> None:
    listed = [
        sample.split(": ")[0] for known in known_formats() for sample in known.about.sample_files
    ]
    assert len(listed) == len(set(listed))
    more = {name for name in listed if name.startswith(MORE)}
    assert set(listed) - more == set(READABLE)
    assert all((FOLDER / name).is_file() for name in READABLE)
    assert all((SHARED / name).is_file() for name in more)
