"""The judgement of a recording: findings, a word for each lead, and a word for the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Word = Literal["Unreadable", "Poor", "Acceptable", "Good", "Excellent"]
# From worst to best.
WORDS: Final[tuple[Word, ...]] = ("Unreadable", "Poor", "Acceptable", "Good", "Excellent")

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
    """One fault and what to do about it.

    lead   None if the fault is of the whole recording
    value  what was measured; its unit depends on the code (`findings.py`, `noise.py`)
    limit  what the value should not be beyond
    """

    code: Code
    lead: str | None
    value: float | None
    limit: float | None
    advice: str


@dataclass(frozen=True)
class LeadQuality:
    """The word of one sent lead, and the findings that led to it."""

    word: Word
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Quality:
    """The judgement of a recording.

    probability_readable  None if no lead has enough samples
    leads                 the sent leads, in standard order
    findings              those of the sent leads, of missing leads, and of the recording
    """

    signal_quality: Word
    readable: bool
    probability_readable: float | None
    leads: Mapping[str, LeadQuality]
    findings: tuple[Finding, ...]
    recommendation: str
    warnings: tuple[str, ...] = ()
