"""Write WFDB records bit by bit, after signal(5) and header(5), without the reader's code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

RAMP = [-119, -55, 64, 86, -91, 4, 7, 100, -100, 55, 31]


def encode(samples: Sequence[int], storage: int) -> bytes:
    """Encode the codes of one file, interleaved by frame, in a storage format other than 8."""
    if storage in (16, 24, 32):
        return b"".join(value.to_bytes(storage // 8, "little", signed=True) for value in samples)
    if storage == 61:
        return b"".join(value.to_bytes(2, "big", signed=True) for value in samples)
    if storage == 80:
        return bytes(value + 128 for value in samples)
    if storage == 160:
        return b"".join((value + 32768).to_bytes(2, "little") for value in samples)
    return {212: _encode_212, 310: _encode_310, 311: _encode_311}[storage](samples)


def differences(signals: Sequence[Sequence[int]]) -> bytes:
    """Encode several signals in format 8, signed first differences.

    The first difference of each signal is against its initial value, so it is 0.
    """
    frames = zip(*([0] + [b - a for a, b in pairwise(signal)] for signal in signals), strict=True)
    return bytes(value & 0xFF for frame in frames for value in frame)


def _encode_212(samples: Sequence[int]) -> bytes:
    out = bytearray()
    for first, second in _groups(samples, 2):
        bits = (first & 0xFFF) | (second & 0xFFF) << 12
        # The low 8 bits of sample 0; a byte of both high nibbles, sample 1's on top; the low 8
        # bits of sample 1.
        out += bytes([bits & 0xFF, (bits >> 8 & 0xF) | (bits >> 20 & 0xF) << 4, bits >> 12 & 0xFF])
    return bytes(out)


def _encode_310(samples: Sequence[int]) -> bytes:
    out = bytearray()
    for a, b, c in _groups(samples, 3):
        c &= 0x3FF
        out += ((a & 0x3FF) << 1 | (c & 0x1F) << 11).to_bytes(2, "little")
        out += ((b & 0x3FF) << 1 | (c >> 5) << 11).to_bytes(2, "little")
    return bytes(out)


def _encode_311(samples: Sequence[int]) -> bytes:
    return b"".join(
        ((a & 0x3FF) | (b & 0x3FF) << 10 | (c & 0x3FF) << 20).to_bytes(4, "little")
        for a, b, c in _groups(samples, 3)
    )


def _groups(samples: Sequence[int], size: int) -> list[Sequence[int]]:
    padded = [*samples, *[0] * (-len(samples) % size)]
    return [padded[start : start + size] for start in range(0, len(padded), size)]


@dataclass
class Line:
    """One signal line; the fields in the manual's order."""

    file: str
    storage: str
    gain: str
    codes: Sequence[int]
    name: str
    zero: int = 0

    def text(self) -> str:
        checksum = (sum(self.codes) + 32768) % 65536 - 32768
        start = f"{self.file} {self.storage} {self.gain} 12 {self.zero}"
        return f"{start} {self.codes[0]} {checksum} 0 {self.name}"


def header(
    lines: Sequence[Line],
    *,
    fs: str = "500",
    samples: int | None = None,
    when: str = "",
    comments: str = "",
) -> bytes:
    count = len(lines[0].codes) if samples is None else samples
    record = f"rec {len(lines)} {fs} {count} {when}".rstrip()
    return "\n".join([record, *(line.text() for line in lines), comments]).encode()


def pair(storage: str = "16", gain: str = "1000/mV", **more: Any) -> tuple[bytes, bytes]:
    """Return header and signal file of a record of the ramp as I and, reversed, as II."""
    lines = [
        Line("rec.dat", storage, gain, RAMP, "I"),
        Line("rec.dat", storage, gain, RAMP[::-1], "II"),
    ]
    codes = [value for frame in zip(RAMP, RAMP[::-1], strict=True) for value in frame]
    number = int(storage.split("x")[0].split("+")[0].split(":")[0])
    return header(lines, **more), encode(codes, number)


def read_pair(head: bytes, data: bytes) -> EcgRecord:
    return read([Part("rec.hea", head), Part("rec.dat", data)])
