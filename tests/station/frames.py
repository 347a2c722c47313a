"""Records and frames of synthetic devices."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from station.ingest.frame import Record, encode

NOW_MS = 1_800_000_000_000
FS_HZ = 250.0
SAMPLES = 50
RECORD_MS = 200


def record(seq: int = 0, **changes: object) -> Record:
    """Return a record of two leads whose samples tell its number.

    It begins RECORD_MS after the one before.
    """
    first = seq * SAMPLES
    ramp = np.arange(first, first + SAMPLES) % 20_000
    plain = Record(
        source="strap-1",
        seq=seq,
        patient="p-1",
        device_ms=NOW_MS + seq * RECORD_MS,
        fs_hz=FS_HZ,
        leads=("II", "V1"),
        samples=np.stack([ramp, -ramp]).astype(np.int16),
        gain=1000.0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def frame(seq: int = 0, **changes: object) -> bytes:
    return encode(record(seq, **changes))


def with_crc(content: bytes) -> bytes:
    """Return a changed frame with the CRC that is right for it."""

    return content[:-4] + zlib.crc32(content[:-4]).to_bytes(4, "little")


def patched(content: bytes, at: int, new: bytes) -> bytes:
    """Return a frame with other bytes at a place, and the CRC that is right for it."""
    return with_crc(content[:at] + new + content[at + len(new) :])
