"""The rhythm of a recording, decided between an encoder's labels and the rules on the measurements.

A label is right more often than a rule where both see the same: on PTB-XL and on recordings of
other hospitals (docs/accuracy.md). So the labels decide, except where the measurements contradict
them by evidence that labels do not have, or where an error would hide what needs attention at
once. Each difference is a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord
from heads.one_lead.model import NORMAL
from heads.pacemaker import PACEMAKER_LABEL
from intervals.findings.av_block import SECOND_DEGREE
from intervals.findings.conduction import FIRST_DEGREE
from intervals.findings.finding import Finding
from intervals.findings.matrix_findings import not_hidden
from intervals.findings.sinus_arrhythmia import SINUS_ARRHYTHMIA
from intervals.p_waves import P_PRESENT
from intervals.rhythm import DISSOCIATED, UNDETERMINED, Rhythm, sinus_rhythm_name

FIBRILLATION: Final = "Atrial fibrillation"
FLUTTER: Final = "Atrial flutter"
SINUS_RHYTHM: Final = "Sinus rhythm"
# The labels of a sinus rhythm: of the encoders, and of the one-lead model.
SINUS_LABELS: Final = (SINUS_RHYTHM, NORMAL)
# The first positive label of these names the rhythm.
LEADING_RHYTHMS: Final = (
    PACEMAKER_LABEL,
    "Ventricular tachycardia",
    "Supraventricular tachycardia with aberrancy",
    FLUTTER,
    FIBRILLATION,
)
# Rhythms by the rules that no label may hide, except one that says the same in other words.
NOT_HIDDEN: Final = frozenset({"Wide-complex tachycardia", "Ventricular escape rhythm"})
SAID_BY_LABELS: Final = frozenset(
    {"Ventricular tachycardia", "Supraventricular tachycardia with aberrancy"}
)
# Rhythms by the rules that describe what the label on the left names.
SAME: Final[Mapping[str, frozenset[str]]] = {
    FLUTTER: frozenset({"Narrow-complex tachycardia", "Supraventricular tachycardia"}),
    "Sinus tachycardia": frozenset({"Narrow-complex tachycardia"}),
}
# A label of fibrillation with at least this probability stands against a regular rhythm. Of the
# recordings in PTB-XL's folds 1-8 and of other hospitals with this label and a regular rhythm, 8 of
# 9 from here on and 9 of 22 below have fibrillation or flutter. With the one-lead model's label,
# no regular one is above, and 2 of 7 below have it (out of fold, PhysioNet/CinC Challenge 2017).
SURE_FIBRILLATION: Final = 0.8


@dataclass(frozen=True)
class Decision:
    """The rhythm in words, and what decided.

    label       the positive label that names the rhythm; None if the rules name it
    confidence  the label's probability, or the rule's confidence
    findings    what the signal shows beside this rhythm
    rejected    positive labels that the decision does not believe
    warnings    "clinical_analysis: sentence"
    """

    rhythm: str
    source: Literal["labels", "rules"]
    confidence: float | None = None
    label: str | None = None
    findings: tuple[Finding, ...] = ()
    rejected: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Choice:
    """Which of the two names the rhythm, and a clause that gives the reason if they differ."""

    source: Literal["labels", "rules"]
    reason: str
    rejected: frozenset[str] = frozenset()


def decide_rhythm(
    labels: Sequence[JoinedLabel] | None,
    measured: MeasuredRecord,
    pacemaker_present: bool | None,
) -> Decision:
    """Return the rhythm.

    labels             of the clinical encoder; None without them
    pacemaker_present  by all evidence together; None if it is not judged
    """
    rules = measured.rhythm or Rhythm(UNDETERMINED)
    if labels is None:
        decision = Decision(rules.name, "rules", rules.confidence)
        return replace(decision, findings=_fitting_findings(decision, (), measured))
    positive = {joined.label.name: joined.probability for joined in labels if joined.positive}
    decision = _decide(positive, rules, measured, pacemaker_present)
    return replace(decision, findings=_fitting_findings(decision, positive, measured))


def _leading_label(positive: Collection[str]) -> str | None:
    """Return the positive label that names the rhythm; None if none does."""
    for name in (*LEADING_RHYTHMS, *SINUS_LABELS):
        if name in positive:
            return name
    return None


def _decide(
    all_positive: Mapping[str, float],
    rules: Rhythm,
    measured: MeasuredRecord,
    pacemaker_present: bool | None,
) -> Decision:
    """Return the decision without its findings."""
    positive = dict(all_positive)
    by_pacemaker = _of_pacemaker(positive, rules, pacemaker_present)
    if by_pacemaker is not None:
        return by_pacemaker
    if pacemaker_present is False:
        positive.pop(PACEMAKER_LABEL, None)
    label = _leading_label(positive)
    word = _word_of(label, positive, measured)
    choice = _choose(word, positive.get(label or "", 0.0), rules, measured)
    warnings = _warnings(word, positive.get(label or ""), rules, choice)
    rejected = choice.rejected
    if choice.source == "rules":
        decision = Decision(rules.name, "rules", rules.confidence)
    else:
        decision = Decision(word, "labels", positive.get(label or ""), label)
    return replace(decision, rejected=rejected, warnings=warnings)


def _of_pacemaker(
    positive: Mapping[str, float], rules: Rhythm, present: bool | None
) -> Decision | None:
    """Return the rhythm of a pacemaker that all evidence together shows; None without one."""
    if present is None:
        present = PACEMAKER_LABEL in positive
    if not present:
        return None
    if PACEMAKER_LABEL in positive:
        probability = positive[PACEMAKER_LABEL]
        return Decision(PACEMAKER_LABEL, "labels", probability, PACEMAKER_LABEL)
    confidence = rules.confidence if rules.name == PACEMAKER_LABEL else None
    return Decision(PACEMAKER_LABEL, "rules", confidence)


def _word_of(label: str | None, positive: Mapping[str, float], measured: MeasuredRecord) -> str:
    """Return the rhythm by the labels; the rate of a sinus rhythm is the measured one."""
    if label is None:
        return UNDETERMINED
    if label not in SINUS_LABELS:
        return label
    if measured.number("heart_rate_bpm") is not None:
        return sinus_rhythm_name(measured.rate_word)
    words = [name for name in ("Bradycardia", "Tachycardia") if name in positive]
    # Both together contradict each other, so neither enters the word.
    return f"Sinus {words[0].lower()}" if len(words) == 1 else SINUS_RHYTHM


def _choose(word: str, probability: float, rules: Rhythm, measured: MeasuredRecord) -> _Choice:
    """Return which of the labels' word and the rules' rhythm is believed."""
    rejected = frozenset({FIBRILLATION} if word == FIBRILLATION else ())
    if rules.name in DISSOCIATED.values() and word != rules.name:
        return _Choice("rules", "no label may hide it", rejected | {FIRST_DEGREE})
    if rules.name in NOT_HIDDEN and word not in SAID_BY_LABELS:
        if word.startswith("Sinus") and _has_p_waves(measured):
            return _Choice("labels", "P waves are seen")
        return _Choice("rules", "no label may hide it", rejected)
    if word == UNDETERMINED:
        # Where the rules name fibrillation and the one-lead model's label is not positive, 20 of 67
        # recordings have it (out of fold, PhysioNet/CinC Challenge 2017).
        if rules.name == FIBRILLATION and measured.few_leads is not None:
            return _Choice("labels", "on few leads they are right more often")
        return _Choice("rules", "no label names a rhythm")
    if word == FIBRILLATION and _has_dropped_beats(measured):
        return _Choice("rules", "P waves come at a constant rate", rejected)
    if (
        word == FIBRILLATION
        and rules.name != FIBRILLATION
        and _is_refuted_fibrillation(probability, measured)
    ):
        return _Choice("rules", "the rhythm is not irregular as in fibrillation", rejected)
    if rules.name == UNDETERMINED or _same(word, rules.name):
        return _Choice("labels", "no rule says otherwise")
    if rules.name == "Supraventricular tachycardia" and word.startswith("Sinus"):
        return _Choice("rules", "a sinus tachycardia at rest is seldom as fast")
    return _Choice("labels", "they are right more often")


def _has_p_waves(measured: MeasuredRecord) -> bool:
    return measured.p_present is not None and measured.p_present >= P_PRESENT


def _has_dropped_beats(measured: MeasuredRecord) -> bool:
    """Return whether P waves are seen of which some are not conducted."""
    return any(each.statement.startswith(SECOND_DEGREE) for each in measured.findings)


def _is_refuted_fibrillation(probability: float, measured: MeasuredRecord) -> bool:
    irregularity = measured.irregularity
    if irregularity is None or probability >= SURE_FIBRILLATION:
        return False
    return irregularity.is_regular or not irregularity.changes_as_in_fibrillation


def _same(word: str, rule: str) -> bool:
    """Return whether the two say the same of the rhythm, apart from its rate."""
    both_sinus = word.startswith("Sinus") and rule.startswith("Sinus")
    return word == rule or both_sinus or rule in SAME.get(word, ())


def _warnings(
    word: str, probability: float | None, rules: Rhythm, choice: _Choice
) -> tuple[str, ...]:
    """Return the warning about a difference; none if labels or rules alone name a rhythm."""
    rejected_word = word if choice.source == "rules" else rules.name
    if rejected_word == UNDETERMINED or _same(word, rules.name):
        return ()
    shown = "" if probability is None else f" ({probability:.2f})"
    by_labels = "no rhythm" if word == UNDETERMINED else f"{word}{shown}"
    return (
        f"clinical_analysis: the labels name {by_labels}, the rules {rules.name}; "
        f"the {choice.source} decide, because {choice.reason}",
    )


def _fitting_findings(
    decision: Decision, positive: Collection[str], measured: MeasuredRecord
) -> tuple[Finding, ...]:
    """Return the findings that fit the rhythm and the positive labels."""
    is_sinus = decision.rhythm.startswith("Sinus")
    shown = not_hidden(measured.findings, (decision.rhythm, *positive))
    return tuple(each for each in shown if is_sinus or each.statement != SINUS_ARRHYTHMIA)
