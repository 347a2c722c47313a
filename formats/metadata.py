"""Parse what files state in addition to the samples: times, age, sex, device.

Names and identifiers of persons are never kept; `formats.reported.statements` reads them only to
find the lines that contain them and to leave these out. Devices write these fields freely, so a
value that cannot be parsed counts as absent and is not an error.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from formats.fields import MAX_AGE_YEARS
from formats.numbers import parse_number
from signals.record import Patient, Sex

# By the first letter of the unit: years, annum, months, weeks, days, hours.
_YEARS_PER_UNIT: Final = {
    "y": 1.0,
    "a": 1.0,
    "m": 1 / 12,
    "w": 7 / 365.25,
    "d": 1 / 365.25,
    "h": 1 / 8766.0,
}
_SEXES: Final[dict[str, Sex]] = {
    "m": "male",
    "male": "male",
    "f": "female",
    "female": "female",
    "w": "female",
    "o": "other",
    "other": "other",
}
_DATETIME: Final = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ]?(\d{2}):?(\d{2})(?::?(\d{2})(?:\.\d+)?)?)?", re.ASCII
)
MAX_DEVICE_CHARS: Final = 120
_MAX_NAME_CHARS: Final = 1000  # of a name as the file spells it, with white space


def iso_datetime(text: str | None) -> str | None:
    """Return ISO 8601 for a string that starts with a date and perhaps a time, or None.

    Understands "20240501082732", "2024-05-01T08:27:32Z" and "2024-05-01"; ignores the rest.
    """
    match = _DATETIME.match((text or "").strip())
    if match is None:
        return None
    year, month, day, *clock = match.groups()
    if not clock[0]:
        return _iso_date(year, month, day)
    return iso_datetime_from_parts(year, month, day, *(part or "0" for part in clock))


def iso_datetime_from_parts(
    year: object,
    month: object,
    day: object,
    hour: object = 0,
    minute: object = 0,
    second: object = 0,
) -> str | None:
    """Return ISO 8601 for numbers or numeric strings, or None if they are no valid time."""
    numbers: list[int] = []
    for part in (year, month, day, hour, minute, second):
        value = parse_number(part)
        if value is None:
            return None
        numbers.append(int(value))
    try:
        return datetime(*numbers).isoformat()  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def _iso_date(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def age_in_years(value: object, unit: str | None) -> float | None:
    """Return an age in years, to two decimals, from a number and a unit.

    Only the first letter of the unit counts ("Y", "MONTHS", "d"); without a unit it is years.
    """
    age = parse_number(value)
    if age is None or age < 0:
        return None
    factor = _YEARS_PER_UNIT.get((unit or "y").strip().lower()[:1])
    return None if factor is None else round(age * factor, 2)


def age_at_recording(born: str | None, recorded: str | None) -> float | None:
    """Return the completed years between two dates.

    None if a date is missing or the recording precedes the birth.
    """
    born_iso = iso_datetime(born)
    recorded_iso = iso_datetime(recorded)
    if born_iso is None or recorded_iso is None:
        return None
    birth = date.fromisoformat(born_iso[:10])
    recording = date.fromisoformat(recorded_iso[:10])
    years = recording.year - birth.year
    if (recording.month, recording.day) < (birth.month, birth.day):
        years -= 1
    return float(years) if years >= 0 else None


def parse_sex(text: str | None) -> Sex | None:
    """Return the sex for the usual words and letters in any case, or None."""
    return _SEXES.get((text or "").strip().lower())


def plausible_patient(age: float | None, sex: Sex | None) -> tuple[Patient, tuple[str, ...]]:
    """Return the patient and warnings. An age outside 0 to 120 years is dropped with a warning.

    Files use such ages as codes: 300 for "older than 89", 999 for "unknown".
    """
    if age is not None and not 0 <= age <= MAX_AGE_YEARS:
        warning = f"patient.age: outside 0 to {MAX_AGE_YEARS:g} years in the file, ignored"
        return Patient(None, sex), (warning,)
    return Patient(age, sex), ()


def device_name(*names: object) -> str | None:
    """Return "Maker / model" from those names that are non-empty strings, without repetitions."""
    parts: list[str] = []
    for name in names:
        # Cut before it is split, which takes memory for each word.
        words = name[:_MAX_NAME_CHARS].split() if isinstance(name, str) else []
        if words:
            parts.append(" ".join(words))
    # dict.fromkeys() removes repetitions and keeps the order.
    printable = ["".join(filter(str.isprintable, part)) for part in dict.fromkeys(parts)]
    return " / ".join(printable)[:MAX_DEVICE_CHARS] or None
