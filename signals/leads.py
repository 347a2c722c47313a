"""The twelve standard leads: their names in every spelling, and the algebra between the six of the limbs.

With electrode potentials RA, LA, LL: I = LA - RA, II = LL - RA, III = LL - LA, and aVR, aVL, aVF are each electrode
against the mean of the other two (Einthoven 1913; Goldberger 1942). All six are thus a*I + b*II, and any two of them
give the other four. Chest leads cannot be derived.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, BadType, DuplicateLead, FieldError, UnknownLead
from signals.record import EcgRecord, Units

LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LIMB_LEADS: Final = LEADS[:6]
INDEPENDENT: Final = ("I", "II", *LEADS[6:])  # and V1-V6: the rest follow from these
INDEPENDENT_ROWS: Final = tuple(LEADS.index(lead) for lead in INDEPENDENT)

CONTRADICTION_MV: Final = 0.05  # rms; docs/api.md, "Leads and gaps"
CONTRADICTION_SHARE: Final = 0.10  # of the lead's own rms; the same place

_ROW: Final = {lead: row for row, lead in enumerate(LEADS)}
_BY_CAPITALS: Final = {lead.upper(): lead for lead in LEADS}
_MAX_NAME_CHARS: Final = 64  # no spelling of a lead is longer; bounds the work on hostile names
_SHOWN_CHARS: Final = 24  # of a name that was sent, in a message
_MAX_FAULTS_LISTED: Final = 12

# MDC_ECG_LEAD_II and MDC_ECG_ELEC_POTL_II (ISO 11073-10101), "ECG Lead II", ECG1_V1, EKG-V1, LeadII; DI..DIII as in Brazil
# (CODE-15 %); "Lead I (Einthoven)" and "aVR, augmented voltage, right" as DICOM writes them (CID 3001).
_NAME: Final = re.compile(
    r"(?:(?:MDC|ECG|EKG|ELEC|POTL|LEAD)\d*[ _:.\-]?)*"
    r"(?:D ?(?=I))?"
    r"(?P<lead>III|II|I|AVR|AVL|AVF|V[1-6])"
    r"(?: \(EINTHOVEN\))?(?:, AUGMENTED VOLTAGE, (?:RIGHT|LEFT|FOOT))?"
)

# (a, b) of lead = a*I + b*II
_OF_I_AND_II: Final = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}


@dataclass(frozen=True, eq=False)
class TwelveLeads:
    """A recording as all twelve leads, whatever came and in whatever order.

    signal   (12, samples) float32, C order, rows as `LEADS`; NaN for gaps, and throughout for missing leads
    present  (12,) bool: sent with at most half of its samples missing, or derived
    derived  leads that came from others, in the order of LEADS
    warnings "field: sentence"
    limb_contradictions  (lead, rms of the contradiction, limit) in mV, or in the units that came where they are unknown
    """

    signal: NDArray[np.float32]
    present: NDArray[np.bool_]
    derived: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    limb_contradictions: tuple[tuple[str, float, float], ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(lead for lead, there in zip(LEADS, self.present, strict=True) if not there)


def canonical_lead(name: str) -> str | None:
    """The standard lead that `name` means, None where it means none (V3R, V7, -aVR, SpO2)."""
    # str.upper() turns the dotless i and some ligatures into ASCII, so other alphabets end here.
    if len(name) > _MAX_NAME_CHARS or not name.isascii():
        return None
    capitals = name.strip().upper()
    found = _NAME.fullmatch(capitals)
    # -aVR is a lead of its own (the inverted one, of the Cabrera order): a dash before it cannot be told from a minus.
    if found is None or "-AVR" in capitals:
        return None
    return _BY_CAPITALS[found["lead"]]


def parse_lead_names(
    names: object, loc: tuple[str | int, ...] = ("lead_names",)
) -> tuple[str, ...]:
    """Canonical names of the leads in a list, in its order.

    Raises BadType (no list of strings), BadShape (an empty one), UnknownLead, DuplicateLead.
    """
    field = _dotted(loc)
    if not isinstance(names, list | tuple):
        raise BadType(f"{field}: a list of lead names is needed", loc=loc)
    if not names:
        raise BadShape(f"{field}: an empty list; at least one lead is needed", loc=loc)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise BadType(
                f"{field}: entry {index} is no string; lead names are strings", loc=(*loc, index)
            )
    found = [canonical_lead(name) for name in names]
    _refuse_unknown(names, found, field, loc)
    leads = tuple(lead for lead in found if lead is not None)
    _refuse_doubled(leads, field, loc)
    return leads


def twelve_leads(record: EcgRecord) -> TwelveLeads:
    """All twelve leads of a recording; what can be derived is, what cannot is NaN.

    A lead with over half of its samples missing is a missing lead, and may then be derived. No other sent lead is
    overwritten. A constant lead stays as it was sent, but nothing is derived from it: devices fill leads they do not
    record with zeros.
    """
    signal = np.full((len(LEADS), record.samples), np.nan, np.float32)
    signal[[_ROW[lead] for lead in record.lead_names]] = record.signal
    gaps = np.isnan(signal)
    there = record.samples - (
        np.count_nonzero(gaps, axis=1) if gaps.any() else np.zeros(len(LEADS), np.intp)
    )
    present = (2 * there >= record.samples) & (there > 0)
    signal[~present] = np.nan
    lost = [lead for lead in LEADS if lead in record.lead_names and not present[_ROW[lead]]]
    alive = [
        lead for lead in LIMB_LEADS if present[_ROW[lead]] and not is_constant(signal[_ROW[lead]])
    ]
    contradictions = _contradictions(signal, alive, record.units)
    derived = _derive(signal, present, alive, there)
    warnings = (
        *_lost_warnings(lost, derived),
        *_contradiction_warnings(contradictions, record.units),
    )
    return TwelveLeads(signal, present, derived, warnings, contradictions)


def informative_rows(alive: NDArray[np.bool_]) -> list[int]:
    """The rows of all there is to see: of the twelve leads those that the others follow from, of others all.

    alive  (leads,) bool: with a signal. Where I or II has none, its part is in the other limb leads.
    """
    whole = alive.size == len(LEADS) and bool(alive[_ROW["I"]] and alive[_ROW["II"]])
    return list(INDEPENDENT_ROWS) if whole else list(range(alive.size))


def is_constant(lead: NDArray[np.floating]) -> bool:
    """Whether the samples that are there, at least one, all have one value; exact, unlike a standard deviation of 0."""
    return bool(np.fmax.reduce(lead) == np.fmin.reduce(lead))


def limb_coefficients(lead: str, first: str, second: str) -> tuple[float, float]:
    """(c, d) such that lead = c * first + d * second, for three limb leads of which the last two differ."""
    (a, b), (a1, b1), (a2, b2) = _OF_I_AND_II[lead], _OF_I_AND_II[first], _OF_I_AND_II[second]
    determinant = a1 * b2 - a2 * b1
    return (a * b2 - a2 * b) / determinant, (a1 * b - a * b1) / determinant


def _derive(
    signal: NDArray[np.float32],
    present: NDArray[np.bool_],
    alive: Sequence[str],
    there: NDArray[np.int_],
) -> tuple[str, ...]:
    """Fill the absent limb leads of `signal` in place from the two most complete ones; ties go by the order of LEADS."""
    absent = [lead for lead in LIMB_LEADS if not present[_ROW[lead]]]
    if len(alive) < 2:
        return ()
    first, second = sorted(
        sorted(alive, key=lambda lead: (-there[_ROW[lead]], _ROW[lead]))[:2], key=_ROW.__getitem__
    )
    derived = []
    for lead in absent:
        c, d = limb_coefficients(lead, first, second)
        row = c * signal[_ROW[first]].astype(np.float64) + d * signal[_ROW[second]]
        # Gaps of both add up: the sum of two leads that count may not count itself.
        if 2 * np.count_nonzero(~np.isnan(row)) >= row.size:
            signal[_ROW[lead]] = row
            present[_ROW[lead]] = True
            derived.append(lead)
    return tuple(derived)


def _contradictions(
    signal: NDArray[np.float32], alive: Sequence[str], units: Units
) -> tuple[tuple[str, float, float], ...]:
    """The sent limb leads that no two of the others give, by more than the tolerance.

    The tolerance is the larger of 0.05 mV rms and 10 % of the lead's own rms (about its mean); with units unknown, the
    share alone. Of all pairs of other leads the one that agrees best counts, so that one bad lead among four or more is
    named alone; among three the fault cannot be placed, and all are named.
    """
    if len(alive) < 3:
        return ()
    rows = signal[[_ROW[lead] for lead in alive]]
    missing = np.isnan(rows)
    if missing.any():
        rows = rows[:, ~missing.any(axis=0)]
    if rows.shape[1] == 0:
        return ()
    means = rows.mean(axis=1, dtype=np.float64, keepdims=True)
    level = (
        rows - means
    )  # double: what is left of leads that nearly cancel is told from their products
    power = level @ level.T / rows.shape[1]
    own_rms = np.sqrt(power.diagonal())
    if units == "mV":  # ADC counts have an arbitrary zero, which says nothing about the electrodes
        power = power + means @ means.T
    limits = np.maximum(CONTRADICTION_MV if units == "mV" else 0.0, CONTRADICTION_SHARE * own_rms)
    found = zip(alive, _closest_rms(power, tuple(alive)).tolist(), limits.tolist(), strict=True)
    return tuple((lead, rms, limit) for lead, rms, limit in found if rms > limit)


def _closest_rms(power: NDArray[np.float64], leads: tuple[str, ...]) -> NDArray[np.float64]:
    """(leads,) rms of each minus what the best-agreeing pair of the others makes of it, by way of their (leads, leads) mean products."""
    weights = _residual_weights(leads)
    return np.asarray(
        np.sqrt(np.maximum(((weights @ power) * weights).sum(axis=2).min(axis=1), 0.0)), np.float64
    )


@cache
def _residual_weights(leads: tuple[str, ...]) -> NDArray[np.float64]:
    """(leads, pairs, leads): what is left of each lead when each pair of the others has given theirs."""
    pairs = [
        list(combinations([other for other in range(len(leads)) if other != index], 2))
        for index in range(len(leads))
    ]
    weights = np.zeros((len(leads), len(pairs[0]), len(leads)))
    for index, of_lead in enumerate(pairs):
        weights[index, :, index] = 1.0
        for row, (first, second) in enumerate(of_lead):
            weights[index, row, [first, second]] = [
                -each for each in limb_coefficients(leads[index], leads[first], leads[second])
            ]
    return weights


def _lost_warnings(lost: Sequence[str], derived: tuple[str, ...]) -> list[str]:
    ends = {
        lead: "derived from the other limb leads instead"
        if lead in derived
        else "counts as missing"
        for lead in lost
    }
    return [
        f"signal: over half of the samples of {lead} are missing; {end}"
        for lead, end in ends.items()
    ]


def _contradiction_warnings(
    contradictions: tuple[tuple[str, float, float], ...], units: Units
) -> list[str]:
    if not contradictions:
        return []
    unit = " mV" if units == "mV" else ""
    by_lead = ", ".join(
        f"{lead} by {rms:.2g}{unit} rms (limit {limit:.2g})" for lead, rms, limit in contradictions
    )
    return [
        f"lead_names: limb leads contradict the others, {by_lead}; electrodes swapped or leads misnamed?"
    ]


def _refuse_unknown(
    names: Sequence[str], found: Sequence[str | None], field: str, loc: tuple[str | int, ...]
) -> None:
    unknown = [index for index, lead in enumerate(found) if lead is None]
    if unknown:
        first = unknown[0]
        faults = [
            FieldError((*loc, index), f"{_shown(names[index])} is no standard lead")
            for index in unknown[:_MAX_FAULTS_LISTED]
        ]
        raise UnknownLead(
            f"{field}: {_shown(names[first])} at {first} is no standard lead; allowed are {', '.join(LEADS)}",
            errors=faults,
        )


def _refuse_doubled(leads: tuple[str, ...], field: str, loc: tuple[str | int, ...]) -> None:
    seen: dict[str, int] = {}
    for index, lead in enumerate(leads):
        if lead in seen:
            raise DuplicateLead(
                f"{field}: {lead} at {seen[lead]} and at {index}; each lead at most once",
                loc=(*loc, index),
            )
        seen[lead] = index


def _shown(name: str) -> str:
    """A name as it may stand in a message: short, printable, quoted."""
    return ascii(name if len(name) <= _SHOWN_CHARS else name[:_SHOWN_CHARS] + "...")


def _dotted(loc: tuple[str | int, ...]) -> str:
    """("records", 3, "lead_names") -> "records[3].lead_names", as a sentence names a field."""
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc
    ).removeprefix(".")
