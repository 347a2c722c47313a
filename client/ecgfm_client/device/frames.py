"""The records of a device, and the binary frame of one: the table in docs/station.md.

A record is checked before it is numbered, so that what is in the buffer is what the station takes.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecgfm_client.errors import UnusableInput
from ecgfm_client.layouts import LEADS

# A lead's code is its place here. ECG1 to ECG4 are leads without a standard position.
LEAD_NAMES: Final = ("", *LEADS, "ECG1", "ECG2", "ECG3", "ECG4")
BEAT_CLASSES: Final = ("", "N", "S", "V", "F", "Q")  # ANSI/AAMI EC57; "" for none
BEAT_SAMPLES: Final = 187
BEAT_FS_HZ: Final = 125.0
MIN_FS_HZ: Final = 50.0
MAX_FS_HZ: Final = 2000.0
MAX_RECORD_S: Final = 60.0
MAX_GAIN: Final = 1e9
MAX_TIME_MS: Final = 7_258_118_400_000  # the year 2200
MAX_FRAME_BYTES: Final = 1024 * 1024

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,31}")
_NAME_RULE: Final = "1 to 32 letters, digits and ._@- are allowed, a letter or digit first"
_CODES: Final = {name: code for code, name in enumerate(LEAD_NAMES) if code}
# magic, version, encoding, kind, class, length, leads, reserved, seq, time, rate, gain, samples,
# reserved, codes of the leads, source, patient
_HEADER: Final = struct.Struct("<4sBBBBIHHqqddII16s32s32s")
_CRC: Final = struct.Struct("<I")
_MAGIC: Final = b"ECGR"
_VERSION: Final = 1
_INT16, _FLOAT32 = 0, 1
_STRETCH, _BEAT = 0, 1


@dataclass(frozen=True, eq=False)
class Stretch:
    """A stretch of signal.

    time_ms  of the first sample, milliseconds since 1970 in UTC
    fs       sampling rate in Hz
    leads    names of LEAD_NAMES, one for each row
    samples  (leads, samples) in mV, NaN for gaps; or int16 with -32768 for gaps, and a gain
    gain     values of int16 per mV
    """

    patient: str
    time_ms: int
    fs: float
    leads: Sequence[str]
    samples: NDArray[Any]
    gain: float | None = None


@dataclass(frozen=True, eq=False)
class Beat:
    """One beat in the layout of Kaggle's heartbeat set.

    time_ms     of the first sample, milliseconds since 1970 in UTC
    samples     (187,) at 125 Hz
    beat_class  of BEAT_CLASSES
    """

    patient: str
    time_ms: int
    samples: NDArray[Any]
    beat_class: str = ""


Record = Stretch | Beat


@dataclass(frozen=True, eq=False)
class CheckedRecord:
    """A record that the station can store. `samples` are (leads, samples), int16 or float32."""

    kind: int
    patient: str
    time_ms: int
    fs: float
    leads: Sequence[str]
    samples: NDArray[Any]
    gain: float
    beat_class: str

    @property
    def frame_bytes(self) -> int:
        return _HEADER.size + self.samples.nbytes + _CRC.size


def check_name(field: str, name: str) -> None:
    """Raises UnusableInput for what no source or patient can be called."""
    if _NAME.fullmatch(name) is None:
        raise UnusableInput(f"{field}: {name!r}; {_NAME_RULE}")


def checked(record: Record) -> CheckedRecord:
    """Return what will be sent of a record. Raises UnusableInput."""
    check_name("patient", record.patient)
    if not 0 <= record.time_ms <= MAX_TIME_MS:
        raise UnusableInput(f"time_ms: {record.time_ms}; milliseconds since 1970, to 2200")
    found = _checked_beat(record) if isinstance(record, Beat) else _checked_stretch(record)
    if np.isinf(found.samples).any():
        raise UnusableInput("samples: infinite values; NaN is a gap")
    if found.frame_bytes > MAX_FRAME_BYTES:
        raise UnusableInput(
            f"samples: a frame of {found.frame_bytes} bytes; {MAX_FRAME_BYTES} are allowed"
        )
    return found


def _checked_beat(beat: Beat) -> CheckedRecord:
    if beat.samples.shape != (BEAT_SAMPLES,):
        raise UnusableInput(
            f"samples: of shape {beat.samples.shape}; a beat has ({BEAT_SAMPLES},) at 125 Hz"
        )
    if beat.beat_class not in BEAT_CLASSES:
        raise UnusableInput(f"beat_class: {beat.beat_class!r}; allowed are {BEAT_CLASSES}")
    return CheckedRecord(
        kind=_BEAT,
        patient=beat.patient,
        time_ms=beat.time_ms,
        fs=BEAT_FS_HZ,
        leads=("ECG1",),
        samples=_as_float32(beat.samples[np.newaxis]),
        gain=1.0,
        beat_class=beat.beat_class,
    )


def _checked_stretch(stretch: Stretch) -> CheckedRecord:
    samples, leads = stretch.samples, stretch.leads
    if not set(leads) <= _CODES.keys() or len(set(leads)) != len(leads):
        raise UnusableInput(f"leads: {', '.join(leads)}; each once of {', '.join(LEAD_NAMES[1:])}")
    if not leads or samples.ndim != 2 or len(samples) != len(leads) or not samples.shape[1]:
        raise UnusableInput(
            f"samples: of shape {samples.shape}; ({len(leads)}, samples) for these leads"
        )
    if not MIN_FS_HZ <= stretch.fs <= MAX_FS_HZ:
        raise UnusableInput(f"fs: {stretch.fs}; {MIN_FS_HZ:g} to {MAX_FS_HZ:g} Hz are allowed")
    if not samples.shape[1] / stretch.fs <= MAX_RECORD_S:
        raise UnusableInput(
            f"samples: {samples.shape[1] / stretch.fs:g} s; at most {MAX_RECORD_S:g} s a record"
        )
    return CheckedRecord(
        kind=_STRETCH,
        patient=stretch.patient,
        time_ms=stretch.time_ms,
        fs=float(stretch.fs),
        leads=leads,
        samples=samples if stretch.gain is not None else _as_float32(samples),
        gain=_checked_gain(stretch),
        beat_class="",
    )


def _checked_gain(stretch: Stretch) -> float:
    kind = stretch.samples.dtype
    if stretch.gain is None:
        if kind.kind != "f":
            raise UnusableInput(f"gain: missing; samples of {kind} need their number per mV")
        return 1.0
    if kind != np.int16:
        raise UnusableInput(f"gain: given for samples of {kind}; it belongs to int16")
    if not 0 < stretch.gain <= MAX_GAIN:
        raise UnusableInput(f"gain: {stretch.gain}; above 0, at most {MAX_GAIN:g} per mV")
    return float(stretch.gain)


def _as_float32(samples: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.asarray(samples, np.float32)


def frame_of(record: CheckedRecord, source: str, seq: int) -> bytes:
    """Return the frame of a record with its number."""
    is_int16 = record.samples.dtype == np.int16
    payload = record.samples.astype("<i2" if is_int16 else "<f4").tobytes()
    content = (
        _HEADER.pack(
            _MAGIC,
            _VERSION,
            _INT16 if is_int16 else _FLOAT32,
            record.kind,
            BEAT_CLASSES.index(record.beat_class),
            record.frame_bytes,
            len(record.leads),
            0,
            seq,
            record.time_ms,
            record.fs,
            record.gain,
            record.samples.shape[1],
            0,
            bytes(_CODES[name] for name in record.leads),
            source.encode(),
            record.patient.encode(),
        )
        + payload
    )
    return content + _CRC.pack(zlib.crc32(content))


def is_whole(frame: bytes) -> bool:
    """Return whether a frame has the CRC that it was written with."""
    return frame[-_CRC.size :] == _CRC.pack(zlib.crc32(memoryview(frame)[: -_CRC.size]))
