"""The frame of an SCP-ECG record: checksums, the pointers of section 0, and the sections that are not waveforms.

Source: EN 1064:2005+A1 / ISO 11073-91064:2009, clauses 5.2 to 5.4 and 5.10
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from typing import Final

from errors import CorruptFile, UnknownFormat
from formats import metadata
from signals.record import Patient, Sex

RECORD_HEAD: Final = 6  # CRC u16, size u32
SECTION_HEAD: Final = 16  # CRC u16, id u16, length u32, version u8, protocol u8, 6 reserved
POINTER: Final = struct.Struct("<HII")  # id, length, index counted from 1
MARK: Final = b"SCPECG"
MARK_AT: Final = 16
WAVEFORMS: Final = frozenset({2, 3, 4, 5, 6})  # tables, leads, QRS places, reference beat, rhythm
NOT_MEASURED: Final = 29_999
NO_AXIS: Final = 999
_MAX_POINTERS: Final = 1024
_SEXES: Final[dict[int, Sex]] = {1: "male", 2: "female"}
_AGE_UNITS: Final = {1: "y", 2: "m", 3: "w", 4: "d", 5: "h"}
_DEVICE_NAME_AT: Final = 8  # in tag 14, after institution, department, device (u16 each), type and manufacturer's code (u8 each)
_DEVICE_NAME_BYTES: Final = 6
_DEVICE_TEXTS_AT: Final = 36  # after the length of the first of five texts: program, serial number, two versions, manufacturer
_MANUFACTURER: Final = 4


@dataclass(frozen=True)
class Frame:
    """Section number -> its body, without the section's head."""

    sections: dict[int, bytes]
    warnings: tuple[str, ...] = ()

    def section(self, number: int) -> bytes | None:
        return self.sections.get(number)


def looks_like_scp(data: bytes) -> bool:
    """Section 0 stands first and says so, or (before protocol 1.3, and in what imitates it) begins with the pointer to itself."""
    if data[MARK_AT : MARK_AT + len(MARK)] == MARK:
        return True
    return (
        len(data) > 64
        and data[8:10] == b"\0\0"
        and data[10:14] == data[24:28]
        and data[22:24] == b"\0\0"
        and data[10:14] != bytes(4)
    )


def parse_frame(data: bytes) -> Frame:
    """Raises CorruptFile (checksum, sizes, pointers), UnknownFormat (what only imitates SCP-ECG)."""
    crc, size = (
        struct.unpack_from("<HI", data) if len(data) >= RECORD_HEAD + SECTION_HEAD else (0, 0)
    )
    if not RECORD_HEAD + SECTION_HEAD < size <= len(data):
        wrong = f"its size field says {size} bytes, {len(data)} are there"
        if data[MARK_AT : MARK_AT + len(MARK)] != MARK:
            raise UnknownFormat(f"not standard SCP-ECG (EN 1064): {wrong}")
        raise CorruptFile(f"the SCP-ECG record is damaged: {wrong}")
    body = data[:size]
    whole = crc == binascii.crc_hqx(body[2:], 0xFFFF)
    places = [(number, length, index) for number, length, index in _pointers(body) if length]
    sections = {
        number: _section(body, number, length, index, checked=not whole and number in WAVEFORMS)
        for number, length, index in places
    }
    # Who takes a name out of section 1 often leaves the record's checksum; the waveforms have their own.
    return Frame(
        sections,
        ()
        if whole
        else (
            "file: the checksum of the SCP-ECG record is wrong, those of its waveforms are right",
        ),
    )


def _pointers(data: bytes) -> list[tuple[int, int, int]]:
    length = int.from_bytes(data[10:14], "little")
    count = (length - SECTION_HEAD) // POINTER.size
    if not 0 < count <= _MAX_POINTERS or RECORD_HEAD + length > len(data):
        raise CorruptFile(f"section 0 of the SCP-ECG record has {length} bytes, which cannot be")
    return [
        POINTER.unpack_from(data, RECORD_HEAD + SECTION_HEAD + row * POINTER.size)
        for row in range(count)
    ]


