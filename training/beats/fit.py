"""Fit the trees of the detector and of the beat model."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from heads.beats.classes import CLASSES, BeatModel
from heads.trees import Forest
from training.forest import forest_of

Array = NDArray[np.float64]

DETECTOR: Final = {
    "max_iter": 60,
    "max_leaf_nodes": 8,
    "learning_rate": 0.12,
    "min_samples_leaf": 100,
}
MODEL: Final = {
    "max_iter": 100,
    "max_leaf_nodes": 10,
    "learning_rate": 0.08,
    "min_samples_leaf": 40,
    "l2_regularization": 5.0,
    "max_features": 0.3,
}
# A patient's beats of a class count by this power of their number, and so does a class. With 1 the
# trees would learn the few patients who have most of the ectopic beats.
NUMBER_POWER: Final = 0.5
# Factors of a class's weight that are tried in the search for the best decision.
FACTORS: Final = np.exp(np.linspace(-2.0, 2.0, 17))
ROUNDS: Final = 2


def fit_detector(features: NDArray[np.float32], is_beat: NDArray[np.bool_], seed: int) -> Forest:
    """Return trees whose values add up to the log odds of a beat.

    features  (candidates, FEATURES)
    is_beat   (candidates,)
    """
    trees, start = _boosted(DETECTOR, features, is_beat, None, seed)
    # The log odds before the first tree become part of its leaves.
    first_tree = np.arange(trees.roots[1])
    is_leaf = trees.right[first_tree] == first_tree
    trees.value[first_tree[is_leaf]] += np.float32(start.item())
    return trees


def fit_model(
    numbers: NDArray[np.float32], truth: NDArray[np.intp], patient: NDArray[np.intp], seed: int
) -> BeatModel:
    """Return the trees; each class's weight is 1.

    numbers  (beats, NUMBERS)
    truth    (beats,) index into CLASSES; every class occurs
    patient  (beats,)
    """
    weights = _example_weights(truth, patient)
    trees, start = _boosted(MODEL, numbers, truth, weights, seed)
    return BeatModel(trees, start, np.ones(len(CLASSES)))


def _boosted(
    options: dict[str, float],
    numbers: NDArray[np.float32],
    truth: NDArray[Any],
    weights: Array | None,
    seed: int,
) -> tuple[Forest, Array]:
    """Return the trees and the scores before the first one."""
    classifier: Any = HistGradientBoostingClassifier(
        **options, early_stopping=False, random_state=seed
    )
    classifier.fit(numbers.astype(np.float64), truth, sample_weight=weights)
    trees = [tree.nodes for each_round in classifier._predictors for tree in each_round]
    return forest_of(trees, 1.0), classifier._baseline_prediction.ravel().astype(np.float64)


def _example_weights(truth: NDArray[np.intp], patient: NDArray[np.intp]) -> Array:
    """Return (beats,) with the mean 1."""
    pairs = patient * len(CLASSES) + truth
    _, pair, count = np.unique(pairs, return_inverse=True, return_counts=True)
    weights: Array = count[pair] ** (NUMBER_POWER - 1.0)
    of_class = np.bincount(truth, weights=weights)
    number = np.bincount(truth)
    weights = weights / of_class[truth] * number[truth] ** NUMBER_POWER
    relative: Array = weights / weights.mean()
    return relative
