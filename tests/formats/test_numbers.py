"""What a number is in a text. No text makes a reader raise; `float` agrees on every number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.numbers import (
    number_array,
    number_in_spelling,
    number_of_text,
    parse_number,
    shown_number,
    whole_number,
)

# What numbers are made of, what looks like it, and every kind of white space.
SIGNS = "0123456789+-.,;eE_xXnaif \t\n\r\f\v\0\x1c\x1d\x1e\x1f\x85\xa0\u2003\u3000٣３²½"
TEXTS = st.one_of(st.text(alphabet=SIGNS, max_size=70), st.text(max_size=10))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("5", 5.0),
        (" -1.5 ", -1.5),
        ("+.5", 0.5),
        ("2.", 2.0),
        ("1e3", 1000.0),
        (7, 7.0),
        (-2.5, -2.5),
        ("9" * 18, 999999999999999999.0),
        ("0" * 63 + "7", 7.0),
        ("\t5\r\n", 5.0),
        (9.9e299, 9.9e299),
    ],
)
def test_decimal_numbers_are_parsed(value: object, number: float) -> None:
    assert parse_number(value) == number


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nan",
        "inf",
        "1_000",
        "1,5",
        "٥",
        "0x10",
        "1e999",
        "1e3000",
        "9" * 65,
        "\x1c1",
        "1\x85",
        "\u20031",
        "1\0",
        "1e",
        ".",
        "--1",
        "5 mV",
        math.nan,
        math.inf,
        1e300,
        -1e300,
        10**400,
        True,
        None,
        b"5",
        [5],
    ],
)
def test_other_values_are_no_numbers(value: object) -> None:
    assert parse_number(value) is None


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), (" -7\n", -7), ("+0", 0), ("9" * 18, 10**18 - 1)]
)
def test_whole_numbers_are_read(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "1.0", "1e3", "9" * 19, "1_0", "\x1c1", "٣", "²", "0x1"])
def test_other_texts_are_no_whole_numbers(text: str) -> None:
    assert whole_number(text) is None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", []),
        (" ,;\n", []),
        ("7", [7.0]),
        ("1,-2;+.5\t4.\r\n5e-1 ", [1.0, -2.0, 0.5, 4.0, 0.5]),
        (",1,,2,", [1.0, 2.0]),
    ],
)
def test_a_list_has_any_separators(text: str, numbers: list[float]) -> None:
    array = number_array(text)
    assert array is not None and array.dtype == np.float64
    assert array.tolist() == numbers


@pytest.mark.parametrize(
    "text", ["1 x", "1-2", "1 nan", "1e999", "1 \x1c2", "1\xa02", "1:2", "0x1"]
)
def test_a_list_with_anything_else_is_none(text: str) -> None:
    assert number_array(text) is None


@given(TEXTS)
def test_no_text_raises_and_python_agrees_on_every_number(text: str) -> None:
    number = number_of_text(text)
    if number is not None:
        assert number == float(text) and math.isfinite(number)
    whole = whole_number(text)
    if whole is not None:
        assert whole == int(text) and number == whole
    numbers = number_array(text)
    if numbers is not None:
        words = text.replace(",", " ").replace(";", " ").split()
        assert numbers.tolist() == [float(word) for word in words]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_every_double_is_read_exactly(values: list[float]) -> None:
    array = number_array(" ".join(map(repr, values)))
    assert array is not None and array.tolist() == values
    assert [number_of_text(repr(value)) for value in values] == values


@pytest.mark.parametrize(
    ("text", "decimal_sign", "number"),
    [
        ("511,562", ",", 511.562),
        ("511,562", ".", 511_562.0),
        ("1.000,5", ",", 1000.5),
        ("1.000,5", ".", None),
        ("1,000.5", ".", 1000.5),
        ("1'000", ".", 1000.0),
        ("12,34", ".", None),
        ("1.00.0", ",", None),
        ("-0,5", ",", -0.5),
        ("1e3", ".", None),
        ("", ",", None),
    ],
)
def test_a_number_is_read_in_the_spelling_of_a_language(
    text: str, decimal_sign: str, number: float | None
) -> None:
    assert number_in_spelling(text, decimal_sign) == number


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.5", "'1.5'"),
        (" -3e5 ", "'-3e5'"),
        ("--1", "'--1'"),
        ("", "no number"),
        ("Erika", "no number"),
        ("12 Erika", "no number"),
        ("١٢", "no number"),
        ("1" * 21, "no number"),
    ],
)
def test_only_what_looks_like_a_number_is_shown_in_a_message(text: str, shown: str) -> None:
    assert shown_number(text) == shown
