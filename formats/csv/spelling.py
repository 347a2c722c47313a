"""The spellings of numbers and gaps in text tables of all languages.

Sources: Unicode CLDR 47, number symbols of all locales and unit patterns "frequency-hertz";
pandas.read_csv, na_values; the error values of Excel and their translations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from formats.numbers import number_of_text

# Minus signs: sv, nb, fi, hr, sl, lt and others write U+2212; hyphens, dashes, small and full-width
# signs are those that CLDR tells parsers to accept.
_MINUS_SIGNS: Final = "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
# ar, fa, he and ur write invisible marks of the direction beside a minus sign.
_INVISIBLE: Final = "\u061c\u200e\u200f\u2066\u2067\u2068\u2069\ufeff"
_SPACES: Final = "\u00a0\u202f\u2009"
_DECIMAL_POINTS: Final = "\u066b\uff0e"
# The zeros of the numbering systems arab, arabext, deva, beng, mymr and fullwide.
_ZEROS: Final = "\u0660\u06f0\u0966\u09e6\u1040\uff10"
_GROUPED: Final = re.compile(r"(?<=\d)[\u00a0\u202f\u2009\u066c\u2019](?=\d{3}(?!\d))")
_GROUP_SIGNS: Final = "\u00a0\u202f\u2009\u066c\u2019"

_GAPS: Final = frozenset(
    {
        *("", "nan", "-nan", "na", "n/a", "null", "none", "nil", "<na>", "-", "--", ".", "?"),
        *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "nan(ind)", "-nan(ind)", "#n/a n/a"),
        # #N/A in English, German, Italian and Portuguese, Dutch, Danish, Russian
        *("#n/a", "#na", "#nv", "#n/d", "#n/b", "#i/t", "#н/д"),
    }
)
_WEAK_GAPS: Final = frozenset({"", "-", "--", ".", "?", "none"})
_ERROR_VALUE: Final = re.compile(r"#[^\s,;|#]{1,14}[!?]")  # #DIV/0!, #WERT!, #¿NOMBRE?
_DECIMAL_COMMA: Final = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d{1,4})?", re.ASCII)
_WITH_POINT: Final = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d{1,4})?", re.ASCII)
_IN_THREES: Final = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)


def plain_characters(text: str) -> str:
    """Return a text with ASCII digits, minus signs, points and spaces in place of other scripts'.

    Removes separators of thousands that are spaces, and marks of the direction of writing.
    """
    if text.isascii():
        return text
    for sign in _INVISIBLE:
        text = text.replace(sign, "")
    for sign in _MINUS_SIGNS:
        text = text.replace(sign, "-")
    for sign in _DECIMAL_POINTS:
        text = text.replace(sign, ".")
    for zero in _ZEROS:
        # A text of another script costs ten passes; one without its digits costs ten searches.
        for digit in range(10):
            text = text.replace(chr(ord(zero) + digit), str(digit))
    if any(sign in text for sign in _GROUP_SIGNS):
        text = _GROUPED.sub("", text)
    for space in _SPACES:
        text = text.replace(space, " ")
    return text


def is_gap(cell: str) -> bool:
    """Return whether a cell stands for a missing sample."""
    lower = cell.strip().lower()
    return lower in _GAPS or _ERROR_VALUE.fullmatch(lower) is not None


def is_explicit_gap(cell: str) -> bool:
    """Return whether a cell can only be a gap; an empty cell or a dash may be a heading."""
    return is_gap(cell) and cell.strip().lower() not in _WEAK_GAPS


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, with a point or a comma as decimal sign."""
    return number_of_text(cell.replace(",", ".", 1)) is not None


def is_decimal_comma(cell: str) -> bool:
    """Return whether a cell is a number with a decimal comma."""
    return _DECIMAL_COMMA.fullmatch(cell) is not None


def spelling_fault(cells: Iterable[str]) -> tuple[int, str] | None:
    """Return the first cell of a lead that contradicts the spelling of those before it.

    The second item is the reason as a clause. None if all numbers may have the same decimal sign.
    """
    first_comma = first_point = first_whole = None
    is_grouped = True
    for index, cell in enumerate(cells):
        if is_decimal_comma(cell) or _IN_THREES.fullmatch(cell):
            first_comma = index if first_comma is None else first_comma
            is_grouped = is_grouped and _IN_THREES.fullmatch(cell) is not None
        elif _WITH_POINT.fullmatch(cell):
            first_point = index if first_point is None else first_point
        elif first_whole is None and is_number(cell):
            first_whole = index
        if first_comma is not None and first_point is not None:
            return index, "the numbers before it have the other decimal sign"
    if first_comma is not None and first_whole is not None and is_grouped:
        return first_comma, "the comma may be a decimal sign or separate thousands"
    return None
