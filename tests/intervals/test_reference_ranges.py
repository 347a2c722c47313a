"""What lies outside of a published range for age and sex is flagged, with the source; nothing else is."""

from __future__ import annotations

import pytest

from intervals.reference_ranges import axis_deviation, flags, reference_range
from signals.record import Patient

MAN, WOMAN, UNKNOWN = Patient(60, "male"), Patient(60, "female"), Patient()
NORMAL = {
    "heart_rate_bpm": 70.0,
    "pr_ms": 160.0,
    "p_duration_ms": 104.0,
    "qrs_ms": 92.0,
    "qtc_bazett_ms": 420.0,
    "qrs_axis_deg": 40.0,
}


@pytest.mark.parametrize("patient", [MAN, WOMAN, UNKNOWN])
def test_an_ordinary_adult_has_no_flags(patient: Patient) -> None:
    assert flags(NORMAL, patient) == []


@pytest.mark.parametrize(
    ("name", "value", "patient"),
    [
        ("heart_rate_bpm", 49.0, MAN),
        ("heart_rate_bpm", 101.0, WOMAN),
        ("pr_ms", 201.0, MAN),
        ("pr_ms", 119.0, MAN),
        ("p_duration_ms", 121.0, MAN),
        ("qrs_ms", 111.0, MAN),
        ("qrs_ms", 100.0, Patient(10, None)),
        ("qrs_ms", 90.0, Patient(2, None)),
        ("qtc_fridericia_ms", 450.0, MAN),
        ("qtc_fridericia_ms", 460.0, WOMAN),
        ("qtc_bazett_ms", 360.0, WOMAN),
        ("qrs_axis_deg", -31.0, MAN),
        ("qrs_axis_deg", 91.0, MAN),
        ("qrs_axis_deg", -1.0, Patient(10, None)),
    ],
)
def test_a_value_out_of_its_range_is_flagged_with_its_source(
    name: str, value: float, patient: Patient
) -> None:
    (flag,) = (
        flags({**NORMAL, name: value}, patient)
        if patient.age_years == 60
        else flags({name: value}, patient)
    )
    assert (flag.name, flag.value) == (name, value)
    assert flag.range.source


@pytest.mark.parametrize(
    ("name", "value", "patient"),
    [
        ("qtc_bazett_ms", 455.0, WOMAN),
        ("qtc_bazett_ms", 380.0, MAN),
        ("qrs_ms", 110.0, MAN),
        ("pr_ms", 200.0, MAN),
        ("qrs_axis_deg", 115.0, Patient(12, None)),
    ],
)
def test_what_is_normal_for_this_patient_is_not(name: str, value: float, patient: Patient) -> None:
    assert flags({name: value}, patient) == []


def test_nothing_is_said_where_no_range_is_known() -> None:
    assert reference_range("rmssd_ms", MAN) is None
    assert reference_range("pr_ms", Patient(5, None)) is None
    assert flags({"rmssd_ms": 300.0, "qrs_ms": None, "pr_ms": float("nan")}, MAN) == []


def test_an_unknown_age_or_sex_is_said_so() -> None:
    found = reference_range("qtc_bazett_ms", UNKNOWN)
    assert found is not None
    assert "age unknown" in found.source
    assert "sex unknown" in found.source


@pytest.mark.parametrize(
    ("axis", "patient", "word"),
    [
        (40, MAN, "Normal"),
        (-45, MAN, "Left"),
        (120, MAN, "Right"),
        (-120, MAN, "Extreme"),
        (180, MAN, "Right"),
        (110, Patient(10, None), "Normal"),
        (-175, Patient(0.02, None), "Normal"),
    ],
)
def test_the_axis_has_a_word_for_the_age(axis: float, patient: Patient, word: str) -> None:
    assert axis_deviation(axis, patient) == word
