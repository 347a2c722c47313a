"""A value outside of a published range for age and sex is flagged with its source; no other is."""

from __future__ import annotations

import pytest

from intervals.reference_ranges import Flag, Range, axis_deviation, flags, reference_range
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


# The last value inside and the first outside in steps of a tenth, as the sources in
# intervals/reference_ranges.py state them.
@pytest.mark.parametrize(
    ("name", "inside", "outside", "patient"),
    [
        ("heart_rate_bpm", 50.0, 49.9, MAN),
        ("heart_rate_bpm", 100.0, 100.1, WOMAN),
        ("pr_ms", 120.0, 119.9, MAN),
        ("pr_ms", 200.0, 200.1, MAN),
        ("p_duration_ms", 120.0, 120.1, MAN),
        ("qrs_ms", 110.0, 110.1, MAN),
        ("qrs_ms", 110.0, 110.1, Patient(16.1, None)),
        ("qrs_ms", 99.9, 100.0, Patient(16, None)),
        ("qrs_ms", 99.9, 100.0, Patient(4, None)),
        ("qrs_ms", 89.9, 90.0, Patient(3.9, None)),
        ("qtc_fridericia_ms", 449.9, 450.0, MAN),
        ("qtc_bazett_ms", 459.9, 460.0, WOMAN),
        ("qtc_hodges_ms", 459.9, 460.0, Patient(60, None)),
        ("qtc_bazett_ms", 360.1, 360.0, WOMAN),
        ("qrs_axis_deg", -30.0, -30.1, MAN),
        ("qrs_axis_deg", 90.0, 90.1, MAN),
        ("qrs_axis_deg", 0.0, -0.1, Patient(15.9, None)),
        ("qrs_axis_deg", -30.0, -30.1, Patient(16, None)),
        ("qrs_axis_deg", 120.0, 120.1, Patient(8, None)),
        ("qrs_axis_deg", 0.0, -0.1, Patient(7.9, None)),
        ("qrs_axis_deg", 140.0, 140.1, Patient(5, None)),
        ("qrs_axis_deg", 5.0, 4.9, Patient(4.9, None)),
        ("qrs_axis_deg", 100.0, 100.1, Patient(1, None)),
        ("qrs_axis_deg", 10.0, 9.9, Patient(0.9, None)),
        ("qrs_axis_deg", 120.0, 120.1, Patient(0.09, None)),
        ("qrs_axis_deg", 30.0, 29.9, Patient(0.08, None)),
        ("qrs_axis_deg", 180.0, 29.9, Patient(0.08, None)),
    ],
)
def test_a_value_outside_of_its_range_is_flagged_with_its_source(
    name: str, inside: float, outside: float, patient: Patient
) -> None:
    assert flags({name: inside}, patient) == []
    reference = reference_range(name, patient)
    assert reference is not None and ("AHA" in reference.source or "Bayes" in reference.source)
    assert flags({"rr_ms": 850.0, name: outside}, patient) == [Flag(name, outside, reference)]


def test_flags_are_in_the_order_of_the_values() -> None:
    values = {"qrs_ms": 130.0, "pr_ms": 160.0, "heart_rate_bpm": 120.0, "qtc_hodges_ms": 500.0}
    flagged = [(flag.name, flag.value) for flag in flags(values, MAN)]
    assert flagged == [("qrs_ms", 130.0), ("heart_rate_bpm", 120.0), ("qtc_hodges_ms", 500.0)]


def test_both_bounds_belong_to_a_range() -> None:
    bounded = Range(1.0, 2.0, "a source")
    assert [bounded.holds(value) for value in (0.9, 1.0, 2.0, 2.1)] == [False, True, True, False]
    assert [Range(None, 2.0, "").holds(value) for value in (-9.0, 2.1)] == [True, False]
    assert [Range(1.0, None, "").holds(value) for value in (0.9, 9.0)] == [False, True]


def test_without_a_source_there_is_no_flag() -> None:
    assert reference_range("rmssd_ms", MAN) is None
    assert reference_range("pr_ms", Patient(16, None)) is None
    assert reference_range("qtc_bazett_ms", Patient(5, "male")) is None
    assert reference_range("pr_ms", Patient(16.1, None)) is not None
    assert flags({"rmssd_ms": 300.0, "qrs_ms": None, "pr_ms": float("nan")}, MAN) == []


def test_an_unknown_age_or_sex_is_stated_in_the_source() -> None:
    unknown = reference_range("qtc_bazett_ms", UNKNOWN)
    assert unknown is not None and (unknown.low, unknown.high) == (360.1, 459.9)
    assert unknown.source.endswith(
        " (short) (sex unknown: range of women) (age unknown: range of adults)"
    )
    for patient in (MAN, WOMAN):
        known = reference_range("qtc_bazett_ms", patient)
        assert known is not None and "unknown" not in known.source
    assert reference_range("rmssd_ms", UNKNOWN) is None
    of_qrs = reference_range("qrs_ms", UNKNOWN)
    assert of_qrs is not None and (of_qrs.low, of_qrs.high) == (None, 110)


@pytest.mark.parametrize(
    ("axis", "patient", "word"),
    [
        (-30.0, MAN, "Normal"),
        (90.0, MAN, "Normal"),
        (-30.1, MAN, "Left"),
        (-90.0, MAN, "Left"),
        (-90.1, MAN, "Extreme"),
        (-180.0, MAN, "Extreme"),
        (90.1, MAN, "Right"),
        (180.0, MAN, "Right"),
        (110.0, Patient(10, None), "Normal"),
        (-10.0, Patient(10, None), "Left"),
        # A newborn's range is 30 to 190 degrees; 190 is measured as -170.
        (-170.0, Patient(0.02, None), "Normal"),
        (-169.9, Patient(0.02, None), "Extreme"),
        (180.0, Patient(0.02, None), "Normal"),
        (29.9, Patient(0.02, None), "Left"),
        (40.0, UNKNOWN, "Normal"),
    ],
)
def test_the_axis_has_a_word_for_the_age(axis: float, patient: Patient, word: str) -> None:
    assert axis_deviation(axis, patient) == word
