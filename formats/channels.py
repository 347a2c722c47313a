"""Channels as a file has them -> EcgRecord: the way that every format with names, units and a rate of its own takes.

A reader decodes; which channels are leads, what they are in mV, and whether it all can be, is decided here, once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    UnknownLead,
)
from formats import fields
from formats.hints import Hints, prefer, single_id
from signals.leads import canonical_lead, parse_lead_names
from signals.record import EcgRecord, Patient, Reported, Sex, Units
from signals.units import to_millivolt

# Spellings of volts, seen in files: what `signals.units` calls the unit, and how many of it the file's unit is.
_VOLTS: Final[dict[str, tuple[str, float]]] = {
    **dict.fromkeys(("mv", "millivolt", "millivolts", "milivolt", "milivolts"), ("mV", 1.0)),
    **dict.fromkeys(("uv", "μv", "microvolt", "microvolts"), ("uV", 1.0)),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), ("uV", 1e-3)),
    **dict.fromkeys(("v", "volt", "volts"), ("V", 1.0)),
    "unknown": ("unknown", 1.0),
}
MAX_SECONDS_COUNTED: Final = (
    10.0  # a long strip of one lead is worth no more than ten seconds of twelve
)
MAX_LEFT_OUT_NAMED: Final = 20
MAX_NAME_CHARS: Final = 40


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel: value = codes * scale + offset in `unit`.

    codes  (samples,) as stored, with the baseline taken off; NaN for gaps
    unit   as the file spells it; None where it states none
    fs     samples per second, where the channels have rates of their own
    """

    name: str
    codes: NDArray[Any]
    unit: str | None
    scale: float = 1.0
    offset: float = 0.0
    fs: float | None = None


@dataclass(frozen=True, eq=False)
class DecodedFile:
    """What a reader found. `kind` names the file in messages; `fs` None where the file has none."""

    kind: str
    fs: float | None
    channels: Sequence[Channel]
    patient: Patient = field(default_factory=Patient)
    reported: Reported | None = None
    warnings: tuple[str, ...] = ()


def lead_seconds(fs: float, channels: Sequence[Channel]) -> float:
    """How much a group of channels is worth: its standard leads times its seconds, of which ten count."""
    leads = {lead for channel in channels if (lead := canonical_lead(channel.name))}
    return (
        len(leads)
        * min(
            max((len(channel.codes) for channel in channels), default=0) / fs, MAX_SECONDS_COUNTED
        )
        if fs > 0
        else 0.0
    )


def voltage_unit(unit: str) -> tuple[str, float] | None:
    """("uV", 0.001) for "nV": a unit of `signals.units` and the factor to it; None where it is no voltage."""
    return _VOLTS.get(unit.strip().casefold().replace("µ", "μ"))


def record_from_channels(found: DecodedFile, hints: Hints) -> EcgRecord:
    """The leads among the channels, in their order, in mV; what the request says beside the file wins, with a warning.

    Raises UnknownLead, DuplicateLead, BadShape, RaggedSignal, NoSamples, CorruptFile (gain 0), ImplausibleValues (infinite),
    MissingField (no rate), BadSamplingRate, DurationMismatch, BadOption.
    """
    chosen, leads, warnings = _leads(found, hints)
    chosen, leads, own_fs, rate_said = _of_one_rate(chosen, leads, found)
    samples = _samples(chosen, leads, found.kind)
    fs, fs_said = prefer("fs", hints.fs, own_fs)
    if fs is None:
        raise MissingField(
            f"fs: missing; the {found.kind} file has no sampling rate, send it as a parameter",
            loc=("fs",),
        )
    rate = fields.sampling_rate(fs, ("fs",))
    fields.check_duration(hints.recording_duration, samples, rate, ("recording_duration",))
    signal, units, units_said = _scaled(chosen, hints, found.kind)
    patient, date, told = _beside(found, hints)
    return EcgRecord(
        signal=signal,
        fs=rate,
        lead_names=leads,
        units=units,
        patient=patient,
        recording_date=date,
        id=single_id(hints),
        reported=found.reported,
        warnings=(*found.warnings, *warnings, *rate_said, *units_said, *fs_said, *told),
    )


def _leads(
    found: DecodedFile, hints: Hints
) -> tuple[list[Channel], tuple[str, ...], tuple[str, ...]]:
    """The channels that are standard leads in volts, their canonical names, and a warning that names the others."""
    asked, channels = hints.lead_names, found.channels
    if asked is not None and len(asked) != len(channels):
        raise BadShape(
            f"lead_names: {len(asked)} given, the {found.kind} file has {len(channels)} channels",
            loc=("lead_names",),
        )
    own = [canonical_lead(channel.name) for channel in channels]
    names: Sequence[str | None] = asked or own
    electric = [_is_voltage(channel, hints) for channel in channels]
    rows = [row for row, name in enumerate(names) if name is not None and electric[row]]
    left_out = [channel.name for row, channel in enumerate(channels) if row not in rows]
    if not rows:
        raise UnknownLead(
            f"no standard lead in volts among the {found.kind} channels ({printable_names(left_out)})",
            loc=("lead_names",),
        )
    leads = parse_lead_names([names[row] or "" for row in rows])
    warnings: tuple[str, ...] = (
        (f"lead_names: no standard lead in volts, left out: {printable_names(left_out)}",)
        if left_out
        else ()
    )
    if asked is not None and asked != tuple(own):
        warnings += prefer("lead_names", asked, tuple(name or "" for name in own))[1]
    return [channels[row] for row in rows], leads, warnings


