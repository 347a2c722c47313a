"""Read numbers from texts: the one place that decides what a number is in every text format.

A number has ASCII digits, perhaps a sign, a point and an exponent, and at most MAX_NUMBER_CHARS
characters; white space around it is ASCII, too. It is finite. Everything else is no number:
"nan", "inf", "1_000", "0x1F", the digits of other alphabets, and the separators U+001C to U+001F,
which `str.strip()` removes and `float()` does not. No text makes a function of this module raise.

A gap has its own spelling in each format that knows gaps, and is never read as a number.
"""

from __future__ import annotations

import math
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_NUMBER_CHARS: Final = 64  # a double needs 24; writers pad decimals to fixed widths
MAX_WHOLE_DIGITS: Final = 18  # within 64 bits
_WHITE_SPACE: Final = " \t\n\r\f\v"
# Possessive quantifiers: a text that is no number is refused in time linear in its length.
_DECIMAL: Final = r"[-+]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]{1,4}+)?"
_NUMBER: Final = re.compile(_DECIMAL)
_WHOLE_NUMBER: Final = re.compile(rf"[-+]?[0-9]{{1,{MAX_WHOLE_DIGITS}}}")
_SPELLED: Final = {
    ".": re.compile(r"[-+]?(?:[0-9]{1,3}(?:[,'][0-9]{3})+|[0-9]++)(?:\.[0-9]++)?"),
    ",": re.compile(r"[-+]?(?:[0-9]{1,3}(?:[.'][0-9]{3})+|[0-9]++)(?:,[0-9]++)?"),
}
_SEPARATOR: Final = r"[\s,;]"
_NUMBERS: Final = re.compile(rf"{_SEPARATOR}*+(?:{_DECIMAL}(?:{_SEPARATOR}++|\Z))*+\Z", re.ASCII)
_MAX_NUMBER: Final = 1e300  # of a number that a parser returned; a larger one is a code

# The characters of numbers, in any order.
_NUMBER_LIKE: Final = re.compile(r"[-+0-9.,eE]+", re.ASCII)
_MAX_SHOWN_CHARS: Final = 20


def number_of_text(text: str) -> float | None:
    """Return the finite number that a text is, or None."""
    stripped = text.strip(_WHITE_SPACE)
    if len(stripped) > MAX_NUMBER_CHARS or not _NUMBER.fullmatch(stripped):
        return None
    number = float(stripped)
    return number if math.isfinite(number) else None


def number_in_spelling(text: str, decimal_sign: str) -> float | None:
    """Return the number that a text is in a language's spelling, or None.

    The other of point and comma, or an apostrophe, may separate its thousands: "1.000,5" is 1000.5
    with a decimal comma, and no number with a decimal point.

    decimal_sign  a point or a comma
    """
    stripped = text.strip(_WHITE_SPACE)
    if len(stripped) > MAX_NUMBER_CHARS or not _SPELLED[decimal_sign].fullmatch(stripped):
        return None
    whole, _, fraction = stripped.partition(decimal_sign)
    digits = re.sub("[.,']", "", whole)
    return number_of_text(f"{digits}.{fraction}")


def parse_number(value: object) -> float | None:
    """Return the finite number that a value of a parser is, or its text; None for anything else.

    Booleans are not numbers.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # The comparison is also False for NaN. It precedes float(), which overflows on huge ints.
        return float(value) if abs(value) < _MAX_NUMBER else None
    return number_of_text(value) if isinstance(value, str) else None


def whole_number(text: str) -> int | None:
    """Return the whole number that a text of at most MAX_WHOLE_DIGITS digits is, or None."""
    stripped = text.strip(_WHITE_SPACE)
    return int(stripped) if _WHOLE_NUMBER.fullmatch(stripped) else None


def number_array(text: str) -> NDArray[np.float64] | None:
    """Return the numbers of a text, separated by white space, commas or semicolons.

    None if anything else is between them, or if one is not finite. Takes 8 bytes a number: no
    Python object is created for it.
    """
    if not _NUMBERS.match(text):
        return None
    spaced = text.replace(",", " ").replace(";", " ")
    # numpy returns one number for a text without any.
    if not spaced.strip(_WHITE_SPACE):
        return np.zeros(0)
    numbers = np.fromstring(spaced, np.float64, sep=" ")
    return numbers if np.isfinite(numbers).all() else None


def shown_number(text: str) -> str:
    """Return a text from the place of a number, in quotes, for a message; or "no number".

    A text with other characters than those of numbers is not shown: in a damaged file, it may be
    part of a name.
    """
    stripped = text.strip()
    if 0 < len(stripped) <= _MAX_SHOWN_CHARS and _NUMBER_LIKE.fullmatch(stripped):
        return repr(stripped)
    return "no number"
