"""The twelve standard leads: their names in every spelling, and the algebra of the limb leads.

With electrode potentials RA, LA, LL: I = LA - RA, II = LL - RA, III = LL - LA, and each of aVR,
aVL, aVF is an electrode against the mean of the other two (Einthoven 1913; Goldberger 1942). All
six are therefore a*I + b*II, and any two of them give the other four. Chest leads cannot be
derived.
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
# I, II and V1-V6: the other leads follow from these.
INDEPENDENT: Final = ("I", "II", *LEADS[6:])
INDEPENDENT_ROWS: Final = tuple(LEADS.index(lead) for lead in INDEPENDENT)

# Root mean square; docs/api.md, "Leads and gaps". The share is of the lead's own rms.
CONTRADICTION_MV: Final = 0.05
CONTRADICTION_SHARE: Final = 0.10

_ROW: Final = {lead: row for row, lead in enumerate(LEADS)}
_BY_CAPITALS: Final = {lead.upper(): lead for lead in LEADS}
# No spelling of a lead is longer. The limit bounds the work on hostile names.
_MAX_NAME_CHARS: Final = 64
# Longest part of a client's lead name in a message.
_SHOWN_CHARS: Final = 24
_MAX_FAULTS_LISTED: Final = 12

# MDC_ECG_LEAD_II and MDC_ECG_ELEC_POTL_II (ISO 11073-10101), "ECG Lead II", ECG1_V1, EKG-V1,
# LeadII; DI..DIII as in Brazil (CODE-15 %); "Lead I (Einthoven)" and "aVR, augmented voltage,
# right" as DICOM writes them (CID 3001).
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

Loc = tuple[str | int, ...]
"""Where a field is in a request's body."""


