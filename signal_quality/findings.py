"""Find constant, clipped, missing and contradictory leads by rules on the samples alone.

Each function returns the findings of one code. Findings that need measurements are in `noise.py`
and `placement.py`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.electrodes import electrodes_of
from signal_quality.quality import Finding
from signals.gaps import MAX_FILLED_GAP_S, find_gaps, longest_runs, max_gap_samples
from signals.leads import LEADS, TwelveLeads
from signals.pages import page_rows
from signals.record import EcgRecord

# Shortest constant stretch that is a flat line. A choice: at 30 beats per minute and faster, every
# stretch of this length contains a beat, so a lead with a signal does not stay at one value.
FLAT_RUN_S: Final = 2.0
# Shortest time at the extreme value that is saturation. A choice: half of a narrow QRS complex. The
# tip of a wave of 5 mV and more is sharp; if it stays at one digital value for so long, the
# amplifier has clipped it.
SATURATED_RUN_S: Final = 0.04
# Smallest extreme value that is saturation. A choice: 50 mm on paper at 10 mm/mV, five times the
# calibration pulse. The level at which an amplifier clips differs from device to device.
SATURATION_MV: Final = 5.0
# Above this share of missing or constant samples, a lead is unusable. docs/api.md, "Leads and
# gaps": a lead with more than half of its samples missing is missing.
MAX_UNUSABLE_SHARE: Final = 0.5


def findings_by_lead(record: EcgRecord, leads: TwelveLeads) -> dict[str, tuple[Finding, ...]]:
    """Return lead -> findings for every lead of the record, in standard order.

    leads  the same recording with the leads that could be derived
    """
    kinds = (
        flat_line_findings(record),
        saturation_findings(record),
        gap_findings(record),
        contradiction_findings(leads),
    )
    return {
        lead: tuple(kind[lead] for kind in kinds if lead in kind)
        for lead in LEADS
        if lead in record.lead_names
    }


def flat_line_findings(record: EcgRecord) -> dict[str, Finding]:
    """Return a finding flat_line for each lead that stays at one value for 2 s or longer.

    Value and limit are in seconds.
    """
    # A run of 2 s contains at least two neighbours among samples 1 s apart. Comparing these few
    # samples shows that nearly all leads have no such run.
    sparse = record.signal[:, :: max(int(FLAT_RUN_S * record.fs) // 2, 1)]
    rows = np.flatnonzero((sparse[:, 1:] == sparse[:, :-1]).any(axis=1))
    runs = _longest_constant_runs(record.signal[rows])
    findings = {}
    for row, run in zip(rows, runs, strict=True):
        if run >= FLAT_RUN_S * record.fs:
            lead = record.lead_names[row]
            advice = f"Reattach the {electrodes_of(lead)} and check the cable."
            seconds = float(run / record.fs)
            findings[lead] = Finding("flat_line", lead, seconds, FLAT_RUN_S, advice)
    return findings


def saturation_findings(record: EcgRecord) -> dict[str, Finding]:
    """Return a finding saturated for each lead that stays at its extreme value for 40 ms or longer.

    The extreme is the lead's highest or lowest value. Its absolute value must be 5 mV or more, so
    without known units there are no findings. Value and limit of a finding are in seconds.
    """
    if record.units != "mV":
        return {}
    findings = {}
    highest = np.fmax.reduce(record.signal, axis=1)
    lowest = np.fmin.reduce(record.signal, axis=1)
    for row, lead in enumerate(record.lead_names):
        samples = record.signal[row]
        longest = 0
        for extreme in (highest[row], lowest[row]):
            if abs(extreme) >= SATURATION_MV:
                longest = max(longest, _longest_run(samples == extreme))
        if longest >= max(SATURATED_RUN_S * record.fs, 2):
            advice = (
                f"Clean the skin, replace the {electrodes_of(lead)},"
                " and wait until the trace has settled."
            )
            seconds = longest / record.fs
            findings[lead] = Finding("saturated", lead, seconds, SATURATED_RUN_S, advice)
    return findings


def gap_findings(record: EcgRecord) -> dict[str, Finding]:
    """Return a finding mostly_missing or gaps for each lead with too many missing samples.

    mostly_missing  over half of the samples are missing; value and limit are shares of the samples
    gaps            other leads with gaps longer than 0.2 s; the value is the sum of these gaps, the
                    limit is 0.2, both in seconds

    A lead that was recorded on one of several pages was not interrupted and has no finding.
    """
    missing = np.isnan(record.signal)
    if not missing.any():
        return {}
    runs = find_gaps(missing)
    is_long = runs.samples > max_gap_samples(record.fs)
    # (leads,)
    long_gap_samples = np.bincount(
        runs.lead[is_long], weights=runs.samples[is_long], minlength=len(record.lead_names)
    )
    shares = missing.mean(axis=1)
    is_page = page_rows(record.signal, record.fs)
    findings = {}
    for row, lead in enumerate(record.lead_names):
        if is_page[row]:
            continue
        advice = f"Check the cable and the {electrodes_of(lead)}: the signal is interrupted."
        if shares[row] > MAX_UNUSABLE_SHARE:
            share = float(shares[row])
            findings[lead] = Finding("mostly_missing", lead, share, MAX_UNUSABLE_SHARE, advice)
        elif long_gap_samples[row]:
            seconds = float(long_gap_samples[row] / record.fs)
            findings[lead] = Finding("gaps", lead, seconds, MAX_FILLED_GAP_S, advice)
    return findings


def contradiction_findings(leads: TwelveLeads) -> dict[str, Finding]:
    """Return a finding limb_lead_contradiction for each limb lead that contradicts the others.

    The value is the rms of the lead's difference from the others, or of the part of it that follows
    the signal. Value and limit are in mV if the units are known.
    """
    findings = {}
    for lead, rms, limit in leads.limb_agreement.contradictions:
        advice = (
            f"{lead} contradicts the other limb leads. Check that the arm and leg electrodes are"
            " where their labels say, that the leads are named correctly, and that their gains are"
            " right."
        )
        findings[lead] = Finding("limb_lead_contradiction", lead, rms, limit, advice)
    return findings


def missing_lead_findings(record: EcgRecord, leads: TwelveLeads) -> list[Finding]:
    """Return a finding missing_lead for each lead that was neither sent nor derived."""
    findings = []
    for lead in leads.missing:
        if lead not in record.lead_names:
            advice = f"Attach the {electrodes_of(lead)} for a full 12-lead recording."
            findings.append(Finding("missing_lead", lead, None, None, advice))
    return findings


def _longest_constant_runs(signal: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return (leads,) the number of samples in each lead's longest run of one value.

    signal  (leads, samples); a NaN ends a run
    """
    return longest_runs(signal[:, 1:] == signal[:, :-1]) + 1


def _longest_run(mask: NDArray[np.bool_]) -> int:
    """Return the number of samples in the longest run of True in a mask (samples,)."""
    return int(longest_runs(mask[np.newaxis])[0])
