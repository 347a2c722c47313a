"""The twelve standard leads: the spellings of their names, and a recording's leads in order.

Any two limb leads give the other four (`limb_leads`). Chest leads cannot be derived.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.limb_agreement import ALL_AGREE, LimbAgreement, agreement_of
from signals.limb_leads import LIMB_LEADS, limb_coefficients
from signals.pages import page_rows
from signals.record import EcgRecord, Units

LEADS: Final = (*LIMB_LEADS, "V1", "V2", "V3", "V4", "V5", "V6")
# The other leads can be derived from these.
INDEPENDENT_LEADS: Final = ("I", "II", *LEADS[6:])
INDEPENDENT_ROWS: Final = tuple(LEADS.index(lead) for lead in INDEPENDENT_LEADS)

# A limb lead that was sent at one value is derived from others if its rms is then above this share
# of theirs. Less is noise, or what remains where these were themselves computed with the constant.
MIN_DERIVED_SHARE: Final = 0.10

_ROW: Final = {lead: row for row, lead in enumerate(LEADS)}
_LEAD_BY_UPPER_CASE: Final = {lead.upper(): lead for lead in LEADS}
# No spelling of a lead is longer. The limit bounds the time that a hostile name can take.
_MAX_NAME_CHARS: Final = 64

# MDC_ECG_LEAD_II and MDC_ECG_ELEC_POTL_II (ISO 11073-10101), "ECG Lead II", ECG1_V1, EKG-V1,
# LeadII; "EDF ECG I" and "EEG ECG I" as converters to EDF write them; DI..DIII as in Brazil
# (CODE-15 %); "Lead I (Einthoven)" and "aVR, augmented voltage, right" as DICOM writes them
# (CID 3001).
_NAME: Final = re.compile(
    r"(?:(?:EDF|EEG)[ _:.\-]?(?=ECG|EKG))?"
    r"(?:(?:MDC|ECG|EKG|ELEC|POTL|LEAD)\d*[ _:.\-]?)*"
    r"(?:D ?(?=I))?"
    r"(?P<lead>III|II|I|AVR|AVL|AVF|V[1-6])"
    r"(?: \(EINTHOVEN\))?(?:, AUGMENTED VOLTAGE, (?:RIGHT|LEFT|FOOT))?"
)


@dataclass(frozen=True, eq=False)
class TwelveLeads:
    """All twelve leads of a recording, in the order of LEADS: sent, derived or missing.

    signal    (12, samples) float32, C order, rows as `LEADS`; NaN for gaps and for missing leads
    present   (12,) whether the lead was sent, varies, and has at most half of its samples missing;
              or was derived
    derived   leads computed from others, in the order of LEADS
    flat      leads that were sent at one value throughout and not derived, in the order of LEADS
    warnings  "field: sentence"
    limb_agreement  which limb leads contradict the others
    millivolts  whether the signal is in mV; otherwise its unit is unknown
    """

    signal: NDArray[np.float32]
    present: NDArray[np.bool_]
    derived: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    limb_agreement: LimbAgreement = ALL_AGREE
    millivolts: bool = True

    @property
    def right_limb_leads(self) -> tuple[str, ...]:
        """Return the present limb leads that contradict no other; none if it is unknown which."""
        if not self.limb_agreement.known:
            return ()
        wrong = [contradiction.lead for contradiction in self.limb_agreement.contradictions]
        return tuple(lead for lead in LIMB_LEADS if self.present[_ROW[lead]] and lead not in wrong)

    @property
    def doubtful_limb_leads(self) -> frozenset[str]:
        """Return the limb leads that are not present or may contradict others."""
        return frozenset(LIMB_LEADS).difference(self.right_limb_leads)

    @property
    def missing(self) -> tuple[str, ...]:
        """Leads that are not present, in the order of LEADS."""
        return tuple(
            lead for lead, is_present in zip(LEADS, self.present, strict=True) if not is_present
        )


@lru_cache(maxsize=256)  # requests repeat the same names
def canonical_lead(name: str) -> str | None:
    """Return the standard lead that `name` means, or None (V3R, V7, -aVR, SpO2)."""
    # str.upper() turns the dotless i and some ligatures into ASCII letters, so names in other
    # alphabets are rejected before it.
    if len(name) > _MAX_NAME_CHARS or not name.isascii():
        return None
    upper_case = name.strip().upper()
    match = _NAME.fullmatch(upper_case)
    # -aVR is another lead (inverted, as in the Cabrera order). A dash before aVR cannot be
    # distinguished from a minus sign.
    if match is None or "-AVR" in upper_case:
        return None
    return _LEAD_BY_UPPER_CASE[match["lead"]]


def twelve_leads(record: EcgRecord) -> TwelveLeads:
    """Return all twelve leads of a recording: as sent, derived, or NaN.

    A lead with more than half of its samples missing counts as missing, unless the leads were
    recorded one group after another (`signals.pages`). So does a lead that is constant: devices
    write one value for leads that they do not record. Such a limb lead may be derived from others.
    No other sent lead is overwritten.
    """
    samples = record.samples
    signal = np.full((len(LEADS), samples), np.nan, np.float32)
    signal[[_ROW[lead] for lead in record.lead_names]] = record.signal
    known_samples = _count_known(signal)
    recorded = (2 * known_samples >= samples) & (known_samples > 0)
    recorded |= page_rows(signal, record.fs)
    constant = recorded & _are_constant(signal)
    present = recorded & ~constant
    signal[~present] = np.nan
    varying = [lead for lead in LIMB_LEADS if present[_ROW[lead]]]
    agreement = _agreement(signal, varying, record.units)
    derived = _derive(signal, present, _sources(varying, agreement), known_samples, constant)
    missing_rows = {_ROW[lead] for lead in record.lead_names} & set(np.flatnonzero(~recorded))
    warnings = (
        *_missing_warnings([LEADS[row] for row in sorted(missing_rows)], derived),
        *_constant_warnings([LEADS[row] for row in np.flatnonzero(constant)], derived),
        *_contradiction_warnings(agreement, record.units),
    )
    flat = tuple(LEADS[row] for row in np.flatnonzero(constant & ~present))
    in_millivolts = record.units == "mV"
    return TwelveLeads(signal, present, derived, flat, warnings, agreement, in_millivolts)


def _are_constant(signal: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (leads,) whether all samples of a lead that are not NaN are equal; see is_constant."""
    if signal.shape[1] == 0:
        return np.zeros(len(signal), np.bool_)
    return np.asarray(np.fmax.reduce(signal, axis=1) == np.fmin.reduce(signal, axis=1), np.bool_)


