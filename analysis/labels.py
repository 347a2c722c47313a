"""From logits to labels, joined over a recording's segments and corrected for the training weights.

Both rules are ECG-FM's. Probabilities (after the sigmoid) are joined by mean or maximum, as each
label states. Training weighted the positives by w, so sigmoid(logit - ln w) undoes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis import answer_types
from analysis.superclass import superclass_part
from model_store.labels import Label
from signals.logistic import sigmoid
from superclasses import SUPERCLASSES

Aggregate = Literal["mean", "max"]


@dataclass(frozen=True)
class JoinedLabel:
    """One label of a recording.

    prior_corrected  the probability with the training weight undone; None where the model is
                     already calibrated
    """

    label: Label
    probability: float
    prior_corrected: float | None
    threshold: float

    @property
    def positive(self) -> bool:
        return self.probability >= self.threshold

    def part(self) -> answer_types.Label:
        """Return the label's entry in the part `labels` of /analyze."""
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
    aggregate: Aggregate | None,
    thresholds: Mapping[str, float],
) -> list[JoinedLabel]:
    """Return the labels of one recording from logits (segments, labels).

    aggregate   replaces every label's own joining rule
    thresholds  replace the labels' own, by label name
    """
    probabilities = sigmoid(logits)
    joined_labels = []
    for column, label in enumerate(labels):
        join = np.mean if (aggregate or label.joining) == "mean" else np.max
        corrected = None
        if label.pos_weight is not None:
            shifted = logits[:, column].astype(np.float64) - np.log(label.pos_weight)
            corrected = float(join(sigmoid(shifted)))
        probability = float(join(probabilities[:, column]))
        threshold = thresholds.get(label.name, label.threshold)
        joined_labels.append(JoinedLabel(label, probability, corrected, threshold))
    return joined_labels


def labels_by_segment_part(
    logits: NDArray[np.float32], labels: Sequence[Label], times_s: Sequence[tuple[float, float]]
) -> list[answer_types.LabelsOfSegment]:
    """Return the part `labels_by_segment` of /analyze from logits (segments, labels).

    times_s  start and end of each segment
    """
    names = [label.name for label in labels]
    part: list[answer_types.LabelsOfSegment] = []
    for (start, end), row in zip(times_s, sigmoid(logits), strict=True):
        probabilities = dict(zip(names, row.tolist(), strict=True))
        part.append({"start": start, "end": end, "probabilities": probabilities})
    return part


def superclass_of_labels(joined_labels: Sequence[JoinedLabel]) -> answer_types.Superclass:
    """Return the part `superclass` of /analyze; all five must be among the labels."""
    return superclass_part(
        {joined.label.name: joined.probability for joined in joined_labels},
        {joined.label.name for joined in joined_labels if joined.positive},
    )


def without_superclasses(joined_labels: Sequence[JoinedLabel]) -> list[JoinedLabel]:
    """Return the labels that are not superclasses; those are a part of their own."""
    return [joined for joined in joined_labels if joined.label.name not in SUPERCLASSES]
