"""Rhythm, abnormalities, superclass and pacemaker of an analysis as text, with their probabilities.

A name without its probability would look equally certain at 0.5 and at 0.99. A superclass that does
not reach its threshold is never named as the result.
"""

from __future__ import annotations

from collections.abc import Sequence

from ecgfm_client.results import Analysis, Json

NO_SUPERCLASS = "none of the five classes"


def rhythm_text(analysis: Analysis) -> str:
    """Return "Sinus rhythm 0.98 (by labels)" or "Sinus rhythm (by rules, confidence 0.98)".

    By rules the number is not a probability, so it is named.
    """
    rhythm = analysis.rhythm or "no rhythm"
    source, confidence = analysis.rhythm_source, analysis.confidence
    if source is None:
        return rhythm
    if confidence is None:
        return f"{rhythm} (by {source})"
    if source == "labels":
        return f"{rhythm} {confidence:.2f} (by labels)"
    return f"{rhythm} (by {source}, confidence {confidence:.2f})"


def abnormality_texts(analysis: Analysis) -> list[str]:
    """Return the abnormalities, each with its label's probability; rules give none."""
    probabilities = {label.name: label.probability for label in analysis.labels or ()}
    return [
        f"{name} {probabilities[name]:.2f}" if name in probabilities else name
        for name in analysis.abnormalities
    ]


def finding_texts(analysis: Analysis) -> list[str]:
    """Return the findings after the rhythm: "Pause of 6.3 s (critical): pause_s 6.3, ..."."""
    return [
        f"{finding.statement} ({finding.severity}): {_evidence_text(finding.evidence)}"
        for finding in (analysis.findings or ())[1:]
    ]


def _evidence_text(evidence: Json) -> str:
    return ", ".join(
        f"{name} {' '.join(value) if isinstance(value, list) else format(value, 'g')}"
        for name, value in evidence.items()
    )


def superclass_text(superclass: Json) -> str:
    """Return "Superclass: MI 0.70 (below the threshold: HYP 0.30)", most probable first.

    Without a positive superclass: "Superclass: none of the five classes (below ...)".
    """
    positive = superclass["positive"]
    rejected = [name for name in superclass["probabilities"] if name not in positive]
    below = f" (below the threshold: {_ranked(superclass, rejected)})" if rejected else ""
    return f"Superclass: {_ranked(superclass, positive) or NO_SUPERCLASS}{below}"


def pacemaker_text(pacemaker: Json) -> str:
    """Return whether a pacemaker is present, with the probability; null is "not judged"."""
    if pacemaker["present"] is None:
        return "Pacemaker: not judged"
    answer = "yes" if pacemaker["present"] else "no"
    return f"Pacemaker: {answer} ({pacemaker['probability']:.2f})"


def _ranked(superclass: Json, names: Sequence[str]) -> str:
    """Return the names with their probabilities, most probable first."""
    probabilities = superclass["probabilities"]
    ranked = sorted(names, key=lambda name: -probabilities[name])
    return ", ".join(f"{name} {probabilities[name]:.2f}" for name in ranked)
