"""The trees that tell beats from other humps, fitted to candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from heads.beats.candidates import Candidates
from heads.beats.detector import beat_probability
from heads.trees import Forest
from training.beats.streams import Indices, Judge, Numbers
from training.forest import forest_of

TREES: Final = 120
LEAVES: Final = 8
LEARNING_RATE: Final = 0.1
MIN_LEAF: Final = 40
L2: Final = 5.0
BINS: Final = 64
NOISE: Final = -1  # in the place of a patient
# Of a hump of noise, where a usual one of a patient has 1: with more, weak beats are missed.
NOISE_WEIGHT: Final = 0.01


@dataclass(frozen=True, eq=False)
class Humps:
    """Candidates that a detector is fitted to.

    patient  (humps,) index of the patient, or NOISE
    """

    numbers: Numbers
    is_beat: NDArray[np.bool_]
    patient: Indices


def fit_detector(humps: Humps, seed: int) -> Forest:
    """Return trees whose sum is the log odds that a hump is a beat."""
    classifier: Any = HistGradientBoostingClassifier(
        max_iter=TREES,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=MIN_LEAF,
        l2_regularization=L2,
        max_bins=BINS,
        early_stopping=False,
        random_state=seed,
    )
    classifier.fit(humps.numbers, humps.is_beat, _weights(humps.patient))
    trees = [tree.nodes for each_round in classifier._predictors for tree in each_round]
    forest = forest_of(trees, 1.0)
    start = float(classifier._baseline_prediction.item())
    is_leaf = forest.right == np.arange(forest.right.size)
    value = forest.value + np.where(is_leaf, start / forest.roots.size, 0.0)
    return replace(forest, value=value.astype(np.float32))


def _weights(patient: Indices) -> NDArray[np.float64]:
    """Return (humps,) weights: a patient weighs as the root of the humps."""
    is_noise = patient == NOISE
    counts = np.bincount(patient[~is_noise])
    weights = np.full(patient.size, NOISE_WEIGHT)
    weights[~is_noise] = np.sqrt(counts[counts > 0].mean() / counts[patient[~is_noise]])
    return weights


def judge_by(detectors: Sequence[Forest], of_row: Indices) -> Judge:
    """Return a function that judges each stream's candidates by the detector of that stream."""

    def judge(found: Candidates) -> NDArray[np.float64]:
        probability = np.zeros(found.row.size)
        of_candidate = of_row[found.row]
        for number in np.unique(of_candidate):
            places = of_candidate == number
            probability[places] = beat_probability(detectors[number], found.features[places])
        return probability

    return judge


def judge_all_by(detector: Forest) -> Judge:
    return lambda found: beat_probability(detector, found.features)
