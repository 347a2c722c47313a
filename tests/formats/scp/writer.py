"""Write SCP-ECG records bit by bit, as EN 1064 defines them, without the reader's code."""

from __future__ import annotations

import binascii
import struct
from typing import Any

from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = [0, 1, -1, 2, -8, 9, -127, 128, -129, 200, -30_000, 3, 3, 3]
DEFAULT = (19_999).to_bytes(2, "little")


def section(number: int, body: bytes) -> bytes:
    body += b"\0" * (len(body) % 2)
    reserved = b"SCPECG" if number == 0 else b""
    content = struct.pack("<HIBB6s", number, 16 + len(body), 20, 20, reserved) + body
    return struct.pack("<H", binascii.crc_hqx(content, 0xFFFF)) + content


def record_of(bodies: dict[int, bytes]) -> bytes:
    """Return section 0 with its twelve pointers, then the sections; with checksums and size."""
    sections = {number: section(number, body) for number, body in sorted(bodies.items())}
    position = 6 + 16 + 120 + 1
    pointers = [struct.pack("<HII", 0, 136, 7)]
    for number in range(1, 12):
        length = len(sections.get(number, b""))
        pointers.append(struct.pack("<HII", number, length, position if length else 0))
        position += length
    return stamped(section(0, b"".join(pointers)) + b"".join(sections.values()))


def stamped(body: bytes) -> bytes:
    """Return a record with its size and checksum."""
    content = (len(body) + 6).to_bytes(4, "little") + body
    return struct.pack("<H", binascii.crc_hqx(content, 0xFFFF)) + content


def packed(bits: str) -> bytes:
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


def huffman(values: list[int]) -> bytes:
    """Encode values with the default table, annex C.

    0 is "0". Values from 1 to 8 and -8 to -1 are as many ones, a zero and a sign bit. Other values
    follow a prefix as integers of 8 or 16 bits.
    """
    bits = ""
    for value in values:
        if value == 0:
            bits += "0"
        elif abs(value) <= 8:
            bits += "1" * abs(value) + "0" + ("1" if value < 0 else "0")
        elif -128 <= value <= 127:
            bits += "1111111110" + f"{value & 0xFF:08b}"
        else:
            bits += "1111111111" + f"{value & 0xFFFF:016b}"
    return packed(bits)


def plain(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


def lead_section(spans: list[tuple[int, int, int]], flags: int = 0) -> bytes:
    """Return section 3 from (first sample, last sample, lead number)."""
    return bytes([len(spans), flags]) + b"".join(struct.pack("<IIB", *span) for span in spans)


def wave_section(
    data: list[bytes],
    differences: int = 0,
    nanovolts: int = 1000,
    interval: int = 2000,
    bimodal: int = 0,
) -> bytes:
    """Return section 5 or 6 from the encoded bytes of each lead."""
    head = struct.pack("<HHBB", nanovolts, interval, differences, bimodal)
    lengths = b"".join(struct.pack("<H", len(lead)) for lead in data)
    return head + lengths + b"".join(data)


def read_sections(bodies: dict[int, bytes]) -> EcgRecord:
    return read([Part("upload", record_of(bodies))])


def one_lead(
    data: bytes, differences: int = 0, count: int = len(RAMP), **more: Any
) -> dict[int, bytes]:
    return {3: lead_section([(1, count, 1)]), 6: wave_section([data], differences, **more)}
