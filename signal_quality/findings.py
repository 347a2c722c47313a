"""Faults that rules find with certainty: what is constant, clipped, missing, or contradicts the other leads.

Each function gives the findings of one kind. What has to be measured first is in `noise.py` and `placement.py`.
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

# A choice: at 30 /min, the slowest rhythm with a beat in every such stretch, no living lead stays at one value for as long.
FLAT_RUN_S: Final = 2.0
# A choice: half of a narrow QRS complex. A wave's tip of 5 mV and more is sharp; at one digital value for as long, it is cut off.
SATURATED_RUN_S: Final = 0.04
# A choice: 50 mm on paper at 10 mm/mV, five times the calibration pulse. Where an amplifier clips differs from one to the next.
SATURATION_MV: Final = 5.0
MOSTLY: Final = (
    0.5  # docs/api.md, "Leads and gaps": with over half of its samples missing a lead is missing
)


def constant_runs(record: EcgRecord) -> dict[str, Finding]:
    """flat_line: a lead at one value for 2 s or longer; `value` and `limit` in seconds."""
    # So long a run holds two neighbours of these samples: nearly all leads are told by a few of theirs.
    some = record.signal[:, :: max(int(FLAT_RUN_S * record.fs) // 2, 1)]
    rows = np.flatnonzero((some[:, 1:] == some[:, :-1]).any(axis=1))
    return {
        lead: Finding(
            "flat_line",
            lead,
            float(run / record.fs),
            FLAT_RUN_S,
            f"Reattach the {electrodes_of(lead)} and check the cable.",
        )
        for lead, run in zip(
            [record.lead_names[row] for row in rows],
            _longest_constant(record.signal[rows]),
            strict=True,
        )
        if run >= FLAT_RUN_S * record.fs
    }


def saturated(record: EcgRecord) -> dict[str, Finding]:
    """saturated: a lead at its highest or lowest value, 5 mV or more, for 40 ms or longer; seconds. Only where mV are known."""
    if record.units != "mV":
        return {}
    found = {}
    highest, lowest = np.fmax.reduce(record.signal, axis=1), np.fmin.reduce(record.signal, axis=1)
    for lead, row, *both in zip(record.lead_names, record.signal, highest, lowest, strict=True):
        extremes = [value for value in both if abs(value) >= SATURATION_MV]
        run = max((_longest_run(row == value) for value in extremes), default=0)
        if run >= max(SATURATED_RUN_S * record.fs, 2):
            advice = f"Clean the skin, replace the {electrodes_of(lead)}, and wait until the line has settled."
            found[lead] = Finding("saturated", lead, run / record.fs, SATURATED_RUN_S, advice)
    return found


def gaps(record: EcgRecord) -> dict[str, Finding]:
    """mostly_missing (`value` a share) or gaps (seconds lost in gaps longer than 0.2 s)."""
    missing = np.isnan(record.signal)
    if not missing.any():
        return {}
    runs = find_gaps(missing)
    long = runs.samples > max_gap_samples(record.fs)
    lost = np.bincount(
        runs.lead[long], weights=runs.samples[long], minlength=len(record.lead_names)
    )
    share = missing.mean(axis=1)
    found = {}
    for index, lead in enumerate(record.lead_names):
        advice = f"Check the cable and the {electrodes_of(lead)}: the signal breaks off."
        if share[index] > MOSTLY:
            found[lead] = Finding("mostly_missing", lead, float(share[index]), MOSTLY, advice)
        elif lost[index]:
            found[lead] = Finding(
                "gaps", lead, float(lost[index] / record.fs), MAX_FILLED_GAP_S, advice
            )
    return found


def limb_contradictions(leads: TwelveLeads) -> dict[str, Finding]:
    """limb_lead_contradiction: what no two other limb leads give; rms, in mV where the units are known."""
    advice = "Check that the arm and leg electrodes sit where their labels say, and that the leads are named right."
    return {
        lead: Finding(
            "limb_lead_contradiction",
            lead,
            rms,
            limit,
            f"{lead} does not fit the other limb leads. {advice}",
        )
        for lead, rms, limit in leads.limb_contradictions
    }


def missing_leads(record: EcgRecord, leads: TwelveLeads) -> list[Finding]:
    """missing_lead: neither sent nor derivable."""
    absent = [lead for lead in leads.missing if lead not in record.lead_names]
    return [
        Finding(
            "missing_lead",
            lead,
            None,
            None,
            f"Attach the {electrodes_of(lead)} for a full 12-lead recording.",
        )
        for lead in absent
    ]


def by_lead(record: EcgRecord, leads: TwelveLeads) -> dict[str, tuple[Finding, ...]]:
    """Every sent lead's findings, leads in standard order."""
    kinds = (constant_runs(record), saturated(record), gaps(record), limb_contradictions(leads))
    return {
        lead: tuple(kind[lead] for kind in kinds if lead in kind)
        for lead in LEADS
        if lead in record.lead_names
    }


def _longest_constant(signal: NDArray[np.float32]) -> NDArray[np.intp]:
    """Samples in each lead's longest run of one value; a NaN ends a run. (leads, samples) -> (leads,)"""
    return longest_runs(signal[:, 1:] == signal[:, :-1]) + 1


def _longest_run(mask: NDArray[np.bool_]) -> int:
    return int(longest_runs(mask[np.newaxis])[0])
