"""Small ATC, Contec and WAV files, encoded here after their descriptions."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

ATC_SIGNATURE: Final = b"ALIVE\0\0\0"
ATC_LEADS: Final = dict(
    zip(
        ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"),
        [b"ecg%c" % digit for digit in b" 23456789abc"],
        strict=True,
    )
)
WAV_GUID_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")


def byte_sum(block: bytes) -> int:
    return sum(block)


def signed_byte_sum(block: bytes) -> int:
    return sum(byte - 256 * (byte > 127) for byte in block) % 2**32


def atc_block(identifier: bytes, data: bytes, checksum: Callable[[bytes], int] = byte_sum) -> bytes:
    block = identifier + struct.pack("<I", len(data)) + data
    return block + struct.pack("<I", checksum(block))


def atc_info(date: str = "2024-05-01T08:27:32.500+02:00") -> bytes:
    """Return the data of the info block; its identifiers are made up."""
    fields = (
        (date, 32), ("58E0A7D7-EEBC", 40), ("phone-4711", 44), ("Phone 4", 32),
        ("AliveECG v1", 32), ("kardia_mobile", 32), ("SN=Erika", 52),
    )  # fmt: skip
    return b"".join(text.encode().ljust(width, b"\0") for text, width in fields)


def atc_format(
    fs: int = 300, nanovolts: int = 500, flags: int = 0x0E, sample_format: int = 1
) -> bytes:
    return struct.pack("<BHHBH", sample_format, fs, nanovolts, flags, 0)


def atc(
    leads: Mapping[str, np.ndarray | Sequence[int]],
    *more: bytes,
    version: int = 4,
    info: bytes | None = None,
    form: bytes | None = None,
    checksum: Callable[[bytes], int] = byte_sum,
) -> bytes:
    """Return an ATC file of these leads; `more` are further blocks."""
    blocks = [
        atc_block(b"info", atc_info() if info is None else info, checksum),
        atc_block(b"fmt ", atc_format() if form is None else form, checksum),
    ]
    for lead, codes in leads.items():
        data = np.asarray(codes).astype("<i2").tobytes()
        blocks.append(atc_block(ATC_LEADS[lead], data, checksum))
    return ATC_SIGNATURE + struct.pack("<I", version) + b"".join([*blocks, *more])


def crc32(block: bytes) -> int:
    return zlib.crc32(block)


def contec(
    rows: np.ndarray,
    *,
    time: bytes = b"2024-05-01 08:27:32",
    sex: int = 0,
    age: int = 63,
    name: bytes = b"Erika",
    footer: bytes = bytes(37),
) -> bytes:
    """Return a Contec file; `rows` are (8, samples) codes of II, III and V1 to V6."""
    header = b"0000011\0\0\0" + time.ljust(20, b"\0") + b"\0\0" + name[:8].ljust(8, b"\0")
    return header + bytes([sex, age, 70]) + rows.T.astype("<u2").tobytes() + footer


def chunk(identifier: bytes, data: bytes) -> bytes:
    return identifier + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def wav(
    samples: bytes,
    channels: int,
    width: int,
    *more: bytes,
    fs: int = 250,
    bits: int | None = None,
    tag: int = 1,
    subformat: int | None = None,
    size: int | None = None,
) -> bytes:
    """Return a WAV file; `more` are chunks before the samples, `size` replaces the header's."""
    form = struct.pack(
        "<HHIIHH",
        tag if subformat is None else 0xFFFE,
        channels,
        fs,
        fs * channels * width,
        channels * width,
        8 * width if bits is None else bits,
    )
    if subformat is not None:
        form += struct.pack("<HHIH", 22, 8 * width, 0, subformat) + WAV_GUID_TAIL
    body = b"WAVE" + chunk(b"fmt ", form) + b"".join(more) + chunk(b"data", samples)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body
