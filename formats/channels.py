"""Convert the channels of a file to an EcgRecord. All readers with named channels use this module.

A reader decodes the file. This module decides which channels are leads, converts them to mV, and
compares the file with the request's hints.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import (
    BadShape,
    CorruptFile,
    ImplausibleValues,
    MissingField,
    NoSamples,
    RaggedSignal,
    RecordingTooLong,
    UnknownLead,
)
from formats import fields
from formats.hints import Hints, prefer_request, single_id
from formats.limits import MAX_VALUES
from signals.leads import canonical_lead, parse_lead_names
from signals.record import EcgRecord, Patient, Reported, Sex, Units
from signals.units import to_millivolt

# Spellings of voltage units in files -> the name that `signals.units` knows, and the factor to it.
_VOLTAGE_UNITS: Final[dict[str, tuple[str, float]]] = {
    **dict.fromkeys(("mv", "millivolt", "millivolts", "milivolt", "milivolts"), ("mV", 1.0)),
    **dict.fromkeys(("uv", "μv", "microvolt", "microvolts"), ("uV", 1.0)),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), ("uV", 1e-3)),
    **dict.fromkeys(("v", "volt", "volts"), ("V", 1.0)),
    "unknown": ("unknown", 1.0),
}
_MILLIVOLT_PER_UNIT: Final = {"mV": 1.0, "uV": 1e-3, "V": 1e3}
_UNKNOWN_UNIT: Final = ("unknown", 1.0)
# A long strip of one lead must not win against ten seconds of twelve leads.
MAX_SECONDS_COUNTED: Final = 10.0
_MAX_NAMES_LISTED: Final = 20
_MAX_NAME_CHARS: Final = 40
_MAX_CHANNEL_NAME_CHARS: Final = 65  # a longer one is no lead's, see signals.leads


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of a file: value = codes * scale + offset, in `unit`.

    codes  (samples,) as stored, after subtraction of the baseline; NaN for gaps
    unit   as the file spells it; None if it states none
    fs     samples per second, if channels have different rates
    """

    name: str
    codes: NDArray[Any]
    unit: str | None
    scale: float = 1.0
    offset: float = 0.0
    fs: float | None = None


@dataclass(frozen=True, eq=False)
class DecodedFile:
    """The content of a file that a reader decoded.

    kind  the name of the format in messages
    fs    samples per second; None if the file states none, or if its channels do
    """

    kind: str
    fs: float | None
    channels: Sequence[Channel]
    patient: Patient = field(default_factory=Patient)
    reported: Reported | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Leads:
    """The channels that become leads, with their canonical names, rate and warnings."""

    channels: list[Channel]
    names: tuple[str, ...]
    fs: float | None = None
    warnings: tuple[str, ...] = ()


def lead_seconds(fs: float, channels: Sequence[Channel]) -> float:
    """Rate a group of channels: its number of standard leads times its seconds, at most ten.

    Readers use it to choose among the waveforms of a file.
    """
    if not fs > 0:  # also True for NaN
        return 0.0
    names = {canonical_lead(channel.name) for channel in channels}
    samples = max((len(channel.codes) for channel in channels), default=0)
    return len(names - {None}) * min(samples / fs, MAX_SECONDS_COUNTED)


def voltage_unit(unit: str) -> tuple[str, float] | None:
    """Return a unit of `signals.units` and the factor to it: ("uV", 0.001) for "nV".

    None if the unit is not a voltage.
    """
    return _VOLTAGE_UNITS.get(unit.strip().casefold().replace("µ", "μ"))


def short_name(name: str | None) -> str:
    """Return a channel's name, cut if it is too long for a lead's: errors repeat it."""
    return (name or "")[:_MAX_CHANNEL_NAME_CHARS]


def printable_names(names: Sequence[str]) -> str:
    """Join names from a file for a message: printable characters only, short, at most 20 names."""
    shown: list[str] = []
    for name in names[:_MAX_NAMES_LISTED]:
        printable = "".join(filter(str.isprintable, name))
        shown.append(printable[:_MAX_NAME_CHARS].strip() or "(no name)")
    listing = ", ".join(shown) or "none"
    if len(names) > _MAX_NAMES_LISTED:
        return f"{listing} and {len(names) - _MAX_NAMES_LISTED} more"
    return listing


