"""Validate the fields of a record other than its samples; one function per field.

The functions take the values that a JSON or msgpack parser returns. Errors carry the field's path.
Messages name what was found, but never an age, a sex, a date or an id: they identify a patient.
`None` means that the field is absent.
"""

from __future__ import annotations

import math
from typing import Final

from errors import BadOption, BadSamplingRate, BadType, DurationMismatch
from signals.record import Sex

Loc = tuple[str | int, ...]

MAX_AGE_YEARS: Final = 120.0
MAX_ID_CHARS: Final = 128
MAX_DATE_CHARS: Final = 64
DURATION_TOLERANCE: Final = 0.01  # of the stated duration; docs/api.md, "A record"

_SEXES: Final[dict[str, Sex]] = {
    "male": "male",
    "m": "male",
    "female": "female",
    "f": "female",
    "other": "other",
}
_TYPE_NAMES: Final = {
    bool: "a boolean",
    str: "a string",
    list: "a list",
    dict: "an object",
    bytes: "binary data",
    int: "a number",
    float: "a number",
}


def dotted(loc: Loc) -> str:
    """Return a field's path as messages show it.

    `("records", 3, "patient", "age")` becomes `"records[3].patient.age"`.
    """
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        elif path:
            path += f".{step}"
        else:
            path = step
    return path


def type_name(value: object) -> str:
    """Return what JSON calls the type of a value: `a string`, `an object`, ..."""
    if value is None:
        return "null"
    return _TYPE_NAMES.get(type(value), "another type")


def wrong_type(value: object, loc: Loc, required: str) -> BadType:
    """Return the error for a value of the wrong type; `required` names the right one."""
    return BadType(f"{dotted(loc)}: found {type_name(value)}; {required} is required", loc=loc)


def number(value: object, loc: Loc) -> float:
    """Return a finite float. Booleans and numeric strings are not numbers.

    Raises BadType.
    """
    # bool is a subclass of int.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(value, loc, "a number")
    # JSON integers may exceed the range of a double.
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise BadType(
            f"{dotted(loc)}: found a number that is not finite; a finite number is required",
            loc=loc,
        )
    return result


def sampling_rate(value: object, loc: Loc) -> float:
    """Return a positive number of samples per second.

    `signals.checks` enforces the range that the server supports. Raises BadType, BadSamplingRate.
    """
    fs = number(value, loc)
    if fs <= 0:
        raise BadSamplingRate(f"{dotted(loc)}: found {fs:g} Hz; it must be above 0", loc=loc)
    return fs


def positive(value: object, loc: Loc) -> float | None:
    """Return a number above 0, or None. Raises BadType."""
    if value is None:
        return None
    result = number(value, loc)
    if result <= 0:
        raise BadType(f"{dotted(loc)}: found {result:g}; it must be above 0", loc=loc)
    return result


def age_years(value: object, loc: Loc) -> float | None:
    """Return an age of 0 to 120 years, or None. Raises BadType."""
    if value is None:
        return None
    age = number(value, loc)
    if not 0 <= age <= MAX_AGE_YEARS:
        found = "below 0" if age < 0 else f"above {MAX_AGE_YEARS:g}"
        raise BadType(
            f"{dotted(loc)}: found a number {found}; 0 to {MAX_AGE_YEARS:g} years are allowed",
            loc=loc,
        )
    return age


def sex(value: object, loc: Loc) -> Sex | None:
    """Return the sex for male, female, m, f or other in any case, or None.

    Raises BadType, BadOption.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong_type(value, loc, "a string")
    canonical = _SEXES.get(value.strip().lower())
    if canonical is None:
        raise BadOption(
            f"{dotted(loc)}: found another string; male, female, m, f, other or null are allowed",
            loc=loc,
        )
    return canonical


def string(value: object, loc: Loc, max_chars: int) -> str | None:
    """Return a string of at most `max_chars` characters, or None. Raises BadType."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong_type(value, loc, "a string")
    if len(value) > max_chars:
        raise BadType(
            f"{dotted(loc)}: {len(value)} characters; at most {max_chars} are allowed", loc=loc
        )
    return value


def check_duration(stated_s: float | None, samples: int, fs: float, loc: Loc) -> None:
    """Check the stated duration in seconds against `samples / fs`.

    Raises DurationMismatch if they differ by more than 1 % of the stated duration.
    """
    if stated_s is None:
        return
    actual_s = samples / fs
    if abs(actual_s - stated_s) > DURATION_TOLERANCE * stated_s:
        raise DurationMismatch(
            f"{dotted(loc)}: {stated_s:g} s stated, but {samples} samples at {fs:g} Hz last "
            f"{actual_s:g} s; a difference of 1 % is allowed",
            loc=loc,
        )
