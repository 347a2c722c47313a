"""Times of HL7 version 2: YYYYMMDDHHMMSS[.S[S[S[S]]]][+/-ZZZZ]."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from station.times import SECOND_MS

_TIME: Final = re.compile(r"(\d{14})(\.\d{1,6})?([+-])?(?(3)(\d\d)(\d\d))")


def time_ms(text: str, default_offset: str) -> int | None:
    """Return a time as milliseconds since 1970 in UTC; None where it is none, or no full one.

    default_offset  a text whose offset holds for a time without one; where it has none either,
                    the time is in the time zone of this machine
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    try:
        zone = _zone(text) or _zone(default_offset)
        moment = datetime.strptime(found[1], "%Y%m%d%H%M%S")
        seconds = (moment.replace(tzinfo=zone) if zone else moment).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return round(seconds) * SECOND_MS + round(float(found[2] or 0) * SECOND_MS)


def time_text(moment_ms: int) -> str:
    moment = datetime.fromtimestamp(moment_ms / SECOND_MS, UTC)
    return moment.strftime("%Y%m%d%H%M%S.%f")[:-3] + "+0000"


def _zone(text: str) -> timezone | None:
    """Raises ValueError for an offset of a day or more."""
    found = re.fullmatch(r".*([+-])(\d\d)(\d\d)", text.strip())
    if found is None:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(offset if found[1] == "+" else -offset)
