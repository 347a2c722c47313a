"""Convert the channels of a file to an EcgRecord. All readers with named channels use this module.

A reader decodes the file. `lead_selection` decides which channels are leads. This module converts
them to mV, and compares the file with the request's hints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import ImplausibleValues, MissingField, RecordingTooLong
from formats import fields
from formats.decoded import Channel, DecodedFile, printable_names
from formats.hints import Hints, prefer_request, single_id
from formats.lead_selection import select_leads
from formats.limits import MAX_VALUES
from formats.reported.measurements import of_recording
from signals.filler import without_extremes
from signals.leads import canonical_lead
from signals.record import EcgRecord, Patient, Sex, Units
from signals.units import (
    UNKNOWN,
    is_known_unit,
    millivolt_per_unit,
    to_millivolt,
    voltage_unit,
)

# A long strip of one lead must not win against ten seconds of twelve leads.
MAX_SECONDS_COUNTED: Final = 10.0

Waveform = tuple[float, Sequence[Channel]]
"""Samples per second, and the channels that were sampled together."""


def lead_seconds(fs: float, channels: Sequence[Channel]) -> float:
    """Rate a group of channels: its number of standard leads times its seconds, at most ten.

    Readers use it to choose among the waveforms of a file.
    """
    if not fs > 0:  # also True for NaN
        return 0.0
    names = {canonical_lead(channel.name) for channel in channels}
    samples = max((len(channel.codes) for channel in channels), default=0)
    return len(names - {None}) * min(samples / fs, MAX_SECONDS_COUNTED)


def longest_waveform(
    waveforms: Sequence[Waveform], others: str
) -> tuple[float, Sequence[Channel], tuple[str, ...]]:
    """Return the waveform with most lead-seconds, and a warning if there are others.

    others  what the other waveforms are called in the warning: "strips in the CardioSoft file"
    """
    fs, channels = max(waveforms, key=lambda waveform: lead_seconds(*waveform))
    if len(waveforms) == 1:
        return fs, channels, ()
    return fs, channels, (f"file: {len(waveforms) - 1} other {others}, left out",)


def record_from_channels(decoded: DecodedFile, hints: Hints) -> EcgRecord:
    """Convert the channels that are leads to mV, in their order.

    If the request's hints contradict the file, they win, and a warning is added.

    Raises UnknownLead, DuplicateLead, BadShape, RaggedSignal, NoSamples, CorruptFile (gain 0),
    RecordingTooLong, ImplausibleValues (infinite), MissingField (no rate, or a unit that is no
    voltage), BadSamplingRate, DurationMismatch, BadOption.
    """
    leads = select_leads(decoded, hints)
    samples = len(leads.channels[0].codes)
    if samples * len(leads.names) > MAX_VALUES:
        raise RecordingTooLong(
            f"signal: {samples} samples of {len(leads.names)} leads in the {decoded.kind} file are "
            f"{samples * len(leads.names)} values; the limit is {MAX_VALUES} values",
            loc=("signal",),
        )
    fs, fs_warnings = prefer_request("fs", hints.fs, leads.fs)
    if fs is None:
        raise MissingField(
            f"fs: missing; the {decoded.kind} file has no sampling rate, send it as a parameter",
            loc=("fs",),
        )
    rate = fields.sampling_rate(fs, ("fs",))
    fields.check_duration(hints.recording_duration, samples, rate, ("recording_duration",))
    signal, units, unit_warnings = _scale(leads.channels, decoded, hints)
    codes = [channel.codes for channel in leads.channels]
    limits = [channel.limits for channel in leads.channels]
    signal, extreme_warnings = without_extremes(signal, codes, limits, rate)
    patient, date, patient_warnings = _patient_and_date(decoded, hints)
    return EcgRecord(
        signal=signal,
        fs=rate,
        lead_names=leads.names,
        units=units,
        patient=patient,
        recording_date=date,
        id=single_id(hints),
        reported=of_recording(decoded.reported, samples / rate),
        warnings=(
            *decoded.warnings,
            *leads.warnings,
            *unit_warnings,
            *extreme_warnings,
            *fs_warnings,
            *patient_warnings,
        ),
    )


def _scale(
    channels: Sequence[Channel], decoded: DecodedFile, hints: Hints
) -> tuple[NDArray[np.float32], Units, tuple[str, ...]]:
    """Return (leads, samples) float32, its units and warnings.

    In mV, or in the file's own values if a unit is unknown. The request's gain applies to the codes
    and replaces the file's scale, offset and unit.
    """
    kind = decoded.kind
    # The request's gain is in ADC units per mV, so it applies to the codes as stored.
    if hints.gain is not None:
        unit = hints.units or "mV"
        rows = [to_millivolt(channel.codes, unit, hints.gain)[0] for channel in channels]
        gain_warnings = prefer_request("gain", hints.gain, _common_gain(channels))[1]
        return _finite(np.stack(rows), kind), "mV", gain_warnings
    stated = [channel.unit or decoded.unit or None for channel in channels]
    warnings = prefer_request("units", _canonical_spelling(hints.units), _common_unit(stated))[1]
    if not any(stated):
        stated = [decoded.default_unit] * len(channels)
    if hints.units is None:
        warnings += _unit_warnings(channels, stated, kind)
    rows = []
    units: Units = "mV"
    for channel, stated_unit in zip(channels, stated, strict=True):
        file_unit = stated_unit if stated_unit and is_known_unit(stated_unit) else UNKNOWN
        row, row_units = _to_millivolt(channel, hints.units or file_unit)
        rows.append(row)
        if row_units == "unknown":
            units = "unknown"
    return _finite(np.stack(rows), kind), units, warnings


def _unit_warnings(
    channels: Sequence[Channel], stated: Sequence[str | None], kind: str
) -> tuple[str, ...]:
    """Return a warning for channels without a unit, or with one that is no voltage."""
    unstated = [
        channel.name for channel, unit in zip(channels, stated, strict=True) if unit is None
    ]
    others = [unit for unit in stated if unit is not None and not is_known_unit(unit)]
    found = ""
    if len(unstated) == len(channels):
        found = "states none"
    elif unstated:
        found = f"states none for {printable_names(unstated)}"
    elif others:
        found = f"states {printable_names(list(dict.fromkeys(others)))}, which is no voltage"
    if not found:
        return ()
    return (
        f"units: the {kind} file {found}; send units or gain; results that need volts are null",
    )


def _common_unit(stated: Sequence[str | None]) -> str | None:
    """Return the unit that is stated for all channels, None for none, or "several units".

    A unit that is no voltage is "unknown".
    """
    units = {None if unit is None else voltage_unit(unit) or UNKNOWN for unit in stated}
    return units.pop() if len(units) == 1 else "several units"


def _canonical_spelling(units: str | None) -> str | None:
    """Spell the request's unit as `voltage_unit` does, so that "uv" does not contradict "uV"."""
    return None if units is None else voltage_unit(units) or units.strip().casefold()


