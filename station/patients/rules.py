"""What is kept of a patient besides the name, and which values are allowed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, TypedDict

# The codes of FHIR's administrative gender, which says how a patient is registered.
SEXES: Final = ("female", "male", "other", "unknown")
# Earlier than any living person's. It finds a year that was typed wrong.
MIN_BIRTH_YEAR: Final = 1850
MAX_NOTES_CHARS: Final = 2000
# All but tab and line breaks. PostgreSQL cannot store the first of them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Of the limits of an alarm, beats a minute. The upper one is above every rate that is measured
# here: flutter waves, the fastest, have up to 350 (intervals/flutter.py).
MIN_RATE: Final = 1
MAX_RATE: Final = 400


class Details(TypedDict, total=False):
    """Some details of a patient. One that is absent is left as it is.

    rate_low, rate_high  limits of the alarm on the heart rate, beats a minute; None for none
    """

    sex: str
    birth_year: int | None
    notes: str
    rate_low: int | None
    rate_high: int | None


DETAILS: Final = tuple(Details.__annotations__)
UNKNOWN: Final[Details] = {
    "sex": "unknown",
    "birth_year": None,
    "notes": "",
    "rate_low": None,
    "rate_high": None,
}


def has_control(text: str) -> bool:
    """Whether a text has control characters other than tab and line breaks."""
    return _CONTROL.search(text) is not None


def fault_of(details: Details) -> str | None:
    """Return what is wrong with some details, its field first; None where they are allowed."""
    if details.get("sex", "unknown") not in SEXES:
        return f"sex: allowed are {', '.join(SEXES)}"
    year = details.get("birth_year")
    this_year = datetime.now(UTC).year
    if year is not None and not MIN_BIRTH_YEAR <= year <= this_year:
        return f"birth_year: {year}; allowed are {MIN_BIRTH_YEAR} to {this_year}"
    notes = details.get("notes", "")
    if len(notes) > MAX_NOTES_CHARS:
        return f"notes: {len(notes)} characters; at most {MAX_NOTES_CHARS} are allowed"
    if has_control(notes):
        return "notes: has control characters"
    return _rate_fault(details)


def _rate_fault(details: Details) -> str | None:
    low, high = details.get("rate_low"), details.get("rate_high")
    for field, rate in (("rate_low", low), ("rate_high", high)):
        if rate is not None and not MIN_RATE <= rate <= MAX_RATE:
            return f"{field}: {rate}; allowed are {MIN_RATE} to {MAX_RATE} a minute"
    if low is not None and high is not None and low >= high:
        return f"rate_low: {low}; it must be below rate_high, which is {high}"
    return None
