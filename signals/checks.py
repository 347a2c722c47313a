"""What a recording must be before any work is spent on it; the limits are docs/api.md's."""

from __future__ import annotations

from typing import Final

import numpy as np

from errors import BadSamplingRate, ImplausibleValues, NoSamples, RecordingTooLong, TooShort
from signals.record import EcgRecord
from signals.units import check_millivolt

MIN_FS_HZ: Final = 50.0
MAX_FS_HZ: Final = 2000.0
MIN_SECONDS: Final = 2.0
MAX_SECONDS: Final = 600.0
MAX_VALUE: Final = (
    1e6  # in the record's units; no electrode gives a kilovolt, no ADC in use counts so far
)


def check_record(
    record: EcgRecord, max_seconds: float = MAX_SECONDS, *, judge_anything: bool = False
) -> EcgRecord:
    """The record, or the error that says why it cannot be analysed; implausible mV become unknown units, with a warning.

    judge_anything  for /assess_quality: gaps throughout are a finding there, no error
    Raises BadSamplingRate, TooShort, RecordingTooLong, ImplausibleValues, NoSamples.
    """
    _check_rate(record.fs)
    _check_duration(record, max_seconds)
    _check_values(record, judge_anything)
    return check_millivolt(record)


def _check_rate(fs: float) -> None:
    if not MIN_FS_HZ <= fs <= MAX_FS_HZ:
        raise BadSamplingRate(
            f"fs: {fs:g} Hz; {MIN_FS_HZ:g} to {MAX_FS_HZ:g} Hz are read", loc=("fs",)
        )


def _check_duration(record: EcgRecord, max_seconds: float) -> None:
    found = f"{record.duration_s:.4g} s at {record.fs:g} Hz"
    if record.samples < MIN_SECONDS * record.fs:
        raise TooShort(f"{found}; at least {MIN_SECONDS:g} s are needed", loc=("signal",))
    if record.samples > max_seconds * record.fs:
        raise RecordingTooLong(f"{found}; at most {max_seconds:g} s are read", loc=("signal",))


def _check_values(record: EcgRecord, judge_anything: bool) -> None:
    # fmax passes NaN by, and says nothing of a lead that is NaN throughout.
    largest = np.fmax.reduce(np.abs(record.signal), axis=1)
    beyond = [
        lead for lead, value in zip(record.lead_names, largest, strict=True) if value > MAX_VALUE
    ]
    if beyond:
        raise ImplausibleValues(
            f"signal: {', '.join(beyond)} with values that are infinite or beyond ±{MAX_VALUE:g}",
            loc=("signal",),
        )
    if not judge_anything and np.isnan(largest).all():
        raise NoSamples("signal: no samples, only gaps", loc=("signal",))