def _common_gain(channels: Sequence[Channel]) -> float | None:
    """Return the ADC units per mV if all channels have the same, to six digits; otherwise NaN.

    None if no channel has a scale in volts.
    """
    gains: set[float | None] = set()
    for channel in channels:
        millivolt = millivolt_per_unit(channel.unit or "")
        # The product of two small numbers may be 0, too.
        millivolt_per_code = 0.0 if millivolt is None else channel.scale * millivolt
        if millivolt_per_code == 0.0:
            gains.add(None)
        else:
            gains.add(float(f"{1.0 / millivolt_per_code:.6g}"))
    return gains.pop() if len(gains) == 1 else math.nan


def _to_millivolt(channel: Channel, unit: str) -> tuple[NDArray[np.float32], Units]:
    """Scale one channel whose values are in `unit`."""
    with np.errstate(over="ignore", invalid="ignore"):  # _finite rejects infinite values
        values = channel.codes.astype(np.float64) * channel.scale + channel.offset
        return to_millivolt(values, unit)


def _finite(signal: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """Return the signal. Raises ImplausibleValues if a sample is infinite; NaN is a gap."""
    if np.isinf(signal).any():
        raise ImplausibleValues(f"signal: the {kind} file holds infinite values", loc=("signal",))
    return signal


def _patient_and_date(
    decoded: DecodedFile, hints: Hints
) -> tuple[Patient, str | None, tuple[str, ...]]:
    """Return the patient and the recording's date, from the request or else the file."""
    sex: Sex | None
    patient = decoded.patient
    age, age_warnings = prefer_request("patient.age", hints.age, patient.age_years)
    sex, sex_warnings = prefer_request("patient.sex", hints.sex, patient.sex)
    file_date = decoded.reported.recording_date if decoded.reported else None
    date, date_warnings = prefer_request("recording_date", hints.recording_date, file_date)
    return Patient(age, sex), date, (*age_warnings, *sex_warnings, *date_warnings)
