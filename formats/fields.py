"""The fields of a record beside its samples: what each may be, one function a field.

They take what a JSON or msgpack parser gives and raise with the field's place; values are never echoed (a patient's age is the patient's).
`None` stands for an absent field throughout.
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
DURATION_TOLERANCE: Final = 0.01  # of the stated duration, API.md

_SEXES: Final[dict[str, Sex]] = {
    "male": "male",
    "m": "male",
    "female": "female",
    "f": "female",
    "other": "other",
}


def dotted(loc: Loc) -> str:
    """("records", 3, "patient", "age") -> "records[3].patient.age", as a sentence names a field."""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def number(value: object, loc: Loc) -> float:
    """A finite float; booleans are no numbers, numeric strings neither. Raises BadType."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadType(f"{dotted(loc)}: {kind_of(value)} where a number is needed", loc=loc)
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise BadType(f"{dotted(loc)}: a finite number is needed", loc=loc)
    return result


def sampling_rate(value: object, loc: Loc) -> float:
    """Samples per second, above 0 (`signals.checks` holds it to the range that is served). Raises BadType, BadSamplingRate."""
    fs = number(value, loc)
    if fs <= 0:
        raise BadSamplingRate(f"{dotted(loc)}: {fs:g}; samples per second are above 0", loc=loc)
    return fs


def positive(value: object, loc: Loc) -> float | None:
    """A number above 0, or None. Raises BadType."""
    if value is None:
        return None
    result = number(value, loc)
    if result <= 0:
        raise BadType(f"{dotted(loc)}: a number above 0 is needed", loc=loc)
    return result


def age_years(value: object, loc: Loc) -> float | None:
    """Years, 0 to 120, or None. Raises BadType."""
    if value is None:
        return None
    age = number(value, loc)
    if not 0 <= age <= MAX_AGE_YEARS:
        raise BadType(f"{dotted(loc)}: years from 0 to {MAX_AGE_YEARS:g} are allowed", loc=loc)
    return age


def sex(value: object, loc: Loc) -> Sex | None:
    """male, female, m, f or other in any case, or None. Raises BadType, BadOption."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadType(f"{dotted(loc)}: {kind_of(value)} where a text is needed", loc=loc)
    known = _SEXES.get(value.strip().lower())
    if known is None:
        raise BadOption(
            f"{dotted(loc)}: one of male, female, m, f, other or null is allowed", loc=loc
        )
    return known


def text(value: object, loc: Loc, max_chars: int) -> str | None:
    """A string of at most `max_chars`, or None. Raises BadType."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadType(f"{dotted(loc)}: {kind_of(value)} where a text is needed", loc=loc)
    if len(value) > max_chars:
        raise BadType(
            f"{dotted(loc)}: {len(value)} characters; at most {max_chars} are allowed", loc=loc
        )
    return value


def check_duration(stated_s: float | None, samples: int, fs: float, loc: Loc) -> None:
    """Raises DurationMismatch where the stated seconds are more than 1 % off samples / fs."""
    if stated_s is None:
        return
    found_s = samples / fs
    if abs(found_s - stated_s) > DURATION_TOLERANCE * stated_s:
        raise DurationMismatch(
            f"{dotted(loc)}: {stated_s:g} s stated, {samples} samples at {fs:g} Hz are {found_s:g} s; at most 1 % apart is allowed",
            loc=loc,
        )


def kind_of(value: object) -> str:
    """What a parser would call the value: `a text`, `an object`, ..."""
    if value is None:
        return "null"
    names = {
        bool: "a boolean",
        str: "a text",
        list: "a list",
        dict: "an object",
        bytes: "binary data",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "another type")
