"""Select the channels of a file that become the leads of a record; name the others in warnings."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from errors import (
    BadShape,
    CorruptFile,
    DuplicateLead,
    MissingField,
    NoSamples,
    RaggedSignal,
    UnknownLead,
)
from formats.decoded import Channel, DecodedFile, printable_names
from formats.hints import Hints, prefer_request
from formats.lead_names import HOW_TO_NAME, LeadNames, channel_key
from signals.lead_lists import parse_lead_names
from signals.leads import canonical_lead
from signals.units import is_known_unit

# ECG or EKG as a word of a channel's name: "ECG", "EEG ECG-Ref", "EKG1", not "SECG".
_ECG: Final = re.compile(r"(?<![A-Za-z])E[CK]G(?![A-Za-z])", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class SelectedLeads:
    """The channels that become leads, with their canonical names, rate and warnings."""

    channels: list[Channel]
    names: tuple[str, ...]
    fs: float | None = None
    warnings: tuple[str, ...] = ()


def select_leads(decoded: DecodedFile, hints: Hints) -> SelectedLeads:
    """Return the leads of a file that can be read, all of one rate and one length.

    A channel that cannot be read, or that is sampled at another rate than most leads, is left out
    and named in a warning; the other leads can still be read.

    Raises UnknownLead, MissingField if the unit of the leads is no voltage, DuplicateLead,
    BadShape, CorruptFile if no lead can be read, RaggedSignal, NoSamples.
    """
    errors = [channel.error for channel in decoded.channels if channel.error is not None]
    if errors and len(errors) == len(decoded.channels):
        raise errors[0]
    named = _standard_leads(decoded, hints)
    readable = _readable(named, decoded.kind, hints)
    try:
        names = parse_lead_names(readable.names)
    except DuplicateLead as error:
        raise DuplicateLead(f"{error.detail}; {HOW_TO_NAME}", errors=error.errors) from None
    leads = replace(readable, names=names)
    leads = _most_common_rate(leads, decoded.fs)
    _check_lengths(leads, decoded.kind)
    return leads


def _standard_leads(decoded: DecodedFile, hints: Hints) -> SelectedLeads:
    """Select the channels that are standard leads in volts; name the others in a warning."""
    channels = decoded.channels
    file_names = [canonical_lead(channel.name) for channel in channels]
    names, warnings = _names(decoded, file_names, hints)
    selected: list[Channel] = []
    selected_names: list[str] = []
    left_out: list[str] = []
    for channel, name in zip(channels, names, strict=True):
        if name is not None and _is_voltage(channel, hints):
            selected.append(channel)
            selected_names.append(name)
        elif name is not None or not _is_left_out(channel, hints.lead_names):
            left_out.append(channel.name)
    if not selected:
        raise _no_lead_in_volts(decoded, names)
    if left_out:
        left_out_names = printable_names(left_out)
        warnings += (f"lead_names: not a standard lead in volts, left out: {left_out_names}",)
    return SelectedLeads(selected, tuple(selected_names), warnings=warnings)


def _is_left_out(channel: Channel, requested: LeadNames) -> bool:
    """Return whether the request leaves out a channel that has no lead."""
    return requested.in_order is not None or channel_key(channel.name) in requested.renamed


def _names(
    decoded: DecodedFile, file_names: Sequence[str | None], hints: Hints
) -> tuple[Sequence[str | None], tuple[str, ...]]:
    """Return the lead of each channel or None, and a warning if the request contradicts the file.

    It does not contradict a channel whose name in the file is not a lead.
    """
    requested = hints.lead_names
    labels = [channel.name for channel in decoded.channels]
    warnings: tuple[str, ...] = ()
    if requested.renamed:
        return _renamed(labels, file_names, requested.renamed, decoded.kind), ()
    if requested.in_order is None:
        return file_names, ()
    names = requested.in_order
    if len(names) != len(labels):
        names, warnings = _names_of_ecg_channels(names, labels, decoded.kind)
    for name, file_name in zip(names, file_names, strict=True):
        if None not in (name, file_name) and name != file_name:
            return names, (*warnings, *prefer_request("lead_names", name, file_name)[1])
    return names, warnings


def _names_of_ecg_channels(
    names: Sequence[str | None], labels: Sequence[str], kind: str
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Give fewer names than channels to those channels whose labels say ECG, if as many do.

    Returns a lead or None for each channel, and a warning. Raises BadShape.
    """
    ecg = [row for row, label in enumerate(labels) if _ECG.search(label)]
    if len(ecg) != len(names):
        raise BadShape(
            f"lead_names: {len(names)} given, the {kind} file has {len(labels)} channels "
            f"({printable_names(labels)}); {HOW_TO_NAME}",
            loc=("lead_names",),
        )
    by_row = dict(zip(ecg, names, strict=True))
    taken = printable_names([labels[row] for row in ecg])
    others = printable_names([label for row, label in enumerate(labels) if row not in by_row])
    warning = (
        f"lead_names: {len(names)} given for {len(labels)} channels; taken for {taken}, whose "
        f"names say ECG; left out: {others}"
    )
    return tuple(by_row.get(row) for row in range(len(labels))), (warning,)


