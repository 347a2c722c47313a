"""The types of a quality assessment: findings, a word for each lead, a word for the recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

# The grade of the quality of a lead or of a recording.
QualityWord = Literal["Unreadable", "Poor", "Acceptable", "Good", "Excellent"]
# From worst to best.
WORDS: Final[tuple[QualityWord, ...]] = get_args(QualityWord)

# The ten electrodes but the neutral one on the right leg, which no lead shows.
Electrode = Literal["RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6"]

# The codes of findings; docs/api.md, "/assess_quality", states value and limit of each.
Code = Literal[
    "flat_line",
    "lead_off",
    "saturated",
    "mostly_missing",
    "gaps",
    "missing_lead",
    "limb_lead_contradiction",
    "baseline_wander",
    "mains_hum",
    "muscle_noise",
    "step",
    "spikes",
    "qrs_not_visible",
    "r_peak_disagreement",
    "calibration_pulse",
    "limb_electrode_reversal",
    "chest_electrode_reversal",
]


@dataclass(frozen=True)
class Finding:
    """One fault of the signal, and advice how to correct it.

    lead       None if the fault concerns the whole recording
    value      the measured value, None if the fault has none; its unit depends on the code
    limit      what the value exceeds or is below, depending on the code
    advice     a sentence for the person who records the ECG
    exchanged  the electrodes that may be interchanged, in a finding that says so
    """

    code: Code
    lead: str | None
    value: float | None
    limit: float | None
    advice: str
    exchanged: tuple[Electrode, ...] = ()


@dataclass(frozen=True)
class LeadQuality:
    """The word for one lead of the request, and the findings that determine it."""

    word: QualityWord
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Quality:
    """The quality of a recording.

    signal_quality        the word for the whole recording
    readable              whether the quality allows an interpretation
    probability_readable  that annotators would accept it; None if no lead has enough samples
    leads                 by name: the leads of the request, in standard order
    findings              of these leads, of missing leads, and of the whole recording
    recommendation        a sentence for the person who records the ECG
    """

    signal_quality: QualityWord
    readable: bool
    probability_readable: float | None
    leads: Mapping[str, LeadQuality]
    findings: tuple[Finding, ...]
    recommendation: str
    warnings: tuple[str, ...] = ()
