"""What files tell beside the samples: times, age, sex, the machine's own measurements. Names and numbers of persons are never taken.

Machines write these fields freely, so what cannot be read is absent, not an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from formats.fields import MAX_AGE_YEARS
from signals.record import Patient, Sex

_YEARS_IN: Final = {
    "y": 1.0,
    "a": 1.0,
    "m": 1 / 12,
    "w": 7 / 365.25,
    "d": 1 / 365.25,
    "h": 1 / 8766.0,
}  # years, annum, months, ...
_SEXES: Final[dict[str, Sex]] = {
    "m": "male",
    "male": "male",
    "f": "female",
    "female": "female",
    "w": "female",
    "o": "other",
    "other": "other",
}
_NUMBER: Final = re.compile(
    r"[-+]?(?:\d{1,18}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?", re.ASCII
)
_DIGITS: Final = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ]?(\d{2}):?(\d{2})(?::?(\d{2})(?:\.\d+)?)?)?", re.ASCII
)
MAX_DEVICE_CHARS: Final = 120


def parse_number(text: object) -> float | None:
    """A finite decimal number, else None. Unlike float() it takes no "nan", "1_000" or other alphabets' digits."""
    if isinstance(text, bool):
        return None
    if isinstance(text, int | float):
        return float(text) if abs(text) < 1e300 else None  # NaN is not < anything
    if not isinstance(text, str) or not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def iso_datetime(text: str | None) -> str | None:
    """ISO 8601 from what begins like "20240501082732", "2024-05-01T08:27:32Z" or "2024-05-01"; else None."""
    found = _DIGITS.match((text or "").strip())
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    return (
        iso_datetime_from_parts(year, month, day, *(part or "0" for part in clock))
        if clock[0]
        else _day(year, month, day)
    )


def iso_datetime_from_parts(
    year: object,
    month: object,
    day: object,
    hour: object = 0,
    minute: object = 0,
    second: object = 0,
) -> str | None:
    """ISO 8601 from numbers or texts of them; None where they are no time."""
    parts = [parse_number(part) for part in (year, month, day, hour, minute, second)]
    if any(part is None for part in parts):
        return None
    try:
        return datetime(*(int(part or 0) for part in parts)).isoformat()  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def _day(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def age_in_years(value: object, unit: str | None) -> float | None:
    """Years from a number and a unit such as "Y", "MONTHS", "d"; years where there is none."""
    age = parse_number(value)
    if age is None or age < 0:
        return None
    factor = _YEARS_IN.get((unit or "y").strip().lower()[:1])
    return None if factor is None else round(age * factor, 2)


def age_at_recording(born: str | None, recorded: str | None) -> float | None:
    """Whole years between two ISO dates; None where one is missing or they are the wrong way round."""
    birth, then = iso_datetime(born), iso_datetime(recorded)
    if birth is None or then is None:
        return None
    first, last = date.fromisoformat(birth[:10]), date.fromisoformat(then[:10])
    years = last.year - first.year - ((last.month, last.day) < (first.month, first.day))
    return float(years) if years >= 0 else None


def parse_sex(text: str | None) -> Sex | None:
    return _SEXES.get((text or "").strip().lower())


def plausible_patient(age: float | None, sex: Sex | None) -> tuple[Patient, tuple[str, ...]]:
    """The patient; an age that nobody has (300 for "older than 89", 999 for "unknown") is left out with a warning."""
    if age is not None and not 0 <= age <= MAX_AGE_YEARS:
        return Patient(None, sex), (
            f"patient.age: beyond {MAX_AGE_YEARS:g} years in the file, ignored",
        )
    return Patient(age, sex), ()


def parse_measurements(found: Mapping[str, object]) -> dict[str, float]:
    """Those that are numbers. An interval or rate of 0 is how machines write "not measured"; an axis of 0 degrees is one."""
    values = {name: parse_number(value) for name, value in found.items()}
    return {
        name: value
        for name, value in values.items()
        if value is not None and (value > 0 or name.endswith("_deg"))
    }


def device_name(*names: object) -> str | None:
    """ "Maker / model" from what is there."""
    texts = [" ".join(name.split()) for name in names if isinstance(name, str) and name.strip()]
    clean = ["".join(sign for sign in text if sign.isprintable()) for text in dict.fromkeys(texts)]
    return " / ".join(clean)[:MAX_DEVICE_CHARS] or None
