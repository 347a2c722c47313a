"""Convert the clock times and dates of a column to seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile
from formats.numbers import number_of_text

_DAY_S: Final = 86_400.0
_DATE: Final = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|\d{8}"
# "[hours:]minutes:seconds", with a fraction after a point, comma or colon.
_TIME: Final = (
    r"(?:(?P<hours>\d{1,4}):)?(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2})"
    r"(?:(?:[.,]|(?<=:\d\d:\d\d):|(?<=:\d\d):(?=\d{3}))(?P<fraction>\d{1,9}))?"
)
_ZONE: Final = r"(?:Z|UTC|GMT|(?P<zone>[-+]\d{2}):?(?P<zone_minutes>\d{2}))"
# In brackets as rdsamp writes it, with the date before or after it.
_MOMENT: Final = re.compile(
    rf"\[?(?:(?P<date>{_DATE})(?:T|,? +))?{_TIME}(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
    rf"(?: ?{_ZONE})?(?: +(?P<later_date>{_DATE}))?\]?",
    re.ASCII,
)
_ONLY_DATE: Final = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
_MAX_CHARS: Final = 64


def is_time(cell: str) -> bool:
    """Return whether a cell is a clock time, a date, or both."""
    if len(cell) > _MAX_CHARS:
        return False
    if ":" in cell:
        return _MOMENT.fullmatch(cell) is not None
    return _ONLY_DATE.fullmatch(cell) is not None


def clock_seconds(cells: Sequence[str], line_of: Callable[[int], int]) -> NDArray[np.float64]:
    """Return (cells,) seconds since an arbitrary moment.

    Without dates, a clock that falls by more than half a day has passed midnight.

    line_of  the line of a cell in the file, for messages
    Raises CorruptFile for a cell that is no time.
    """
    seconds = np.empty(len(cells))
    dates: list[str] = []
    for row, cell in enumerate(cells):
        match = _MOMENT.fullmatch(cell) if len(cell) <= _MAX_CHARS else None
        if match is None:
            raise CorruptFile(f"line {line_of(row)}: the time cannot be parsed")
        seconds[row] = _seconds_of_day(match)
        dates.append(match["date"] or match["later_date"] or "")
    distinct = list(dict.fromkeys(dates))
    if distinct == [""]:
        midnights = np.diff(seconds, prepend=seconds[:1]) < -_DAY_S / 2
        return seconds + _DAY_S * np.cumsum(midnights)
    days = _days(distinct)
    if days is None:
        raise CorruptFile(f"line {line_of(_first_wrong_date(dates))}: the date cannot be parsed")
    day_of = dict(zip(distinct, days, strict=True))
    return seconds + _DAY_S * np.array([day_of[text] for text in dates])


def _seconds_of_day(match: re.Match[str]) -> float:
    hours = int(match["hours"] or 0)
    if match["half"]:
        hours = hours % 12 + (12 if match["half"] in "Pp" else 0)
    seconds = number_of_text(f"{match['seconds']}.{match['fraction'] or 0}") or 0.0
    minutes = 60 * hours + int(match["minutes"])
    if match["zone"]:
        sign = -1 if match["zone"].startswith("-") else 1
        minutes -= sign * (60 * abs(int(match["zone"])) + int(match["zone_minutes"]))
    return 60.0 * minutes + seconds


def _days(dates: Sequence[str]) -> list[int] | None:
    """Return the days of distinct dates, in their order of appearance; None if one is no date.

    Of month/day and day/month, the order that is valid and lets less time pass is right.
    """
    readings: list[list[int]] = []
    for day_first in (False, True):
        days = [_day(text, day_first=day_first) for text in dates]
        known = [day for day in days if day is not None]
        if len(known) == len(days):
            readings.append(known)
    return min(readings, key=lambda days: abs(days[-1] - days[0]), default=None)


def _first_wrong_date(dates: Sequence[str]) -> int:
    """Return the first row by which neither order of day and month is valid for all dates."""
    orders = [[_day(text, day_first=day_first) for text in dates] for day_first in (False, True)]
    return max(days.index(None) for days in orders)


def _day(text: str, *, day_first: bool) -> int | None:
    parts = [text[:4], text[4:6], text[6:]] if text.isdigit() else re.split(r"[-/.]", text)
    if len(parts) != 3 or not all(parts):
        return None
    first, second, third = (int(part) for part in parts)
    if len(parts[0]) == 4:
        year, month, day = first, second, third
    elif day_first or "." in text:
        year, month, day = third, second, first
    else:
        year, month, day = third, first, second
    if year < 100:
        year += 2000
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None
