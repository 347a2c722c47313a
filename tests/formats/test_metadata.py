"""Dates, ages, sexes, numbers and device names as files write them; anything else is absent."""

from __future__ import annotations

import pytest

from formats import metadata


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("20240501082732", "2024-05-01T08:27:32"),
        ("20240501082732.123+0200", "2024-05-01T08:27:32"),
        ("2024-05-01T08:27:32Z", "2024-05-01T08:27:32"),
        ("2024-05-01 08:27", "2024-05-01T08:27:00"),
        (" 2024-05-01 ", "2024-05-01"),
        ("20240501", "2024-05-01"),
        ("2024-05-01, about noon", "2024-05-01"),
        ("2024-02-29", "2024-02-29"),
        ("2023-02-29", None),
        ("2024-13-01", None),
        ("2024-05-01T25:00", None),
        ("01.05.2024", None),
        ("", None),
        (None, None),
    ],
)
def test_what_starts_with_a_date_becomes_iso_8601(text: str | None, iso: str | None) -> None:
    assert metadata.iso_datetime(text) == iso


@pytest.mark.parametrize(
    ("parts", "iso"),
    [
        ((2024, 5, 1), "2024-05-01T00:00:00"),
        (("2024", "05", "1", "8", 27, 32.9), "2024-05-01T08:27:32"),
        ((2024, 5, 1, 23, 59, 59), "2024-05-01T23:59:59"),
        ((2024, 5, 1, 24), None),
        ((0, 5, 1), None),
        ((-9, -9, -9), None),
        ((10**30, 5, 1), None),
        ((None, 5, 1), None),
        ((2024, 5, 1, "x"), None),
        ((2024, 5, 1, 8, 27, None), None),
    ],
)
def test_numbers_become_iso_8601(parts: tuple[object, ...], iso: str | None) -> None:
    assert metadata.iso_datetime_from_parts(*parts) == iso


@pytest.mark.parametrize(
    ("value", "unit", "years"),
    [
        ("63", "Y", 63.0),
        ("63", None, 63.0),
        ("63", "", 63.0),
        (63, " years", 63.0),
        ("5", "annum", 5.0),
        ("18", "MONTHS", 1.5),
        ("7", "months", 0.58),  # 7 / 12
        ("52", "W", 1.0),  # 52 x 7 / 365.25 = 0.9966
        ("10", "w", 0.19),  # 70 / 365.25 = 0.1916
        ("100", "d", 0.27),  # 100 / 365.25 = 0.2738
        ("1000", "hours", 0.11),  # 1000 / 8766 = 0.1141
        ("0", "Y", 0.0),
        ("-1", "Y", None),
        ("x", "Y", None),
        ("5", "furlong", None),
    ],
)
def test_an_age_is_converted_to_years_by_the_first_letter_of_its_unit(
    value: object, unit: str | None, years: float | None
) -> None:
    assert metadata.age_in_years(value, unit) == years


@pytest.mark.parametrize(
    ("born", "recorded", "years"),
    [
        ("1960-05-02", "2024-05-01", 63.0),
        ("1960-05-02", "2024-05-02", 64.0),
        ("1960-05-02", "2024-05-03", 64.0),
        ("1960-05-02", "2024-04-30", 63.0),
        ("1960-05-02", "2024-06-01", 64.0),
        ("20240501", "2024-05-01T08:27:32", 0.0),
        ("2024-05-02", "2024-05-01", None),
        ("1960-05-02", None, None),
        (None, "2024-05-01", None),
        ("1960", "2024-05-01", None),
    ],
)
def test_the_age_at_the_recording_is_in_completed_years(
    born: str | None, recorded: str | None, years: float | None
) -> None:
    assert metadata.age_at_recording(born, recorded) == years


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ("M", "male"),
        (" Male ", "male"),
        ("F", "female"),
        ("FEMALE", "female"),
        ("w", "female"),
        ("O", "other"),
        ("other", "other"),
        ("unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_words_and_letters_for_the_sex(text: str | None, sex: str | None) -> None:
    assert metadata.parse_sex(text) == sex


@pytest.mark.parametrize("age", [None, 0.0, 63.0, 120.0])
def test_a_plausible_age_is_kept_without_a_warning(age: float | None) -> None:
    patient, warnings = metadata.plausible_patient(age, "female")
    assert (patient.age_years, patient.sex, warnings) == (age, "female", ())


@pytest.mark.parametrize("age", [-0.5, 120.5, 300.0, 999.0])
def test_an_impossible_age_is_dropped_with_a_warning(age: float) -> None:
    patient, warnings = metadata.plausible_patient(age, "male")
    assert (patient.age_years, patient.sex) == (None, "male")
    assert warnings == ("patient.age: outside 0 to 120 years in the file, ignored",)


@pytest.mark.parametrize(
    ("names", "device"),
    [
        (("Maker", "Model 1"), "Maker / Model 1"),
        ((" Maker ", None, "", "  ", 5, "Maker", "M\n  1"), "Maker / M 1"),
        (("A\x00B\x1b",), "AB"),
        (("x" * 119,), "x" * 119),
        (("x" * 60, "y" * 60), "x" * 60 + " / " + "y" * 57),
        ((), None),
        (("", None), None),
        (("\x00",), None),
    ],
)
def test_a_device_has_its_names_once_printable_and_in_120_characters(
    names: tuple[object, ...], device: str | None
) -> None:
    assert metadata.device_name(*names) == device
