"""Read what an SCP-ECG record reports about the patient, the device and its measurements.

Names and numbers of persons, in other tags of section 1, are read only to leave them out of the
statements.

Source: EN 1064:2005+A1 / ISO 11073-91064:2009, clauses 5.4, 5.10, 5.11 and 5.14; for the layout of
statements also public readers (PixelMed's Section8Or11, ECGToolkit's SCPSection11)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from formats import metadata
from formats.reported.measurements import parse_measurements
from formats.reported.statements import clean_statements
from signals.record import Patient, Sex

MAX_FIELDS: Final = 1000  # of section 1; the standard has 36 tags, of which few are repeated
# Tags of section 1.
_AGE: Final = 4  # u16, unit u8
_BIRTH_DATE: Final = 5  # year u16, month u8, day u8
_SEX: Final = 8  # u8
_DEVICE: Final = 14
_DATE: Final = 25  # year u16, month u8, day u8
_TIME: Final = 26  # hour, minute, second u8
_END: Final = 255
# Names, identifier, second name; referring and confirming physician, technician.
_PERSONS: Final = (0, 1, 2, 3, 20, 21, 22)

_SEXES: Final[dict[int, Sex]] = {1: "male", 2: "female"}
_AGE_UNITS: Final = {1: "y", 2: "m", 3: "w", 4: "d", 5: "h"}
# In tag 14: institution, department, device number (u16 each), type and manufacturer's code (u8
# each), then the model.
_MODEL: Final = slice(8, 14)
# Behind the length of the first of five strings: program, serial number, two versions,
# manufacturer.
_DEVICE_STRINGS_OFFSET: Final = 36
_MANUFACTURER: Final = 4
# From here on, a time is a code: 29999 for a value that was not computed, 29998 and 19999 for other
# reasons.
_NOT_MEASURED: Final = 19_999
# Section 7: count of beats, count of spikes, mean RR and PP, then one entry for each beat and
# spike.
_MEASUREMENTS_HEAD_BYTES: Final = 6
_BEAT: Final = struct.Struct("<5H3h")  # P on, P off, QRS on, QRS off, T off in ms; three axes
_SPIKE_BYTES: Final = 10
# Sections 8 and 11: confirmed u8, date (4 bytes), time (3 bytes), number of statements u8.
_STATEMENTS_HEAD_BYTES: Final = 9
# The first byte of a statement of section 11; 3 is logic between statements.
_CODED: Final = b"\x01"
_FULL_TEXT: Final = b"\x02"


def parse_tags(section: bytes | None) -> dict[int, bytes]:
    """Return the fields of section 1: tag u8, length u16, value. The first of a tag counts.

    A field that overruns the section ends the list, and so do MAX_FIELDS.
    """
    data = section or b""
    fields: dict[int, bytes] = {}
    position = 0
    for _ in range(MAX_FIELDS):
        if position + 3 > len(data) or data[position] == _END:
            break
        start = position + 3
        end = start + int.from_bytes(data[position + 1 : start], "little")
        if end > len(data):
            break
        fields.setdefault(data[position], data[start:end])
        position = end
    return fields


def recording_date(fields: dict[int, bytes]) -> str | None:
    """Return the acquisition date and time in ISO 8601."""
    date = fields.get(_DATE, b"")
    time = fields.get(_TIME, b"")
    clock = time[:3] if len(time) >= 3 else bytes(3)
    return _iso_datetime(date, clock)


def patient(fields: dict[int, bytes], date: str | None) -> tuple[Patient, tuple[str, ...]]:
    """Return sex and age, the latter as stated or at `date`; and a warning for an odd age."""
    age = fields.get(_AGE, b"")
    sex = fields.get(_SEX, b"\0")
    if len(age) >= 3 and age[2] in _AGE_UNITS:
        number = int.from_bytes(age[:2], "little")
        age_years = metadata.age_in_years(number, _AGE_UNITS[age[2]])
    else:
        birth_date = _iso_datetime(fields.get(_BIRTH_DATE, b""))
        age_years = metadata.age_at_recording(birth_date, date)
    sex_number = int.from_bytes(sex[:1], "little")
    return metadata.plausible_patient(age_years, _SEXES.get(sex_number))


def _iso_datetime(date: bytes, clock: bytes = bytes(3)) -> str | None:
    if len(date) < 4:
        return None
    year = int.from_bytes(date[:2], "little")
    return metadata.iso_datetime_from_parts(year, date[2], date[3], *clock)


def device(fields: dict[int, bytes]) -> str | None:
    """Return the manufacturer's name and the device's model."""
    value = fields.get(_DEVICE, b"")
    model = value[_MODEL].split(b"\0")[0]
    strings = value[_DEVICE_STRINGS_OFFSET:].split(b"\0")
    manufacturer = b""
    if len(strings) > _MANUFACTURER:
        manufacturer = strings[_MANUFACTURER]
    return metadata.device_name(manufacturer.decode("latin-1"), model.decode("latin-1"))


def measurements(section: bytes | None) -> dict[str, float]:
    """Return the global measurements of section 7 under our names.

    The intervals and axes are those of the first beat; heart rate and QTc follow the entries of
    beats and spikes.
    """
    data = section or b""
    if len(data) < _MEASUREMENTS_HEAD_BYTES or not data[0]:
        return {}
    beats = data[0]
    spikes = data[1]
    stated: list[tuple[str, object]] = [("rr_ms", _integer(data, 2))]
    if len(data) >= _MEASUREMENTS_HEAD_BYTES + _BEAT.size:
        stated += _beat_measurements(data)
    position = _MEASUREMENTS_HEAD_BYTES + _BEAT.size * beats + _SPIKE_BYTES * spikes
    # The types of all QRS complexes: a count and one byte each.
    position += 2 + (_integer(data, position) or 0)
    stated.append(("heart_rate_bpm", _integer(data, position)))
    stated.append(("qtc_ms", _integer(data, position + 4)))
    return parse_measurements(stated)


def statements(
    full_text: bytes | None, universal: bytes | None, fields: dict[int, bytes]
) -> tuple[str, ...]:
    """Return the statements of section 8, and those of section 11 in full text.

    The codes of section 11 ("NSR") are returned if neither section has a text.

    fields  `parse_tags` of section 1, whose names no statement may have
    """
    texts = [_text(value) for value in _statement_fields(full_text)]
    codes = []
    for value in _statement_fields(universal):
        if value[:1] == _FULL_TEXT:
            texts.append(_text(value[1:]))
        elif value[:1] == _CODED:
            codes.append(_text(value[1:]).replace("\n", " "))
    persons = [_text(fields.get(tag, b"")) for tag in _PERSONS]
    return clean_statements(texts, persons) or clean_statements(codes, persons)


def _statement_fields(section: bytes | None) -> Iterator[bytes]:
    """Yield the statements of section 8 or 11: number u8, length u16, value.

    Before them are whether a person confirmed them, date, time, and their number. A statement that
    overruns the section ends the list.
    """
    data = section or b""
    position = _STATEMENTS_HEAD_BYTES
    for _ in range(data[position - 1] if len(data) >= position else 0):
        start = position + 3
        position = start + int.from_bytes(data[position + 1 : start], "little")
        if position > len(data):
            return
        yield data[start:position]


def _text(value: bytes) -> str:
    """Return a text without the NUL at its ends; within the text, NUL separates lines."""
    text = value.strip(b"\0").replace(b"\0", b"\n")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _beat_measurements(data: bytes) -> list[tuple[str, object]]:
    """Return intervals and axes of the first beat of section 7."""
    fields = _BEAT.unpack_from(data, _MEASUREMENTS_HEAD_BYTES)
    p_on, p_off, qrs_on, qrs_off, t_off = (_measured(value) for value in fields[:5])
    return [
        ("p_duration_ms", _interval(p_on, p_off)),
        ("pr_ms", _interval(p_on, qrs_on)),
        ("qrs_ms", _interval(qrs_on, qrs_off)),
        ("qt_ms", _interval(qrs_on, t_off)),
        *zip(("p_axis_deg", "qrs_axis_deg", "t_axis_deg"), fields[5:], strict=True),
    ]


def _integer(data: bytes, position: int) -> int | None:
    """Return the measured u16 at `position`; None if the data end before it."""
    if position + 2 > len(data):
        return None
    return _measured(int.from_bytes(data[position : position + 2], "little"))


def _measured(value: int) -> int | None:
    return None if value >= _NOT_MEASURED else value


def _interval(start_ms: int | None, end_ms: int | None) -> int | None:
    if start_ms is None or end_ms is None:
        return None
    return end_ms - start_ms
