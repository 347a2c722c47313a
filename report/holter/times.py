"""Times of a long recording as text: by the recorder's clock where it is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from report.options import Language

HOUR_S: Final = 3600
DAY_S: Final = 86_400


def start_of(text: str | None) -> datetime | None:
    """Return the start of a recording; None if its file states none with a time of day."""
    return None if text is None or "T" not in text else datetime.fromisoformat(text)


def clock_text(seconds: float, start: datetime | None) -> str:
    """Return the time of day, with "+1 d" on the next one; without a start the time since it."""
    if start is None:
        return duration_text(seconds)
    moment = start + timedelta(seconds=round(seconds))
    days = (moment.date() - start.date()).days
    return f"{moment:%H:%M:%S}" + (f" +{days} d" if days else "")


def duration_text(seconds: float) -> str:
    """Return hours, minutes and seconds: 23:59:59."""
    whole = round(seconds)
    return f"{whole // HOUR_S}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def day_text(start: datetime, lang: Language) -> str:
    """Return date and time of day."""
    return f"{start:%d.%m.%Y %H:%M:%S}" if lang == "de" else f"{start:%Y-%m-%d %H:%M:%S}"


def axis_hours(duration_s: float, start: datetime | None) -> list[tuple[float, str]]:
    """Return (seconds, label) of the marks of a time axis, 6 to 14 of them."""
    hours = duration_s / HOUR_S
    steps = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 6, 12, 24)
    step_s = next((step for step in steps if hours / step <= 13), 24) * HOUR_S
    if start is None:
        count = int(duration_s / step_s) + 1
        return [(place * step_s, duration_text(place * step_s)[:-3]) for place in range(count)]
    midnight_s = start.hour * HOUR_S + start.minute * 60 + start.second
    first_s = -midnight_s % step_s
    marks = []
    while first_s <= duration_s:
        marks.append((float(first_s), f"{start + timedelta(seconds=first_s):%H:%M}"))
        first_s += step_s
    return marks
