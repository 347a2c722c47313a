"""Split an SCP-ECG record into its sections, checked by sizes, pointers and checksums.

Source: EN 1064:2005+A1 / ISO 11073-91064:2009, clauses 5.2 and 5.3
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from typing import Final

from errors import CorruptFile, UnknownFormat

_RECORD_HEAD: Final = struct.Struct("<HI")  # CRC, size of the record
_SECTION_HEAD: Final = struct.Struct("<HHI8x")  # CRC, id, length; version, protocol, reserved
_POINTER: Final = struct.Struct("<HII")  # id, length, index counted from 1
_HEAD_BYTES: Final = _RECORD_HEAD.size + _SECTION_HEAD.size
_MARK: Final = b"SCPECG"
_MARK_OFFSET: Final = 16
_MIN_BYTES: Final = 64
_MAX_POINTERS: Final = 1024
_CRC_START: Final = 0xFFFF
# Tables, leads, QRS complexes, reference beat, rhythm.
_WAVEFORM_SECTIONS: Final = frozenset({2, 3, 4, 5, 6})


@dataclass(frozen=True)
class Frame:
    """Section number -> its body without the section's head."""

    sections: dict[int, bytes]
    warnings: tuple[str, ...] = ()

    def section(self, number: int) -> bytes | None:
        return self.sections.get(number)


def looks_like_scp(data: bytes) -> bool:
    """Return whether section 0 comes first, by its mark or by its pointer to itself.

    Records before protocol 1.3, and files that imitate SCP-ECG, have no mark.
    """
    if _has_mark(data):
        return True
    section_length = data[10:14]
    first_pointer_number = data[22:24]
    first_pointer_length = data[24:28]
    return (
        len(data) > _MIN_BYTES
        and data[8:10] == b"\0\0"
        and section_length == first_pointer_length
        and first_pointer_number == b"\0\0"
        and section_length != bytes(4)
    )


def _has_mark(data: bytes) -> bool:
    return data[_MARK_OFFSET : _MARK_OFFSET + len(_MARK)] == _MARK


def parse_frame(data: bytes) -> Frame:
    """Return the sections of a record.

    Raises CorruptFile for a wrong checksum, size or pointer, UnknownFormat for a file that only
    imitates SCP-ECG.
    """
    crc = size = 0
    if len(data) >= _HEAD_BYTES:
        crc, size = _RECORD_HEAD.unpack_from(data)
    if not _HEAD_BYTES < size <= len(data):
        fault = f"its size field states {size} bytes, the file has {len(data)}"
        if not _has_mark(data):
            raise UnknownFormat(f"not standard SCP-ECG (EN 1064): {fault}")
        raise CorruptFile(f"the SCP-ECG record is damaged: {fault}")
    body = data[:size]
    warnings: tuple[str, ...] = ()
    if len(data) > size:
        warnings = (f"file: {len(data) - size} bytes after the SCP-ECG record, left out",)
    is_intact = crc == binascii.crc_hqx(body[2:], _CRC_START)
    sections = {}
    section_bytes = 0
    for number, length, index in _pointers(body):
        if length:
            check_crc = not is_intact and number in _WAVEFORM_SECTIONS
            sections[number] = _section(body, number, length, index, check_crc=check_crc)
        # A section within a section would be copied, and its checksum computed, for each of them.
        section_bytes += length
        if section_bytes > size:
            raise CorruptFile(
                f"the SCP-ECG record has {size} bytes; its sections 0 to {number} need "
                f"{section_bytes}: they overlap"
            )
    if is_intact:
        return Frame(sections, warnings)
    # Software that removes a name from section 1 often leaves the record's checksum unchanged.
    # The waveforms have checksums of their own.
    warning = "file: the checksum of the SCP-ECG record is wrong, those of its waveforms are right"
    return Frame(sections, (*warnings, warning))


def _pointers(data: bytes) -> list[tuple[int, int, int]]:
    """Return (section number, length, index) of all pointers in section 0."""
    length = int.from_bytes(data[10:14], "little")
    count = (length - _SECTION_HEAD.size) // _POINTER.size
    if not 0 < count <= _MAX_POINTERS or _RECORD_HEAD.size + length > len(data):
        raise CorruptFile(
            f"section 0 of the SCP-ECG record: {length} bytes stated; 1 to {_MAX_POINTERS} "
            f"pointers of {_POINTER.size} bytes within the record are allowed"
        )
    end = _HEAD_BYTES + count * _POINTER.size
    return list(_POINTER.iter_unpack(data[_HEAD_BYTES:end]))


def _section(data: bytes, number: int, length: int, index: int, *, check_crc: bool) -> bytes:
    start = index - 1
    end = start + length
    if start < _RECORD_HEAD.size or length < _SECTION_HEAD.size or end > len(data):
        raise CorruptFile(f"section {number} of the SCP-ECG record is outside of the record")
    crc, own_number, own_length = _SECTION_HEAD.unpack_from(data, start)
    if own_number != number or own_length != length:
        raise CorruptFile(
            f"section {number} of the SCP-ECG record has another number or length than "
            "section 0 states"
        )
    if check_crc and crc != binascii.crc_hqx(data[start + 2 : end], _CRC_START):
        raise CorruptFile(f"section {number} of the SCP-ECG record: its checksum is wrong")
    return data[start + _SECTION_HEAD.size : end]
