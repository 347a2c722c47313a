"""The judgement of a recording as a value: findings, a word for each lead, a word for the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Word = Literal["Unreadable", "Poor", "Acceptable", "Good", "Excellent"]
WORDS: Final[tuple[Word, ...]] = (
    "Unreadable",
    "Poor",
    "Acceptable",
    "Good",
    "Excellent",
)  # from worst to best

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
    """One fault: `value` beyond `limit` (their unit is the code's, see `findings.py` and `noise.py`), and what to do about it."""

    code: Code
    lead: str | None
    value: float | None
    limit: float | None
    advice: str


@dataclass(frozen=True)
class LeadQuality:
    """One sent lead: its word and the findings that gave it."""

    word: Word
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Quality:
    """What can be said of a recording before anything is read from it.

    probability_readable  None where there is no sample to judge
    leads                 the sent leads, in standard order
    findings              those of the leads, of leads that did not come, and of the recording
    """

    signal_quality: Word
    readable: bool
    probability_readable: float | None
    leads: Mapping[str, LeadQuality]
    findings: tuple[Finding, ...]
    recommendation: str
    warnings: tuple[str, ...] = ()
