"""The binary frame of one record: its layout, and how it is written. docs/station.md has a table.

A frame is a header of HEADER_BYTES, the samples lead by lead, and the CRC-32 of everything before
it; all numbers are little-endian. A post is any number of frames, one after another. Magic, version
and length have their places in every version, so that a frame of a later one can be passed over.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.leads import LEADS
from station.names import MAX_NAME_BYTES
from station.store.encoding import DTYPES, FLOAT32, INT16, STRETCH

MAGIC: Final = b"ECGR"
VERSION: Final = 1
MAX_LEADS: Final = 16

HEADER: Final = np.dtype(
    [
        ("magic", "S4"),
        ("version", "u1"),
        ("encoding", "u1"),
        ("kind", "u1"),
        ("beat_class", "u1"),
        ("length", "<u4"),
        ("lead_count", "<u2"),
        ("reserved", "<u2"),
        ("seq", "<i8"),
        ("device_ms", "<i8"),
        ("fs_hz", "<f8"),
        ("gain", "<f8"),
        ("samples", "<u4"),
        ("reserved_too", "<u4"),
        ("leads", f"S{MAX_LEADS}"),
        ("source", f"S{MAX_NAME_BYTES}"),
        ("patient", f"S{MAX_NAME_BYTES}"),
    ]
)
HEADER_BYTES: Final = HEADER.itemsize
CRC: Final = struct.Struct("<I")
LENGTH: Final = struct.Struct("<I")
VERSION_AT: Final = 4
LENGTH_AT: Final = 8

# A beat in the layout of E-Monitor and of Kaggle's heartbeat set: 187 samples of one lead.
BEAT_SAMPLES: Final = 187
BEAT_FS_HZ: Final = 125.0
# ANSI/AAMI EC57; 0 is a beat without a class.
BEAT_CLASSES: Final = ("", "N", "S", "V", "F", "Q")

# A lead's code is its place here. 0 fills the field. ECG1 to ECG4 are leads without a standard
# position, as of a chest strap.
LEAD_NAMES: Final = ("", *LEADS, "ECG1", "ECG2", "ECG3", "ECG4")
LEAD_CODES: Final = {name: code for code, name in enumerate(LEAD_NAMES) if code}

MAX_FRAME_BYTES: Final = 1024 * 1024
MIN_FRAME_BYTES: Final = HEADER_BYTES + CRC.size


@dataclass(frozen=True, eq=False)
class Record:
    """One record as a device has it.

    device_ms   time of the first sample, milliseconds since 1970 in UTC by the device's clock
    leads       names of LEAD_CODES
    samples     (leads, samples): int16 with INT16_GAP for gaps, or float32 in mV with NaN
    gain        values per mV of int16; 1 for float32
    beat_class  of BEAT_CLASSES, "" for none
    """

    source: str
    seq: int
    patient: str
    device_ms: int
    fs_hz: float
    leads: Sequence[str]
    samples: NDArray[np.int16] | NDArray[np.float32]
    gain: float = 1.0
    kind: int = STRETCH
    beat_class: str = ""


def encode(record: Record) -> bytes:
    """Return the frame of a record.

    Raises KeyError for an unknown lead, ValueError for an unknown class and OverflowError or
    ValueError for a number or name that its field cannot hold. The station checks the rest.
    """
    source, patient = record.source.encode(), record.patient.encode()
    if max(len(source), len(patient)) > MAX_NAME_BYTES or len(record.leads) > MAX_LEADS:
        raise ValueError(
            f"source and patient have at most {MAX_NAME_BYTES} bytes, leads at most {MAX_LEADS}"
        )
    encoding = INT16 if record.samples.dtype == np.int16 else FLOAT32
    payload = record.samples.astype(DTYPES[encoding]).tobytes()
    header = np.zeros((), HEADER)
    header["magic"], header["version"] = MAGIC, VERSION
    header["encoding"], header["kind"] = encoding, record.kind
    header["beat_class"] = BEAT_CLASSES.index(record.beat_class)
    header["length"] = HEADER_BYTES + len(payload) + CRC.size
    header["lead_count"], header["samples"] = record.samples.shape
    header["seq"], header["device_ms"] = record.seq, record.device_ms
    header["fs_hz"], header["gain"] = record.fs_hz, record.gain
    header["leads"] = bytes(LEAD_CODES[name] for name in record.leads)
    header["source"], header["patient"] = source, patient
    content: bytes = header.tobytes() + payload
    return content + CRC.pack(zlib.crc32(content))
