"""When and whose a recording is, as far as its file says so, as texts of the report."""

from __future__ import annotations

from datetime import datetime

from report.options import Language
from report.words import MONTHS, number_text, word
from signals.record import EcgRecord, Patient


def recording_time(record: EcgRecord) -> datetime | None:
    """Return the time of the recording; None if there is none or it is not in ISO 8601."""
    text = _stated_time(record)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _stated_time(record: EcgRecord) -> str | None:
    reported = record.reported.recording_date if record.reported else None
    return record.recording_date or reported


def recorded_text(record: EcgRecord, lang: Language) -> str:
    """Return the time as `22 Feb 2026, 08:37`, or as it is stated; empty without one."""
    time = recording_time(record)
    if time is None:
        return _stated_time(record) or ""
    day = f"{time.day} {MONTHS[time.month - 1]} {time.year}"
    if lang == "de":
        day = f"{time.day:02}.{time.month:02}.{time.year}"
    has_time = ":" in (_stated_time(record) or "")
    return f"{day}, {time.hour:02}:{time.minute:02}" if has_time else day


def patient_text(patient: Patient, lang: Language) -> str:
    """Return age and sex; empty if neither is known."""
    texts = []
    if patient.age_years is not None:
        digits = 0 if patient.age_years >= 2 else 1
        texts.append(word("age", lang, years=number_text(patient.age_years, digits, lang)))
    if patient.sex is not None:
        texts.append(word(patient.sex, lang))
    return ", ".join(texts)