def record_from_channels(decoded: DecodedFile, hints: Hints) -> EcgRecord:
    """Convert the channels that are leads to mV, in their order.

    If the request's hints contradict the file, they win, and a warning is added.

    Raises UnknownLead, DuplicateLead, BadShape, RaggedSignal, NoSamples, CorruptFile (gain 0),
    RecordingTooLong, ImplausibleValues (infinite), MissingField (no rate), BadSamplingRate,
    DurationMismatch, BadOption.
    """
    leads = _most_common_rate(_select_leads(decoded, hints), decoded.fs)
    samples = _sample_count(leads, decoded.kind)
    if samples * len(leads.names) > MAX_VALUES:
        raise RecordingTooLong(
            f"signal: {samples} samples of {len(leads.names)} leads in the {decoded.kind} file; "
            f"the limit is {MAX_VALUES} values",
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
    signal, units, unit_warnings = _scale(leads.channels, hints, decoded.kind)
    patient, date, patient_warnings = _patient_and_date(decoded, hints)
    return EcgRecord(
        signal=signal,
        fs=rate,
        lead_names=leads.names,
        units=units,
        patient=patient,
        recording_date=date,
        id=single_id(hints),
        reported=decoded.reported,
        warnings=(
            *decoded.warnings,
            *leads.warnings,
            *unit_warnings,
            *fs_warnings,
            *patient_warnings,
        ),
    )


def _select_leads(decoded: DecodedFile, hints: Hints) -> _Leads:
    """Select the channels that are standard leads in volts; name the others in a warning."""
    channels = decoded.channels
    requested = hints.lead_names
    if requested is not None and len(requested) != len(channels):
        raise BadShape(
            f"lead_names: {len(requested)} given, the {decoded.kind} file has "
            f"{len(channels)} channels",
            loc=("lead_names",),
        )
    file_names = [canonical_lead(channel.name) for channel in channels]
    names: Sequence[str | None] = requested or file_names
    selected: list[Channel] = []
    selected_names: list[str] = []
    left_out: list[str] = []
    for channel, name in zip(channels, names, strict=True):
        if name is not None and _is_voltage(channel, hints):
            selected.append(channel)
            selected_names.append(name)
        else:
            left_out.append(channel.name)
    if not selected:
        raise UnknownLead(
            f"no standard lead in volts among the {decoded.kind} channels "
            f"({printable_names(left_out)})",
            loc=("lead_names",),
        )
    leads = parse_lead_names(selected_names)
    warnings: tuple[str, ...] = ()
    if left_out:
        left_out_names = printable_names(left_out)
        warnings += (f"lead_names: not a standard lead in volts, left out: {left_out_names}",)
    if requested is not None and requested != tuple(file_names):
        stated = tuple(name or "" for name in file_names)
        warnings += prefer_request("lead_names", requested, stated)[1]
    return _Leads(selected, leads, warnings=warnings)


def _is_voltage(channel: Channel, hints: Hints) -> bool:
    """Return whether a channel may be a voltage.

    True if it has no unit, and for all channels if the request states the unit or the gain.
    """
    if hints.units or hints.gain or not channel.unit:
        return True
    return voltage_unit(channel.unit) is not None


def _most_common_rate(leads: _Leads, file_fs: float | None) -> _Leads:
    """Keep the leads of the most common sampling rate; name the others in a warning.

    The higher rate wins if two are equally common.
    """
    rates = [channel.fs or file_fs for channel in leads.channels]
    counts = Counter(rates)
    if len(counts) == 1:
        return replace(leads, fs=rates[0])
    chosen = max(counts, key=lambda rate: (counts[rate], rate or 0.0))
    channels: list[Channel] = []
    names: list[str] = []
    others: list[str] = []
    for channel, name, rate in zip(leads.channels, leads.names, rates, strict=True):
        if rate == chosen:
            channels.append(channel)
            names.append(name)
        else:
            others.append(name)
    # A channel of an EDF file without samples has no rate.
    rate_name = "the common rate" if chosen is None else f"{chosen:g} Hz"
    warning = f"lead_names: not sampled at {rate_name}, left out: {', '.join(others)}"
    return _Leads(channels, tuple(names), chosen, (*leads.warnings, warning))


def _sample_count(leads: _Leads, kind: str) -> int:
    """Return the length that all leads have. Raises RaggedSignal, NoSamples."""
    lengths = [len(channel.codes) for channel in leads.channels]
    if len(set(lengths)) > 1:
        pairs = zip(leads.names, lengths, strict=True)
        listing = ", ".join(f"{lead} {length}" for lead, length in pairs)
        raise RaggedSignal(
            f"the {kind} file has leads of unequal length ({listing})", loc=("signal",)
        )
    if lengths[0] == 0:
        raise NoSamples(f"the {kind} file has no samples", loc=("signal",))
    return lengths[0]


def _scale(
    channels: Sequence[Channel], hints: Hints, kind: str
) -> tuple[NDArray[np.float32], Units, tuple[str, ...]]:
    """Return (leads, samples) float32, its units and warnings.

    In mV, or in the file's own values if a unit is unknown. The request's gain applies to the codes
    and replaces the file's scale, offset and unit.
    """
    # The request's gain is in ADC units per mV, so it applies to the codes as stored.
    if hints.gain is not None:
        unit = hints.units or "mV"
        rows = [to_millivolt(channel.codes, unit, hints.gain)[0] for channel in channels]
        gain_warnings = prefer_request("gain", hints.gain, _common_gain(channels))[1]
        return _finite(np.stack(rows), kind), "mV", gain_warnings
    stated = _common_unit(channels)
    warnings = prefer_request("units", _canonical_spelling(hints.units), stated)[1]
    if hints.units is None and stated is None:
        warnings += (
            f"units: the {kind} file states none; send units or gain; "
            "results that need volts are null",
        )
    rows = []
    units: Units = "mV"
    for channel in channels:
        row, row_units = _to_millivolt(channel, hints.units, kind)
        rows.append(row)
        if row_units == "unknown":
            units = "unknown"
    return _finite(np.stack(rows), kind), units, warnings


def _common_unit(channels: Sequence[Channel]) -> str | None:
    """Return the unit that all channels state, None if none states one, or "several units"."""
    units: set[str | None] = set()
    for channel in channels:
        if not channel.unit:
            units.add(None)
            continue
        known = voltage_unit(channel.unit)
        # A unit that is not a voltage differs from a missing one.
        units.add(known[0] if known else "")
    return units.pop() if len(units) == 1 else "several units"


def _canonical_spelling(units: str | None) -> str | None:
    """Spell the request's unit as `voltage_unit` does, so that "uv" does not contradict "uV"."""
    if units is None:
        return None
    known = voltage_unit(units)
    # A factor other than 1 ("nV") means another unit, not another spelling.
    return known[0] if known is not None and known[1] == 1.0 else units


def _common_gain(channels: Sequence[Channel]) -> float | None:
    """Return the ADC units per mV if all channels have the same, to six digits; otherwise NaN.

    None if no channel has a scale in volts.
    """
    gains: set[float | None] = set()
    for channel in channels:
        unit, factor = voltage_unit(channel.unit or "") or _UNKNOWN_UNIT
        millivolt = _MILLIVOLT_PER_UNIT.get(unit)
        if millivolt is None or not channel.scale:
            gains.add(None)
        else:
            gains.add(float(f"{1.0 / (channel.scale * factor * millivolt):.6g}"))
    return gains.pop() if len(gains) == 1 else math.nan


def _to_millivolt(
    channel: Channel, requested_unit: str | None, kind: str
) -> tuple[NDArray[np.float32], Units]:
    """Scale one channel. The requested unit, if any, replaces the file's. Raises CorruptFile."""
    scale, offset = channel.scale, channel.offset
    if not math.isfinite(scale) or not math.isfinite(offset) or scale == 0.0:
        raise CorruptFile(
            f"{printable_names([channel.name])}: the gain in the {kind} file is 0 or not finite"
        )
    unit, factor = voltage_unit(channel.unit or "") or _UNKNOWN_UNIT
    with np.errstate(over="ignore", invalid="ignore"):  # _finite rejects infinite values
        values = channel.codes.astype(np.float64) * scale + offset
        if requested_unit is not None:
            return to_millivolt(values, requested_unit)
        if factor != 1.0:
            values = values * factor
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
