"""Fit the trees of the one-lead model."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from heads.trees import Forest
from training.forest import forest_of

ROUNDS: Final = 200  # each has a tree for each class
LEARNING_RATE: Final = 0.06
LEAVES: Final = 12
MIN_LEAF: Final = 20  # recordings
L2: Final = 5.0
FEATURE_SHARE: Final = 0.2  # of the numbers, drawn for each split


def fit(
    features: NDArray[np.float32], truth: NDArray[np.intp], seed: int
) -> tuple[Forest, NDArray[np.float64]]:
    """Return the trees and the scores (classes,) before the first one.

    features  (recordings, numbers)
    truth     (recordings,) the class of each; every class occurs
    """
    classifier: Any = HistGradientBoostingClassifier(
        max_iter=ROUNDS,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=MIN_LEAF,
        l2_regularization=L2,
        max_features=FEATURE_SHARE,
        early_stopping=False,
        random_state=seed,
    )
    classifier.fit(features.astype(np.float64), truth)
    trees = [tree.nodes for each_round in classifier._predictors for tree in each_round]
    return forest_of(trees, 1.0), classifier._baseline_prediction.ravel().astype(np.float64)
