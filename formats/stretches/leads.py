"""Which channels of a long recording are leads, what they are called, and how they become mV.

Holter electrodes are rarely at standard places, so that other names than those of standard leads
are kept: MLII, CM5, X, "ECG 1". A channel whose name says nothing of an ECG becomes a lead only if
the request names it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, CorruptFile, UnknownLead
from formats.decoded import printable_names, short_name
from formats.hints import Hints
from formats.lead_names import HOW_TO_NAME, channel_key
from formats.stretches.recording import Stretch
from signals.leads import canonical_lead
from signals.units import millivolt_per_unit, to_millivolt

# Names of ECG channels without a standard position: ECG or EKG as a word, modified limb and chest
# leads (PhysioNet's mitdb, qtdb, edb, ltdb), CM and CC leads, orthogonal and EASI leads (ISHNE).
_ECG_NAME: Final = re.compile(
    r".*(?<![A-Z])E[CK]G(?![A-Z]).*|M(?:OD)?\.?[ -]?L?(?:I{1,3}|[123])|M(?:OD)?\.?[ -]?V[1-9]|"
    r"C[CM][1-6]|CM[24]|D[1-5]|V[1-9]R?|V\d-V\d|[XYZ]|VX|VY|VZ|ES|AS|AI|LEAD[ _-]?\d{1,2}",
    re.ASCII,
)


@dataclass(frozen=True)
class Source:
    """A channel of a file: value = code * scale + offset, in `unit`."""

    name: str
    unit: str | None
    scale: float
    offset: float
    fs: float


@dataclass(frozen=True)
class ChosenLead:
    """A channel that is a lead. `row` is its place among the channels."""

    row: int
    name: str
    scale_mv: float
    offset_mv: float

    def millivolts(self, codes: NDArray[np.floating | np.signedinteger]) -> Stretch:
        """Return codes (samples,), NaN for gaps, in mV; infinite where float32 ends."""
        with np.errstate(over="ignore"):  # LongRecording.read refuses infinite values
            return (codes * self.scale_mv + self.offset_mv).astype(np.float32)


@dataclass(frozen=True)
class ChosenLeads:
    """The leads of a file, all of one rate, with what was left out."""

    leads: tuple[ChosenLead, ...]
    fs: float
    warnings: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(lead.name for lead in self.leads)


def choose_leads(sources: Sequence[Source], kind: str, hints: Hints) -> ChosenLeads:
    """Return the channels that are leads, in their order.

    Raises UnknownLead if none is, BadShape for names that do not fit, CorruptFile if none has a
    scale in volts.
    """
    names = _names(sources, kind, hints)
    scaled = {row: _scale_mv(sources[row], hints) for row, name in enumerate(names) if name}
    usable = {row: scale for row, scale in scaled.items() if scale is not None}
    if not scaled:
        listing = printable_names([source.name for source in sources])
        raise UnknownLead(
            f"no ECG among the {kind} channels ({listing}); {HOW_TO_NAME}", loc=("lead_names",)
        )
    if not usable:
        raise CorruptFile(f"no lead of the {kind} file has a scale in volts; send units or gain")
    counts = Counter(sources[row].fs for row in usable)
    fs = max(counts, key=lambda rate: (counts[rate], rate))
    leads = []
    left_out = [source.name for row, source in enumerate(sources) if row not in usable]
    for row, (scale, offset) in usable.items():
        if sources[row].fs == fs:
            leads.append(ChosenLead(row, names[row] or "", scale, offset))
        else:
            left_out.append(sources[row].name)
    warnings: tuple[str, ...] = ()
    if left_out and not hints.lead_names.are_stated:
        warnings = (f"lead_names: not a lead in volts, left out: {printable_names(left_out)}",)
    return ChosenLeads(_distinct(leads), fs, warnings)


def _names(sources: Sequence[Source], kind: str, hints: Hints) -> list[str | None]:
    """Return the name of each channel, None for one that is no lead."""
    requested = hints.lead_names
    if requested.in_order is not None:
        if len(requested.in_order) != len(sources):
            raise BadShape(
                f"lead_names: {len(requested.in_order)} given, the {kind} file has "
                f"{len(sources)} channels; {HOW_TO_NAME}",
                loc=("lead_names",),
            )
        return list(requested.in_order)
    keys = [channel_key(source.name) for source in sources]
    unknown = [name for name in requested.renamed if name not in keys]
    if unknown:
        raise UnknownLead(
            f"lead_names: {printable_names(unknown)} is not among the {kind} channels",
            loc=("lead_names",),
        )
    return [
        requested.renamed.get(key, _lead_name(source.name))
        for key, source in zip(keys, sources, strict=True)
    ]


def _lead_name(name: str) -> str | None:
    """Return what a channel is called as a lead; None if its name says nothing of an ECG."""
    short = short_name(name).strip()
    standard = canonical_lead(short)
    if standard is not None:
        return standard
    return printable_names([short]) if _ECG_NAME.fullmatch(short.upper()) else None


def _scale_mv(source: Source, hints: Hints) -> tuple[float, float] | None:
    """Return scale and offset in mV; None if the channel has no finite scale in volts.

    Raises BadOption for units and gains that are not allowed.
    """
    if hints.gain is not None:
        one = to_millivolt(np.ones(1), hints.units or "mV", hints.gain)[0]
        return float(one[0]), 0.0
    unit = hints.units or source.unit
    per_unit = None if unit is None else millivolt_per_unit(unit)
    if per_unit is None:
        return None
    scale, offset = source.scale * per_unit, source.offset * per_unit
    is_usable = math.isfinite(scale) and math.isfinite(offset) and scale != 0.0
    return (scale, offset) if is_usable else None


def _distinct(leads: Sequence[ChosenLead]) -> tuple[ChosenLead, ...]:
    """Return the leads with a number after each name that several of them have."""
    counts = Counter(lead.name for lead in leads)
    seen: Counter[str] = Counter()
    distinct = []
    for lead in leads:
        name = lead.name
        if counts[name] > 1:
            seen[name] += 1
            name = f"{name} ({seen[name]})"
        distinct.append(ChosenLead(lead.row, name, lead.scale_mv, lead.offset_mv))
    return tuple(distinct)