def _count_known(signal: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return (leads,) the number of samples of each lead that are not NaN."""
    leads, samples = signal.shape
    gaps = np.isnan(signal)
    counts = np.full(leads, samples, np.intp)
    if gaps.any():
        counts -= np.count_nonzero(gaps, axis=1)
    return counts


def informative_rows(varying: NDArray[np.bool_]) -> list[int]:
    """Return the rows of a signal from which all other rows can be derived.

    Of twelve leads, these are the eight rows INDEPENDENT_ROWS. If I or II has no signal, they are
    not enough, and all rows are returned, as for any other number of leads.

    varying  (leads,) whether a lead has a signal
    """
    if varying.size == len(LEADS) and varying[_ROW["I"]] and varying[_ROW["II"]]:
        return list(INDEPENDENT_ROWS)
    return list(range(varying.size))


def is_constant(lead: NDArray[np.floating]) -> bool:
    """Return whether all samples of a lead (samples,) that are not NaN are equal.

    At least one must not be NaN. The comparison is exact, unlike a standard deviation of 0.
    """
    return bool(np.fmax.reduce(lead) == np.fmin.reduce(lead))


def _agreement(signal: NDArray[np.float32], varying: Sequence[str], units: Units) -> LimbAgreement:
    if len(varying) == len(LIMB_LEADS):
        # No copy.
        return agreement_of(signal[: len(LIMB_LEADS)], LIMB_LEADS, units)
    rows = [_ROW[lead] for lead in varying]
    return agreement_of(signal[rows], tuple(varying), units)


def _sources(varying: Sequence[str], agreement: LimbAgreement) -> Sequence[str]:
    """Return the limb leads from which others may be derived: not from wrong ones, if known."""
    if not agreement.known:
        return varying
    wrong = [contradiction.lead for contradiction in agreement.contradictions]
    return [lead for lead in varying if lead not in wrong]


def _derive(
    signal: NDArray[np.float32],
    present: NDArray[np.bool_],
    varying: Sequence[str],
    known_samples: NDArray[np.intp],
    constant: NDArray[np.bool_],
) -> tuple[str, ...]:
    """Derive the absent limb leads, and return their names.

    The sources are the two varying limb leads with the fewest missing samples; of equal leads, the
    first in LEADS. Writes the derived leads to `signal` and `present`.

    constant  (12,) whether the lead was sent at one value. It is derived only if the sources
              contradict that value: if they agree, there is no signal to derive.
    """
    absent = [lead for lead in LIMB_LEADS if not present[_ROW[lead]]]
    if len(varying) < 2:
        return ()
    by_completeness = sorted(varying, key=lambda lead: (-known_samples[_ROW[lead]], _ROW[lead]))
    # In the order of LEADS, so that the same pair gives the same bits whichever has more gaps.
    first, second = sorted(by_completeness[:2], key=_ROW.__getitem__)
    sources = signal[[_ROW[first], _ROW[second]]].astype(np.float64)
    derived = []
    for lead in absent:
        c, d = limb_coefficients(lead, first, second)
        row = c * sources[0] + d * sources[1]
        # The gaps of both sources add up, so more than half of the sum may be missing.
        if 2 * np.count_nonzero(~np.isnan(row)) < row.size:
            continue
        if constant[_ROW[lead]] and not _varies(row, sources):
            continue
        signal[_ROW[lead]] = row
        present[_ROW[lead]] = True
        derived.append(lead)
    return tuple(derived)


def _varies(row: NDArray[np.float64], sources: NDArray[np.float64]) -> bool:
    """Return whether a derived lead differs from a constant by more than MIN_DERIVED_SHARE.

    sources  (2, samples) the leads it was derived from; the share is of the larger one's rms
    """
    limit = MIN_DERIVED_SHARE * float(np.nanstd(sources, axis=1).max())
    return float(np.nanstd(row)) > limit


def _missing_warnings(mostly_missing: Sequence[str], derived: tuple[str, ...]) -> list[str]:
    """Return a warning for each sent lead with more than half of its samples missing."""
    warnings = []
    for lead in mostly_missing:
        if lead in derived:
            consequence = "it is derived from the other limb leads instead"
        else:
            consequence = "it counts as a missing lead"
        warnings.append(
            f"signal: more than half of the samples of {lead} are missing; {consequence}"
        )
    return warnings


def _constant_warnings(constant: Sequence[str], derived: tuple[str, ...]) -> list[str]:
    """Return a warning for the sent leads that are constant, and one for those then derived."""
    warnings = []
    lost = [lead for lead in constant if lead not in derived]
    replaced = [lead for lead in constant if lead in derived]
    if lost:
        warnings.append(f"signal: {', '.join(lost)} constant throughout; counted as missing")
    if replaced:
        warnings.append(
            f"signal: {', '.join(replaced)} constant throughout;"
            " derived from the other limb leads instead"
        )
    return warnings


def _contradiction_warnings(agreement: LimbAgreement, units: Units) -> list[str]:
    """Return one warning that names the limb leads that contradict others; none if all agree."""
    if not agreement.contradictions:
        return []
    unit = " mV" if units == "mV" else ""
    by_lead = ", ".join(
        f"{lead} by {rms:.2g}{unit} rms (limit {limit:.2g})"
        for lead, rms, limit in agreement.contradictions
    )
    if not agreement.known:
        return [
            f"lead_names: limb leads contradict each other: {by_lead}; it is unknown which are"
            " right, so that no axis is measured; electrodes or leads may be exchanged or misnamed,"
            " or gains wrong"
        ]
    cause = "electrodes or leads may be exchanged or misnamed, or gains wrong"
    if agreement.mending:
        cause = f"all leads agree once {agreement.mending}"
    return [
        f"lead_names: limb leads contradict the others: {by_lead}; {cause}; axes are measured on"
        " the others"
    ]
