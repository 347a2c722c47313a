"""Faults that rules find with certainty: constant, clipped, missing or contradictory leads.

Each function returns the findings of one kind. Findings that need measurements are in `noise.py`
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
from signals.record import EcgRecord

# A choice: at 30 /min, the slowest rhythm with a beat in every such stretch, no lead with a signal
# stays at one value for so long.
FLAT_RUN_S: Final = 2.0
# A choice: half of a narrow QRS complex. The tip of a wave of 5 mV and more is sharp; if it stays
# at one digital value for so long, it is cut off.
SATURATED_RUN_S: Final = 0.04
# A choice: 50 mm on paper at 10 mm/mV, five times the calibration pulse. The level at which an
# amplifier clips differs from device to device.
SATURATION_MV: Final = 5.0
# docs/api.md, "Leads and gaps": a lead with more than half of its samples missing is missing.
MOSTLY: Final = 0.5


def findings_by_lead(record: EcgRecord, leads: TwelveLeads) -> dict[str, tuple[Finding, ...]]:
    """Return the findings of every sent lead, leads in standard order."""
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
    """Return flat_line for each lead at one value for 2 s or longer; value and limit in seconds."""
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
    """Return saturated for each lead at its highest or lowest value for 40 ms or longer.

    The value must be 5 mV or more, so the units must be known. Value and limit are in seconds.
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
    """Return mostly_missing or gaps for each lead with long gaps.

    The value of mostly_missing is the share of the samples that is missing; that of gaps is the
    seconds in gaps longer than 0.2 s.
    """
    missing = np.isnan(record.signal)
    if not missing.any():
        return {}
    runs = find_gaps(missing)
    is_long = runs.samples > max_gap_samples(record.fs)
    # (leads,) samples in long gaps
    lost = np.bincount(
        runs.lead[is_long], weights=runs.samples[is_long], minlength=len(record.lead_names)
    )
    shares = missing.mean(axis=1)
    findings = {}
    for row, lead in enumerate(record.lead_names):
        advice = f"Check the cable and the {electrodes_of(lead)}: the signal is interrupted."
        if shares[row] > MOSTLY:
            share = float(shares[row])
            findings[lead] = Finding("mostly_missing", lead, share, MOSTLY, advice)
        elif lost[row]:
            seconds = float(lost[row] / record.fs)
            findings[lead] = Finding("gaps", lead, seconds, MAX_FILLED_GAP_S, advice)
    return findings


def contradiction_findings(leads: TwelveLeads) -> dict[str, Finding]:
    """Return limb_lead_contradiction for each limb lead that no two others give.

    Value and limit are rms, in mV if the units are known.
    """
    findings = {}
    for lead, rms, limit in leads.limb_contradictions:
        advice = (
            f"{lead} contradicts the other limb leads. Check that the arm and leg electrodes are"
            " where their labels say, and that the leads are named correctly."
        )
        findings[lead] = Finding("limb_lead_contradiction", lead, rms, limit, advice)
    return findings


def missing_lead_findings(record: EcgRecord, leads: TwelveLeads) -> list[Finding]:
    """Return missing_lead for each lead that was neither sent nor derived."""
    findings = []
    for lead in leads.missing:
        if lead not in record.lead_names:
            advice = f"Attach the {electrodes_of(lead)} for a full 12-lead recording."
            findings.append(Finding("missing_lead", lead, None, None, advice))
    return findings


def _longest_constant_runs(signal: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return (leads,) the samples in each lead's longest run of one value; a NaN ends a run."""
    return longest_runs(signal[:, 1:] == signal[:, :-1]) + 1


def _longest_run(mask: NDArray[np.bool_]) -> int:
    return int(longest_runs(mask[np.newaxis])[0])
