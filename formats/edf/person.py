"""Parse patient, start and equipment in the header of an EDF or EDF+ file.

Source: https://www.edfplus.info/specs/edfplus.html, 2.1.3.3 and 2.1.3.4
"""

from __future__ import annotations

import re
from typing import Final

from formats import metadata, numbers
from formats.edf.header import RESERVED, text_field
from signals.record import Patient, Reported

_PLUS: Final = (b"EDF+", b"BDF+")
# Where the fields of the file's header are, in bytes.
_PATIENT: Final = slice(8, 88)
_RECORDING: Final = slice(88, 168)
_START_DATE: Final = slice(168, 176)
_START_TIME: Final = slice(176, 184)
_CENTURY: Final = 85  # years of two digits: 85 to 99 are 1985 to 1999, 00 to 84 are 2000 to 2084
_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
_DAY: Final = re.compile(r"(\d{2})-([A-Z]{3})-(\d{4})")


def parse_person(data: bytes) -> tuple[Patient, Reported, tuple[str, ...]]:
    """Return patient, date and device, with warnings.

    EDF+ has sex, date of birth, date and equipment at fixed positions. Of plain EDF only the start
    is used, because its other fields are free text.
    """
    start = _start(data)
    if not data[RESERVED].startswith(_PLUS):
        return Patient(), Reported(start), ()
    # Words beyond the standard's are the patient's name and further text; missing ones are unknown.
    _, sex, born, *_ = [*text_field(data[_PATIENT]).split(" "), "", "", ""]
    _, day, _, _, equipment, *_ = [*text_field(data[_RECORDING]).split(" "), "", "", "", "", ""]
    stated_day = _day(day)
    if stated_day and start:
        # The four-digit year of EDF+ is exact; the header's year has only two digits.
        start = stated_day + start[10:]
    age = metadata.age_at_recording(_day(born), start)
    patient, warnings = metadata.plausible_patient(age, metadata.parse_sex(sex))
    device = None if equipment == "X" else metadata.device_name(equipment.replace("_", " "))
    return patient, Reported(start, device), warnings


def _start(data: bytes) -> str | None:
    """Return the start as ISO 8601, from dd.mm.yy and hh.mm.ss."""
    day = text_field(data[_START_DATE]).split(".")
    clock = text_field(data[_START_TIME]).split(".")
    if len(day) != 3 or len(clock) != 3:
        return None
    year = numbers.parse_number(day[2])
    if year is None:
        return None
    century = 1900 if year >= _CENTURY else 2000
    return metadata.iso_datetime_from_parts(year + century, day[1], day[0], *clock)


def _day(text: str) -> str | None:
    """Return the ISO date of "02-MAY-1960", or None."""
    match = _DAY.fullmatch(text.upper())
    if match is None or match[2] not in _MONTHS:
        return None
    month = _MONTHS.index(match[2]) + 1
    midnight = metadata.iso_datetime_from_parts(match[3], month, match[1])
    return midnight[:10] if midnight else None