def _renamed(
    labels: Sequence[str],
    file_names: Sequence[str | None],
    renamed: Mapping[str, str | None],
    kind: str,
) -> list[str | None]:
    """Return the lead of each channel, with the request's leads for the channels it renames.

    Raises UnknownLead if the file has no channel of that name, BadShape if it has several.
    """
    keys = [channel_key(label) for label in labels]
    counts = Counter(keys)
    for name in renamed:
        if counts[name] == 0:
            raise UnknownLead(
                f"lead_names: {printable_names([name])} is not among the {kind} channels "
                f"({printable_names(labels)})",
                loc=("lead_names",),
            )
        if counts[name] > 1:
            raise BadShape(
                f"lead_names: {counts[name]} of the {kind} channels are called "
                f"{printable_names([name])}; name a lead or - for each channel in order",
                loc=("lead_names",),
            )
    return [renamed.get(key, file_name) for key, file_name in zip(keys, file_names, strict=True)]


def _readable(leads: SelectedLeads, kind: str, hints: Hints) -> SelectedLeads:
    """Leave out the leads that cannot be read, and name them in warnings with the reason."""
    has_samples = any(len(channel.codes) for channel in leads.channels)
    channels: list[Channel] = []
    names: list[str] = []
    left_out: dict[str, list[str]] = {}
    for channel, name in zip(leads.channels, leads.names, strict=True):
        fault = _fault(channel, hints, has_samples=has_samples)
        if fault is None:
            channels.append(channel)
            names.append(name)
        else:
            left_out.setdefault(fault, []).append(channel.name)
    if not channels:
        for channel in leads.channels:
            if channel.error is not None:
                raise channel.error
        reasons = "; ".join(
            f"{printable_names(faulty)}: {fault}" for fault, faulty in left_out.items()
        )
        raise CorruptFile(f"no lead of the {kind} file can be read: {reasons}")
    warnings = [
        f"signal: {printable_names(faulty)} left out: {fault}" for fault, faulty in left_out.items()
    ]
    return SelectedLeads(channels, tuple(names), warnings=(*leads.warnings, *warnings))


def _fault(channel: Channel, hints: Hints, *, has_samples: bool) -> str | None:
    """Return why a channel cannot be read, as a clause; None if it can.

    has_samples  whether any lead has; if none has, the file is at fault, not the channel
    """
    if channel.fault is not None:
        return channel.fault
    if has_samples and len(channel.codes) == 0:
        return "it has no samples"
    # The request's gain replaces the file's.
    if hints.gain is not None:
        return None
    if channel.scale == 0.0:
        return "its gain is 0"
    if not math.isfinite(channel.scale) or not math.isfinite(channel.offset):
        return "its gain or offset is not a finite number"
    return None


def _is_voltage(channel: Channel, hints: Hints) -> bool:
    """Return whether a channel may be a voltage.

    True if it has no unit, and for all channels if the request states the unit or the gain.
    """
    return bool(hints.units or hints.gain or not channel.unit or is_known_unit(channel.unit))


def _no_lead_in_volts(
    decoded: DecodedFile, names: Sequence[str | None]
) -> MissingField | UnknownLead:
    """Return the error for a file without a lead in volts, which is due to its units or its names.

    names  the channels' standard names
    """
    leads: list[str] = []
    units: list[str] = []
    for channel, name in zip(decoded.channels, names, strict=True):
        if name is not None:
            leads.append(name)
            units.append(channel.unit or "")
    if not leads:
        listing = printable_names([channel.name for channel in decoded.channels])
        return UnknownLead(
            f"no standard lead in volts among the {decoded.kind} channels ({listing}); "
            f"{HOW_TO_NAME}",
            loc=("lead_names",),
        )
    # dict.fromkeys() removes repetitions and keeps the order.
    return MissingField(
        f"units: the {decoded.kind} file states {printable_names(list(dict.fromkeys(units)))} for "
        f"{', '.join(leads)}, which is no voltage; send units (mV, uV, V or unknown) or gain",
        loc=("units",),
    )


def _most_common_rate(leads: SelectedLeads, file_fs: float | None) -> SelectedLeads:
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
    return SelectedLeads(channels, tuple(names), chosen, (*leads.warnings, warning))


def _check_lengths(leads: SelectedLeads, kind: str) -> None:
    """Raise RaggedSignal unless all leads have one length, NoSamples if it is 0."""
    lengths = [len(channel.codes) for channel in leads.channels]
    if len(set(lengths)) > 1:
        pairs = zip(leads.names, lengths, strict=True)
        listing = ", ".join(f"{lead} {length}" for lead, length in pairs)
        raise RaggedSignal(
            f"the {kind} file has leads of unequal length ({listing})", loc=("signal",)
        )
    if lengths[0] == 0:
        raise NoSamples(f"the {kind} file has no samples", loc=("signal",))
