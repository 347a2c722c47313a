"""The part `clinical_analysis` of /analyze: rhythm and abnormalities, from labels or from rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.answer_types import ClinicalAnalysis
from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord

# The order of docs/api.md: the first positive label of these names the rhythm.
LEADING_RHYTHMS = (
    "Electronic pacemaker",
    "Ventricular tachycardia",
    "Supraventricular tachycardia with aberrancy",
    "Atrial flutter",
    "Atrial fibrillation",
)
RATE_WORDS = {"Bradycardia": "Sinus bradycardia", "Tachycardia": "Sinus tachycardia"}
SINUS_RHYTHM = "Sinus rhythm"
UNDETERMINED = "Undetermined"
# Not findings of the patient's heart: the first judges the recording, the second does not mean what
# its name says (model card).
NEVER_ABNORMALITIES = frozenset({"Poor data quality", "Accessory pathway conduction"})


@dataclass(frozen=True)
class Interpretation:
    """The rhythm in words, how certain it is (0 to 1), and the other findings."""

    rhythm: str
    confidence: float | None
    abnormalities: list[str]


def clinical_analysis_part(
    labels: Sequence[JoinedLabel] | None, measured: MeasuredRecord
) -> ClinicalAnalysis:
    """Return the part: words from the labels, or from the rules without labels."""
    by_rules = _interpret_rules(measured)
    interpretation = by_rules if labels is None else interpret_labels(labels)
    heart_rate = measured.number("heart_rate_bpm")
    qrs_duration = measured.number("qrs_ms")
    qt_interval = measured.number("qt_ms")
    pr_interval = measured.number("pr_ms")
    return {
        "rhythm": interpretation.rhythm,
        "rhythm_source": "rules" if labels is None else "labels",
        "heart_rate": heart_rate,
        "qrs_duration": qrs_duration,
        "qt_interval": qt_interval,
        "pr_interval": pr_interval,
        "axis_deviation": measured.axis_deviation,
        "abnormalities": interpretation.abnormalities,
        "confidence": interpretation.confidence,
        "physiological_parameters": {
            "heart_rate": heart_rate,
            "qrs_duration": qrs_duration,
            "qt_interval": qt_interval,
            "pr_interval": pr_interval,
            "qrs_axis": measured.number("qrs_axis_deg"),
        },
    }


def interpret_labels(labels: Sequence[JoinedLabel]) -> Interpretation:
    """Return the rhythm, the probability of the label that names it, and the other labels."""
    positive = {joined.label.name: joined.probability for joined in labels if joined.positive}
    rhythm, naming_labels = _rhythm_of(positive)
    not_abnormal = {SINUS_RHYTHM, *naming_labels, *NEVER_ABNORMALITIES}
    abnormalities = [name for name in positive if name not in not_abnormal]
    confidence = positive[naming_labels[0]] if naming_labels else None
    return Interpretation(rhythm, confidence, abnormalities)


def _rhythm_of(positive: Mapping[str, float]) -> tuple[str, tuple[str, ...]]:
    """Return the rhythm's word and the labels that it is made of.

    The first label gives the confidence.
    """
    for name in LEADING_RHYTHMS:
        if name in positive:
            return name, (name,)
    if SINUS_RHYTHM not in positive:
        return UNDETERMINED, ()
    rates = [name for name in RATE_WORDS if name in positive]
    # Bradycardia and tachycardia together contradict each other, so neither enters the word.
    if len(rates) == 1:
        return RATE_WORDS[rates[0]], (SINUS_RHYTHM, rates[0])
    return SINUS_RHYTHM, (SINUS_RHYTHM,)


def _interpret_rules(measured: MeasuredRecord) -> Interpretation:
    """Return the rhythm and the findings by rules."""
    if measured.rhythm is None:
        return Interpretation(UNDETERMINED, None, [])
    statements = [finding.statement for finding in measured.findings]
    return Interpretation(measured.rhythm.name, measured.rhythm.confidence, statements)
