"""The part `clinical_analysis` of /analyze: rhythm and abnormalities, by labels and by rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analysis.answer_types import ClinicalAnalysis
from analysis.interpretation.rhythm_decision import SINUS_LABELS, Decision
from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord

# Not findings of the patient's heart: the first judges the recording, the second does not mean what
# its name says (model card).
NEVER_ABNORMALITIES: Final = frozenset({"Poor data quality", "Accessory pathway conduction"})
RATE_WORDS: Final = frozenset({"Bradycardia", "Tachycardia"})


def clinical_analysis_part(
    decision: Decision, labels: Sequence[JoinedLabel] | None, measured: MeasuredRecord
) -> ClinicalAnalysis:
    """Return the part, with the rhythm that was decided."""
    heart_rate = measured.number("heart_rate_bpm")
    qrs_duration = measured.number("qrs_ms")
    qt_interval = measured.number("qt_ms")
    pr_interval = measured.number("pr_ms")
    return {
        "rhythm": decision.rhythm,
        "rhythm_source": decision.source,
        "heart_rate": heart_rate,
        "qrs_duration": qrs_duration,
        "qt_interval": qt_interval,
        "pr_interval": pr_interval,
        "axis_deviation": measured.axis_deviation,
        "abnormalities": abnormalities(decision, labels, measured.rate_word),
        "confidence": decision.confidence,
        "physiological_parameters": {
            "heart_rate": heart_rate,
            "qrs_duration": qrs_duration,
            "qt_interval": qt_interval,
            "pr_interval": pr_interval,
            "qrs_axis": measured.number("qrs_axis_deg"),
        },
    }


def abnormalities(
    decision: Decision, labels: Sequence[JoinedLabel] | None, rate_word: str | None
) -> list[str]:
    """Return the other positive labels, the measured rate's word, and the findings, each once.

    rate_word  Bradycardia or Tachycardia; not repeated where the rhythm's name says it
    """
    left_out = {*SINUS_LABELS, decision.rhythm, decision.label, *NEVER_ABNORMALITIES}
    left_out |= decision.rejected
    if decision.rhythm.endswith(("bradycardia", "tachycardia", "aberrancy")):
        left_out |= RATE_WORDS
    names = [joined.label.name for joined in labels or () if joined.positive]
    if rate_word is not None:
        names.append(rate_word)
    names += [finding.statement for finding in decision.findings]
    return [name for name in dict.fromkeys(names) if name not in left_out]