def _section(data: bytes, number: int, length: int, index: int, *, checked: bool) -> bytes:
    start = index - 1
    if start < RECORD_HEAD or length < SECTION_HEAD or start + length > len(data):
        raise CorruptFile(f"section {number} of the SCP-ECG record lies outside of it")
    crc, own_number, own_length = struct.unpack_from("<HHI", data, start)
    if own_number != number or own_length != length:
        raise CorruptFile(
            f"section {number} of the SCP-ECG record is another, or of another length, than section 0 says"
        )
    if checked and crc != binascii.crc_hqx(data[start + 2 : start + length], 0xFFFF):
        raise CorruptFile(
            f"section {number} of the SCP-ECG record is damaged: its checksum is wrong"
        )
    return data[start + SECTION_HEAD : start + length]


def tags(section: bytes | None) -> dict[int, bytes]:
    """Section 1's fields: tag u8, length u16, value; 255 ends them. What overruns the section is left out."""
    found: dict[int, bytes] = {}
    at, data = 0, section or b""
    while at + 3 <= len(data) and data[at] != 255:
        length = int.from_bytes(data[at + 1 : at + 3], "little")
        if at + 3 + length > len(data):
            break
        found.setdefault(data[at], data[at + 3 : at + 3 + length])
        at += 3 + length
    return found


def date_of(found: dict[int, bytes]) -> str | None:
    """Tags 25 (year u16, month, day) and 26 (hour, minute, second)."""
    day, clock = found.get(25, b""), found.get(26, b"")
    if len(day) < 4:
        return None
    return metadata.iso_datetime_from_parts(
        int.from_bytes(day[:2], "little"),
        day[2],
        day[3],
        *(clock[:3] if len(clock) >= 3 else (0, 0, 0)),
    )


def patient_of(found: dict[int, bytes], date: str | None) -> tuple[Patient, tuple[str, ...]]:
    """Tags 4 (age u16, unit), 5 (date of birth) and 8 (sex)."""
    age, born, sex = found.get(4, b""), found.get(5, b""), found.get(8, b"")
    years = None
    if len(age) >= 3 and age[2] in _AGE_UNITS:
        years = metadata.age_in_years(int.from_bytes(age[:2], "little"), _AGE_UNITS[age[2]])
    elif len(born) >= 4:
        years = metadata.age_at_recording(
            metadata.iso_datetime_from_parts(int.from_bytes(born[:2], "little"), born[2], born[3]),
            date,
        )
    return metadata.plausible_patient(years, _SEXES.get(sex[0]) if sex else None)


def device_of(found: dict[int, bytes]) -> str | None:
    """Tag 14: the manufacturer's name among the texts at its end, and the model's short one."""
    value = found.get(14, b"")
    model = value[_DEVICE_NAME_AT : _DEVICE_NAME_AT + _DEVICE_NAME_BYTES].split(b"\0")[0]
    texts = value[_DEVICE_TEXTS_AT:].split(b"\0")
    maker = texts[_MANUFACTURER] if len(texts) > _MANUFACTURER else b""
    return metadata.device_name(maker.decode("latin-1"), model.decode("latin-1"))


def measurements(section: bytes | None) -> dict[str, float]:
    """Section 7: mean RR, the first beat's fiducials in ms and axes, and the rate and QTc behind the pacemaker's spikes."""
    data = section or b""
    if len(data) < 6 or not data[0]:
        return {}
    beats, spikes = data[0], data[1]
    first = data[6:22]
    found: dict[str, object] = {"rr_ms": _word(data, 2)}
    if len(first) == 16:
        p_on, p_off, qrs_on, qrs_off, t_off = (
            _known(value) for value in struct.unpack("<5H", first[:10])
        )
        axes = struct.unpack("<3h", first[10:])
        found |= {
            "p_duration_ms": _between(p_on, p_off),
            "pr_ms": _between(p_on, qrs_on),
            "qrs_ms": _between(qrs_on, qrs_off),
            "qt_ms": _between(qrs_on, t_off),
        }
        found |= {
            name: axis
            for name, axis in zip(("p_axis_deg", "qrs_axis_deg", "t_axis_deg"), axes, strict=True)
            if abs(axis) <= 180
        }
    at = 6 + 16 * beats + 10 * spikes
    at += 2 + (_word(data, at) or 0)  # a byte for the type of each QRS complex
    return metadata.parse_measurements(
        found | {"heart_rate_bpm": _word(data, at), "qtc_ms": _word(data, at + 4)}
    )


def _word(data: bytes, at: int) -> int | None:
    return _known(int.from_bytes(data[at : at + 2], "little")) if at + 2 <= len(data) else None


def _known(value: int) -> int | None:
    return None if value >= NOT_MEASURED else value


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start
