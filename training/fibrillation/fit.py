"""Fit the trees of the fibrillation model, and calibrate them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from heads.fibrillation.features import NUMBERS
from heads.trees import Forest
from training.fibrillation.examples import FIBRILLATION, Examples
from training.forest import forest_of

TREES: Final = 100
LEARNING_RATE: Final = 0.1
DEPTH: Final = 3  # shallow trees cost least, and generalise best to other patients
MIN_LEAF: Final = 40  # windows
L2: Final = 5.0
BINS: Final = 32  # of each number; weighted quantiles for more of them take most of the time
FEATURE_SHARE: Final = 0.3  # of the numbers, drawn for each split


def fit(examples: Examples, seed: int) -> tuple[Forest, float]:
    """Return the trees and the score before the first one."""
    classifier: Any = HistGradientBoostingClassifier(
        max_iter=TREES,
        learning_rate=LEARNING_RATE,
        max_depth=DEPTH,
        max_leaf_nodes=2**DEPTH,
        min_samples_leaf=MIN_LEAF,
        l2_regularization=L2,
        max_bins=BINS,
        max_features=FEATURE_SHARE,
        early_stopping=False,
        random_state=seed,
    )
    is_fibrillation = examples.truth == FIBRILLATION
    classifier.fit(examples.numbers.astype(np.float64), is_fibrillation, examples.weights())
    trees = [tree.nodes for each_round in classifier._predictors for tree in each_round]
    return forest_of(trees, 1.0), float(classifier._baseline_prediction.item())


def scores_of(forest: Forest, start: float, numbers: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (leads, seconds) of (leads, seconds, NUMBERS); NaN where the numbers are."""
    rows = numbers.reshape(-1, NUMBERS)
    known = ~np.isnan(rows[:, 0])
    scores = np.full(len(rows), np.nan)
    scores[known] = start + forest.values(rows[known]).astype(np.float64).sum(axis=1)
    return scores.reshape(numbers.shape[:2])


def calibrate(scores: NDArray[np.float64], examples: Examples) -> tuple[float, float]:
    """Return slope and offset of the log odds (Platt), from out-of-fold scores (rows,)."""
    line = LogisticRegression(C=1e3).fit(
        scores[:, np.newaxis], examples.truth == FIBRILLATION, examples.weights()
    )
    return float(line.coef_[0, 0]), float(line.intercept_[0])