@dataclass(frozen=True, eq=False)
class TwelveLeads:
    """All twelve leads of a recording, whichever of them were sent, and in whatever order.

    signal    (12, samples) float32, C order, rows as `LEADS`; NaN for gaps and for missing leads
    present   (12,) whether the lead was sent with at most half of its samples missing, or derived
    derived   leads computed from others, in the order of LEADS
    warnings  "field: sentence"
    limb_contradictions  (lead, rms of the contradiction, limit) in mV, or in the sender's units if
                         they are unknown
    """

    signal: NDArray[np.float32]
    present: NDArray[np.bool_]
    derived: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    limb_contradictions: tuple[tuple[str, float, float], ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Leads that are not present, in the order of LEADS."""
        return tuple(
            lead for lead, is_present in zip(LEADS, self.present, strict=True) if not is_present
        )


def canonical_lead(name: str) -> str | None:
    """Return the standard lead that `name` means, or None (V3R, V7, -aVR, SpO2)."""
    # str.upper() turns the dotless i and some ligatures into ASCII letters, so names in other
    # alphabets are rejected before it.
    if len(name) > _MAX_NAME_CHARS or not name.isascii():
        return None
    capitals = name.strip().upper()
    match = _NAME.fullmatch(capitals)
    # -aVR is another lead (inverted, as in the Cabrera order). A dash before aVR cannot be
    # distinguished from a minus sign.
    if match is None or "-AVR" in capitals:
        return None
    return _BY_CAPITALS[match["lead"]]


def parse_lead_names(names: object, loc: Loc = ("lead_names",)) -> tuple[str, ...]:
    """Return the canonical names of the leads in a list, in its order.

    loc  where the list is in the request, for error messages
    Raises BadType (not a list of strings), BadShape (an empty list), UnknownLead, DuplicateLead.
    """
    field = _dotted(loc)
    if not isinstance(names, list | tuple):
        raise BadType(f"{field}: a list of lead names is required", loc=loc)
    if not names:
        raise BadShape(f"{field}: an empty list; at least one lead is required", loc=loc)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise BadType(
                f"{field}: entry {index} is not a string; lead names must be strings",
                loc=(*loc, index),
            )
    canonical = [canonical_lead(name) for name in names]
    _refuse_unknown(names, canonical, field, loc)
    leads = tuple(lead for lead in canonical if lead is not None)
    _refuse_duplicates(leads, field, loc)
    return leads


def twelve_leads(record: EcgRecord) -> TwelveLeads:
    """Return all twelve leads of a recording: as sent, derived, or NaN.

    A lead with more than half of its samples missing counts as missing, and may then be derived.
    No other sent lead is overwritten. A constant lead stays as it was sent, but nothing is derived
    from it: devices fill leads that they do not record with zeros.
    """
    samples = record.samples
    signal = np.full((len(LEADS), samples), np.nan, np.float32)
    signal[[_ROW[lead] for lead in record.lead_names]] = record.signal
    known_samples = _count_known(signal)
    present = (2 * known_samples >= samples) & (known_samples > 0)
    signal[~present] = np.nan
    varying = [
        lead for lead in LIMB_LEADS if present[_ROW[lead]] and not is_constant(signal[_ROW[lead]])
    ]
    lost = [lead for lead in LEADS if lead in record.lead_names and not present[_ROW[lead]]]
    contradictions = _find_contradictions(signal, varying, record.units)
    derived = _derive(signal, present, varying, known_samples)
    warnings = (
        *_lost_warnings(lost, derived),
        *_contradiction_warnings(contradictions, record.units),
    )
    return TwelveLeads(signal, present, derived, warnings, contradictions)


def _count_known(signal: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return (leads,) the number of samples of each lead that are not NaN."""
    leads, samples = signal.shape
    gaps = np.isnan(signal)
    counts = np.full(leads, samples, np.intp)
    if gaps.any():
        counts -= np.count_nonzero(gaps, axis=1)
    return counts


def informative_rows(varying: NDArray[np.bool_]) -> list[int]:
    """Return the rows of a signal that together hold all of its information.

    varying  (leads,) whether a lead has a signal
    Of the twelve leads, these are the eight from which the others follow. If I or II has no signal,
    its information is in the other limb leads, and all rows are returned. So they are for any
    other number of leads.
    """
    if varying.size == len(LEADS) and varying[_ROW["I"]] and varying[_ROW["II"]]:
        return list(INDEPENDENT_ROWS)
    return list(range(varying.size))


def is_constant(lead: NDArray[np.floating]) -> bool:
    """Return whether all samples of a lead (samples,) that are not NaN have one value.

    At least one must not be NaN. The comparison is exact, unlike a standard deviation of 0.
    """
    return bool(np.fmax.reduce(lead) == np.fmin.reduce(lead))


def limb_coefficients(lead: str, first: str, second: str) -> tuple[float, float]:
    """Return (c, d) with lead = c * first + d * second, for three limb leads.

    `first` and `second` must differ.
    """
    a, b = _OF_I_AND_II[lead]
    a1, b1 = _OF_I_AND_II[first]
    a2, b2 = _OF_I_AND_II[second]
    determinant = a1 * b2 - a2 * b1
    c = (a * b2 - a2 * b) / determinant
    d = (a1 * b - a * b1) / determinant
    return c, d


def _derive(
    signal: NDArray[np.float32],
    present: NDArray[np.bool_],
    varying: Sequence[str],
    known_samples: NDArray[np.intp],
) -> tuple[str, ...]:
    """Derive the absent limb leads from the two most complete ones, and return their names.

    Writes to `signal` and `present`. Of equally complete leads, those first in LEADS are used.
    """
    absent = [lead for lead in LIMB_LEADS if not present[_ROW[lead]]]
    if len(varying) < 2:
        return ()
    by_completeness = sorted(varying, key=lambda lead: (-known_samples[_ROW[lead]], _ROW[lead]))
    # In the order of LEADS, so that the result does not depend on the order of the gaps.
    first, second = sorted(by_completeness[:2], key=_ROW.__getitem__)
    derived = []
    for lead in absent:
        c, d = limb_coefficients(lead, first, second)
        row = c * signal[_ROW[first]].astype(np.float64) + d * signal[_ROW[second]]
        # The gaps of both sources add up, so more than half of the sum may be missing.
        if 2 * np.count_nonzero(~np.isnan(row)) >= row.size:
            signal[_ROW[lead]] = row
            present[_ROW[lead]] = True
            derived.append(lead)
    return tuple(derived)


def _find_contradictions(
    signal: NDArray[np.float32], varying: Sequence[str], units: Units
) -> tuple[tuple[str, float, float], ...]:
    """Return (lead, rms, limit) of the sent limb leads that contradict the others.

    A lead contradicts if no pair of the others gives it within the limit, which is the larger of
    0.05 mV rms and 10 % of the lead's own rms about its mean. If the units are unknown, only the
    share counts. The best pair is compared, so that one bad lead among four or more is the only one
    named. Among three, the bad one cannot be found, and all are named.
    """
    if len(varying) < 3:
        return ()
    rows = signal[[_ROW[lead] for lead in varying]]
    missing = np.isnan(rows)
    if missing.any():
        rows = rows[:, ~missing.any(axis=0)]
    if rows.shape[1] == 0:
        return ()
    # Double precision: the rms of leads that nearly cancel is computed from their products.
    means = rows.mean(axis=1, dtype=np.float64, keepdims=True)
    level = rows - means
    products = level @ level.T / rows.shape[1]
    own_rms = np.sqrt(products.diagonal())
    smallest_limit = 0.0
    # ADC counts have an arbitrary zero, which says nothing about the electrodes.
    if units == "mV":
        smallest_limit = CONTRADICTION_MV
        products = products + means @ means.T
    limits = np.maximum(smallest_limit, CONTRADICTION_SHARE * own_rms).tolist()
    residuals = _smallest_residuals(products, tuple(varying)).tolist()
    compared = zip(varying, residuals, limits, strict=True)
    return tuple((lead, rms, limit) for lead, rms, limit in compared if rms > limit)


def _smallest_residuals(
    products: NDArray[np.float64], leads: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return (leads,) the rms of each lead minus the best estimate by a pair of the other leads.

    products  (leads, leads) mean products of the leads
    """
    weights = _residual_weights(leads)
    # Mean squares (leads, pairs), as quadratic forms; the samples are not needed any more.
    squares = ((weights @ products) * weights).sum(axis=2)
    smallest = np.maximum(squares.min(axis=1), 0.0)
    return np.asarray(np.sqrt(smallest), np.float64)


@cache
def _residual_weights(leads: tuple[str, ...]) -> NDArray[np.float64]:
    """Return (leads, pairs, leads) the weights of the residuals.

    A residual is a lead minus its estimate by one pair of the other leads.
    """
    count = len(leads)
    weights = np.zeros((count, (count - 1) * (count - 2) // 2, count))
    for index, lead in enumerate(leads):
        others = [other for other in range(count) if other != index]
        weights[index, :, index] = 1.0
        for row, (first, second) in enumerate(combinations(others, 2)):
            c, d = limb_coefficients(lead, leads[first], leads[second])
            weights[index, row, first] = -c
            weights[index, row, second] = -d
    return weights


def _lost_warnings(lost: Sequence[str], derived: tuple[str, ...]) -> list[str]:
    warnings = []
    for lead in lost:
        if lead in derived:
            consequence = "it is derived from the other limb leads instead"
        else:
            consequence = "it counts as a missing lead"
        warnings.append(
            f"signal: more than half of the samples of {lead} are missing; {consequence}"
        )
    return warnings


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
        f"lead_names: limb leads contradict the others: {by_lead};"
        " electrodes may be exchanged or leads misnamed"
    ]


def _refuse_unknown(
    names: Sequence[str], canonical: Sequence[str | None], field: str, loc: Loc
) -> None:
    unknown = [index for index, lead in enumerate(canonical) if lead is None]
    if not unknown:
        return
    faults = [
        FieldError((*loc, index), f"{_shown(names[index])} is not a standard lead")
        for index in unknown[:_MAX_FAULTS_LISTED]
    ]
    first = unknown[0]
    raise UnknownLead(
        f"{field}: {_shown(names[first])} at {first} is not a standard lead;"
        f" allowed are {', '.join(LEADS)}",
        errors=faults,
    )


def _refuse_duplicates(leads: tuple[str, ...], field: str, loc: Loc) -> None:
    first_index: dict[str, int] = {}
    for index, lead in enumerate(leads):
        if lead in first_index:
            raise DuplicateLead(
                f"{field}: {lead} at {first_index[lead]} and at {index}; each lead is allowed once",
                loc=(*loc, index),
            )
        first_index[lead] = index


def _shown(name: str) -> str:
    """Return a name for a message: shortened, quoted, and with printable characters only."""
    if len(name) > _SHOWN_CHARS:
        name = name[:_SHOWN_CHARS] + "..."
    return ascii(name)


def _dotted(loc: Loc) -> str:
    """Return ("records", 3, "lead_names") as "records[3].lead_names"."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc]
    return "".join(steps).removeprefix(".")
