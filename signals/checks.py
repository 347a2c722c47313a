"""The requirements on a recording, checked before any work is spent on it.

The limits are documented in docs/api.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from errors import BadSamplingRate, ImplausibleValues, NoSamples, RecordingTooLong, TooShort
from signals.filler import mark_filler
from signals.number_text import number_text
from signals.record import EcgRecord
from signals.units import check_millivolt

MIN_FS_HZ: Final = 50.0
MAX_FS_HZ: Final = 2000.0
MIN_SECONDS: Final = 2.0
MAX_SECONDS: Final = 600.0
# Largest absolute value of a sample, in the record's units. In mV it is a kilovolt, which no
# electrode gives; in ADC units it is more than common converters count to.
MAX_VALUE: Final = 1e6


def check_record(
    record: EcgRecord, max_seconds: float = MAX_SECONDS, *, allow_no_samples: bool = False
) -> EcgRecord:
    """Return the record, or raise the error that says why it cannot be analysed.

    Where all leads are held at one value, the record is returned with a gap or without its end, and
    with a warning; a record with implausible mV, with unknown units and a warning.

    max_seconds       longest duration allowed
    allow_no_samples  accept a recording of gaps only, because /assess_quality reports it as a
                      finding
    Raises BadSamplingRate, TooShort, RecordingTooLong, ImplausibleValues, NoSamples.
    """
    _check_rate(record.fs)
    _check_duration(record, max_seconds)
    _check_values(record, allow_no_samples)
    return check_millivolt(mark_filler(record, MIN_SECONDS))


def _check_rate(fs: float) -> None:
    # Written as "not within", because a NaN must be refused too.
    if not MIN_FS_HZ <= fs <= MAX_FS_HZ:
        raise BadSamplingRate(
            f"fs: {number_text(fs, MIN_FS_HZ, MAX_FS_HZ)} Hz; "
            f"the allowed range is {MIN_FS_HZ:g} to {MAX_FS_HZ:g} Hz",
            loc=("fs",),
        )


def _check_duration(record: EcgRecord, max_seconds: float) -> None:
    # Numbers of samples are compared, because a duration in seconds could be rounded to the other
    # side of a limit.
    seconds = number_text(record.samples / record.fs, MIN_SECONDS, max_seconds)
    duration = f"signal: {seconds} s at {record.fs:g} Hz"
    if record.samples < MIN_SECONDS * record.fs:
        raise TooShort(f"{duration}; the minimum is {MIN_SECONDS:g} s", loc=("signal",))
    if record.samples > max_seconds * record.fs:
        raise RecordingTooLong(f"{duration}; the maximum is {max_seconds:g} s", loc=("signal",))


def _check_values(record: EcgRecord, allow_no_samples: bool) -> None:
    largest = record.largest_values()
    infinite_leads = []
    beyond_leads = []
    for lead, value in zip(record.lead_names, largest, strict=True):
        if np.isinf(value):
            infinite_leads.append(lead)
        elif value > MAX_VALUE:
            beyond_leads.append(lead)
    found = [f"infinite values in {', '.join(infinite_leads)}"] if infinite_leads else []
    if beyond_leads:
        found.append(f"values beyond ±{MAX_VALUE:.0f} in {', '.join(beyond_leads)}")
    if found:
        raise ImplausibleValues(
            f"signal: {' and '.join(found)}; finite values up to ±{MAX_VALUE:.0f} are allowed",
            loc=("signal",),
        )
    if not allow_no_samples and np.isnan(largest).all():
        raise NoSamples("signal: no samples, only gaps", loc=("signal",))
