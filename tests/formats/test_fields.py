"""The fields of a record: values that are allowed, and errors with the field's path."""

from __future__ import annotations

import math
from typing import Any

import pytest

from errors import BadOption, BadSamplingRate, BadType, DurationMismatch
from formats import fields

LOC = ("records", 3, "patient", "age")


def test_a_path_is_shown_with_dots_and_indices() -> None:
    assert fields.dotted(LOC) == "records[3].patient.age"
    assert fields.dotted(("signal", 0, 5)) == "signal[0][5]"
    assert fields.dotted(("fs",)) == "fs"
    assert fields.dotted(()) == ""


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        ("x", "a string"),
        ([], "a list"),
        ({}, "an object"),
        (b"", "binary data"),
        (1, "a number"),
        (1.5, "a number"),
        ((), "another type"),
    ],
)
def test_types_are_named_as_in_json(value: object, name: str) -> None:
    assert fields.type_name(value) == name
    error = fields.wrong_type(value, LOC, "a date")
    assert error.detail == f"records[3].patient.age: found {name}; a date is required"
    assert error.errors[0].loc == LOC


@pytest.mark.parametrize(("value", "number"), [(5, 5.0), (-0.5, -0.5), (2**60, float(2**60))])
def test_a_number_is_a_float(value: object, number: float) -> None:
    found = fields.number(value, LOC)
    assert (found, type(found)) == (number, float)


@pytest.mark.parametrize("value", [True, "5", None, [5], b"5"])
def test_another_type_is_no_number(value: object) -> None:
    with pytest.raises(BadType, match=r"^records\[3\]\.patient\.age: found .*; a number is req"):
        fields.number(value, LOC)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_a_number_must_be_finite(value: object) -> None:
    with pytest.raises(BadType) as caught:
        fields.number(value, LOC)
    assert caught.value.detail == (
        "records[3].patient.age: found a number that is not finite; a finite number is required"
    )


def test_a_sampling_rate_is_above_0() -> None:
    assert fields.sampling_rate(0.001, ("fs",)) == 0.001
    for value in (0, -500):
        with pytest.raises(BadSamplingRate) as caught:
            fields.sampling_rate(value, ("fs",))
        assert caught.value.detail == f"fs: found {value:g} Hz; it must be above 0"


def test_a_positive_number_is_above_0_or_absent() -> None:
    assert fields.positive(None, ("gain",)) is None
    assert fields.positive(0.001, ("gain",)) == 0.001
    for value in (0, -0.001):
        with pytest.raises(BadType) as caught:
            fields.positive(value, ("gain",))
        assert caught.value.detail == f"gain: found {value:g}; it must be above 0"


def test_an_age_is_0_to_120_years_or_absent_and_never_in_the_message() -> None:
    assert fields.age_years(None, LOC) is None
    assert fields.age_years(0, LOC) == 0.0
    assert fields.age_years(120, LOC) == 120.0
    for value in (-0.25, 120.25):
        with pytest.raises(BadType) as caught:
            fields.age_years(value, LOC)
        found = "below 0" if value < 0 else "above 120"
        assert caught.value.detail == (
            f"records[3].patient.age: found a number {found}; 0 to 120 years are allowed"
        )


@pytest.mark.parametrize(
    ("value", "sex"),
    [
        ("male", "male"),
        (" M ", "male"),
        ("FEMALE", "female"),
        ("f", "female"),
        ("Other", "other"),
        (None, None),
    ],
)
def test_a_sex_is_one_of_five_words_in_any_case(value: object, sex: str | None) -> None:
    assert fields.sex(value, ("sex",)) == sex


def test_another_sex_is_refused() -> None:
    for value in ("w", "o", "femme", ""):
        with pytest.raises(BadOption) as caught:
            fields.sex(value, ("sex",))
        assert caught.value.detail == (
            "sex: found another string; male, female, m, f, other or null are allowed"
        )
    with pytest.raises(BadType) as wrong:
        fields.sex(1, ("sex",))
    assert wrong.value.detail == "sex: found a number; a string is required"


def test_a_string_has_a_length_limit() -> None:
    assert fields.string(None, ("id",), 3) is None
    assert fields.string("", ("id",), 3) == ""
    assert fields.string("abc", ("id",), 3) == "abc"
    with pytest.raises(BadType) as caught:
        fields.string("abcd", ("id",), 3)
    assert caught.value.detail == "id: 4 characters; at most 3 are allowed"
    value: Any = 5
    with pytest.raises(BadType) as wrong:
        fields.string(value, ("id",), 3)
    assert wrong.value.detail == "id: found a number; a string is required"


@pytest.mark.parametrize("stated_s", [None, 10.0, 10.1, 9.91])
def test_a_duration_may_be_one_percent_off(stated_s: float | None) -> None:
    # 5000 samples at 500 Hz are 10 s; 1 % of 10.1 is 0.101, of 9.91 it is 0.0991.
    fields.check_duration(stated_s, 5000, 500.0, ("recording_duration",))


@pytest.mark.parametrize("stated_s", [10.2, 9.9])
def test_a_duration_more_than_one_percent_off_is_refused(stated_s: float) -> None:
    with pytest.raises(DurationMismatch) as caught:
        fields.check_duration(stated_s, 5000, 500.0, ("recording_duration",))
    assert caught.value.detail == (
        f"recording_duration: {stated_s:g} s stated, but 5000 samples at 500 Hz last 10 s; "
        "a difference of 1 % is allowed"
    )


def test_a_duration_exactly_one_percent_off_is_allowed() -> None:
    # 0.01 x 100 is 1.0 in double precision as well.
    fields.check_duration(100.0, 101, 1.0, ("recording_duration",))
    fields.check_duration(100.0, 99, 1.0, ("recording_duration",))
