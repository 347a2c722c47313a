"""From logits to labels, and from labels to the words of /analyze.

Joining over segments and the prior correction are ECG-FM's: probabilities (after the sigmoid) are joined by mean or
maximum as each label's rule says; training weighted the positives by w, so sigmoid(logit - ln w) undoes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model_store.labels import Label
from signals.logistic import sigmoid
from superclasses import SUPERCLASSES


@dataclass(frozen=True)
class JoinedLabel:
    label: Label
    probability: float
    prior_corrected: float | None
    threshold: float

    @property
    def positive(self) -> bool:
        return self.probability >= self.threshold

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.label.name,
            "probability": self.probability,
            "probability_prior_corrected": self.prior_corrected,
            "threshold": self.threshold,
            "positive": self.positive,
        }


def join_labels(
    logits: NDArray[np.float32],
    labels: Sequence[Label],
    *,
    aggregate: Literal["mean", "max"] | None,
    thresholds: Mapping[str, float],
) -> list[JoinedLabel]:
    """Labels of one recording from logits (segments, labels)."""
    probabilities = sigmoid(logits)
    joined = []
    for column, label in enumerate(labels):
        over_segments = np.mean if (aggregate or label.joining) == "mean" else np.max
        corrected = None
        if label.pos_weight is not None:
            corrected = float(
                over_segments(
                    sigmoid(logits[:, column].astype(np.float64) - np.log(label.pos_weight))
                )
            )
        threshold = thresholds.get(label.name, label.threshold)
        joined.append(
            JoinedLabel(label, float(over_segments(probabilities[:, column])), corrected, threshold)
        )
    return joined


def by_segment(
    logits: NDArray[np.float32], labels: Sequence[Label], times_s: Sequence[tuple[float, float]]
) -> list[dict[str, Any]]:
    """`labels_by_segment` of /analyze."""
    rows = sigmoid(logits)
    return [
        {
            "start": start,
            "end": end,
            "probabilities": {
                label.name: float(value) for label, value in zip(labels, row, strict=True)
            },
        }
        for (start, end), row in zip(times_s, rows, strict=True)
    ]


def superclass(probabilities: Mapping[str, float], positive: Collection[str]) -> dict[str, Any]:
    """Return `superclass` of /analyze from probabilities and positive labels that include the five superclasses."""
    return {
        "top": max(SUPERCLASSES, key=lambda name: probabilities[name]),
        "probabilities": {name: probabilities[name] for name in SUPERCLASSES},
        "positive": [name for name in SUPERCLASSES if name in positive],
    }


def without_superclasses(joined: Sequence[JoinedLabel]) -> list[JoinedLabel]:
    """The labels that are findings of their own."""
    return [one for one in joined if one.label.name not in SUPERCLASSES]


# The interface's order: the first of these that is positive names the rhythm.
LEADING_RHYTHMS = (
    "Electronic pacemaker",
    "Ventricular tachycardia",
    "Supraventricular tachycardia with aberrancy",
    "Atrial flutter",
    "Atrial fibrillation",
)
RATE_WORDS = {"Bradycardia": "Sinus bradycardia", "Tachycardia": "Sinus tachycardia"}
UNDETERMINED = "Undetermined"
# No finding of the patient's heart: the one judges the recording, the other is not what its name says (model card).
NEVER_ABNORMALITIES = frozenset({"Poor data quality", "Accessory pathway conduction"})


@dataclass(frozen=True)
class Words:
    rhythm: str
    confidence: float | None
    abnormalities: list[str]


def words(labels: Sequence[JoinedLabel]) -> Words:
    """Rhythm, its confidence and the abnormalities, by the interface's rules."""
    positive = {joined.label.name: joined.probability for joined in labels if joined.positive}
    used, rhythm = _rhythm(positive)
    abnormalities = [
        name
        for name in positive
        if name not in used and name not in NEVER_ABNORMALITIES and name != "Sinus rhythm"
    ]
    return Words(rhythm, positive[used[0]] if used else None, abnormalities)


def _rhythm(positive: Mapping[str, float]) -> tuple[tuple[str, ...], str]:
    """The labels that the rhythm was made of, the one that names it first, and the word."""
    for name in LEADING_RHYTHMS:
        if name in positive:
            return (name,), name
    if "Sinus rhythm" in positive:
        rates = [name for name in RATE_WORDS if name in positive]
        if len(rates) == 1:
            return ("Sinus rhythm", rates[0]), RATE_WORDS[rates[0]]
        return ("Sinus rhythm",), "Sinus rhythm"
    return (), UNDETERMINED