def _is_voltage(channel: Channel, hints: Hints) -> bool:
    """A channel without a unit may be one; a request that states the unit (or the gain) says that all are."""
    return (
        bool(hints.units or hints.gain)
        or not channel.unit
        or voltage_unit(channel.unit) is not None
    )


def printable_names(names: Sequence[str]) -> str:
    """Names as a message may show them: printable, short, not too many."""
    clean = [
        "".join(sign for sign in name if sign.isprintable())[:MAX_NAME_CHARS].strip()
        for name in names[:MAX_LEFT_OUT_NAMED]
    ]
    shown = ", ".join(name or "(no name)" for name in clean) or "none"
    rest = len(names) - MAX_LEFT_OUT_NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


def _of_one_rate(
    chosen: list[Channel], leads: tuple[str, ...], found: DecodedFile
) -> tuple[list[Channel], tuple[str, ...], float | None, tuple[str, ...]]:
    """The leads of the rate that most of them have (of equally many the higher), and a warning for the others."""
    rates = Counter(channel.fs or found.fs for channel in chosen)
    if len(rates) == 1:
        return chosen, leads, next(iter(rates)), ()
    rate = max(rates, key=lambda fs: (rates[fs], fs or 0.0))
    rows = [row for row, channel in enumerate(chosen) if (channel.fs or found.fs) == rate]
    others = [lead for row, lead in enumerate(leads) if row not in rows]
    said = f"lead_names: sampled at another rate than {rate:g} Hz, left out: {', '.join(others)}"
    return [chosen[row] for row in rows], tuple(leads[row] for row in rows), rate, (said,)


def _samples(chosen: Sequence[Channel], leads: Sequence[str], kind: str) -> int:
    lengths = [len(channel.codes) for channel in chosen]
    if len(set(lengths)) > 1:
        found = ", ".join(f"{lead} {length}" for lead, length in zip(leads, lengths, strict=True))
        raise RaggedSignal(
            f"the {kind} file has leads of unequal length ({found})", loc=("signal",)
        )
    if lengths[0] == 0:
        raise NoSamples(f"the {kind} file has no samples", loc=("signal",))
    return lengths[0]


def _scaled(
    chosen: Sequence[Channel], hints: Hints, kind: str
) -> tuple[NDArray[np.float32], Units, tuple[str, ...]]:
    """(leads, samples) in mV, or as they are where a unit is unknown."""
    if hints.gain is not None:
        said = prefer("gain", hints.gain, _single_gain(chosen))[1]
        rows = [
            to_millivolt(channel.codes, hints.units or "mV", hints.gain)[0] for channel in chosen
        ]
        return _finite(np.stack(rows), kind), "mV", said
    stated = {
        None if not channel.unit else (voltage_unit(channel.unit) or ("", 0.0))[0]
        for channel in chosen
    }
    own = stated.pop() if len(stated) == 1 else "several units"
    said = prefer("units", _spelled(hints.units), own)[1]
    if hints.units is None and own is None:
        said += (
            f"units: the {kind} file states none; send units or gain, what needs volts is null",
        )
    scaled = [_millivolt(channel, hints.units, kind) for channel in chosen]
    units: Units = "unknown" if any(unit == "unknown" for _, unit in scaled) else "mV"
    return _finite(np.stack([row for row, _ in scaled]), kind), units, said


def _spelled(units: str | None) -> str | None:
    """The request's unit as `voltage_unit` spells it, so that "uv" and "uV" don't contradict each other."""
    known = None if units is None else voltage_unit(units)
    return units if known is None or known[1] != 1.0 else known[0]


def _single_gain(chosen: Sequence[Channel]) -> float | None:
    """ADC units per mV as the file has them, where all leads have the same."""
    gains = set()
    for channel in chosen:
        unit, factor = voltage_unit(channel.unit or "") or ("unknown", 1.0)
        per_unit = {"mV": 1.0, "uV": 1e-3, "V": 1e3}.get(unit)
        gains.add(
            None
            if per_unit is None or not channel.scale
            else float(f"{1.0 / (channel.scale * factor * per_unit):.6g}")
        )
    return gains.pop() if len(gains) == 1 else math.nan


def _millivolt(channel: Channel, asked: str | None, kind: str) -> tuple[NDArray[np.float32], Units]:
    if (
        not math.isfinite(channel.scale)
        or not math.isfinite(channel.offset)
        or channel.scale == 0.0
    ):
        raise CorruptFile(
            f"{printable_names([channel.name])}: the gain in the {kind} file is 0 or no finite number"
        )
    unit, factor = (
        ("unknown", 1.0) if not channel.unit else voltage_unit(channel.unit) or ("unknown", 1.0)
    )
    with np.errstate(over="ignore", invalid="ignore"):  # infinite is refused below
        values = channel.codes.astype(np.float64) * channel.scale + channel.offset
        return to_millivolt(
            values if asked is not None or factor == 1.0 else values * factor, asked or unit
        )


def _finite(signal: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    if np.isinf(signal).any():
        raise ImplausibleValues(f"signal: the {kind} file holds infinite values", loc=("signal",))
    return signal


def _beside(found: DecodedFile, hints: Hints) -> tuple[Patient, str | None, tuple[str, ...]]:
    """Patient and date: the request's where it has them, else the file's."""
    sex: Sex | None
    age, age_said = prefer("patient.age", hints.age, found.patient.age_years)
    sex, sex_said = prefer("patient.sex", hints.sex, found.patient.sex)
    own_date = found.reported.recording_date if found.reported else None
    date, date_said = prefer("recording_date", hints.recording_date, own_date)
    return Patient(age, sex), date, (*age_said, *sex_said, *date_said)
