"""Training of the quality model: a Gaussian process on normal scores, and its calibration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from signal_quality.model import (
    NORMAL_SCORES,
    ReadableModel,
    from_arrays,
    nearness,
    normal_scores,
    sigmoid,
)

INNER_FOLDS: Final = 5
# On the calibrated probability. The calibration is learned, and most verdicts are then right at
# one half.
THRESHOLD: Final = 0.5
# Choices, tried on seeds 20 to 23 before calibration. A variance of 30 changes accuracy and AUROC
# by +0.001 and -0.001, a variance of 4 by -0.005 and 0.000, a third of the reach by 0.000 and
# 0.000. These are the variances of the logit that the process describes, and of its constant.
VARIANCE: Final = 10.0
SHIFT_VARIANCE: Final = 4.0
# Times the mean square of the normal scores about their mean.
REACH: Final = 1 / 0.3
_MAX_ROUNDS: Final = 50
# Newton's method has converged when no logit changes by more than this.
_SETTLED: Final = 1e-4
# Keeps recordings with a certain verdict in the equations.
_MIN_CURVATURE: Final = 1e-6

Rows = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    accuracy: float
    auroc: float


def score(acceptable: Flags, probability: Rows, readable: Flags) -> Score:
    """Compare verdicts and probabilities (recordings,) with the annotators' verdicts."""
    accuracy = float((readable == acceptable).mean())
    return Score(accuracy, float(roc_auc_score(acceptable, probability)))


def folds(
    acceptable: Flags, group: NDArray[np.intp], count: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield (train, test) indices of each fold.

    The folds have equal shares of acceptable recordings, and recordings of one group are together.
    """
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(acceptable)), acceptable, group)


def calibrate(
    rows: Rows, acceptable: Flags, group: NDArray[np.intp], seed: int
) -> tuple[float, float]:
    """Return the (slope, shift) of a logistic regression (Platt 1999) on out-of-fold logits."""
    logits = np.zeros(len(rows))
    for train, test in folds(acceptable, group, INNER_FOLDS, seed + 1000):
        model = fit(rows[train], acceptable[train], 1.0)
        logits[test] = model.logit(rows[test])
    line = LogisticRegression(C=1e3).fit(logits[:, np.newaxis], acceptable)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def fit(
    rows: Rows,
    acceptable: Flags,
    usual_height_mv: float,
    calibration: tuple[float, float] = (1.0, 0.0),
) -> ReadableModel:
    """Train the process on all rows (recordings, features).

    The model is restored from its stored arrays, so that it includes their rounding.
    """
    single = rows.astype(np.float32)
    steps = np.linspace(0, 1, NORMAL_SCORES.size)
    quantiles = np.quantile(single, steps, axis=0).T.astype(np.float32)
    scores = normal_scores(single, quantiles)
    reach = max(REACH * float(scores.var(axis=0).mean()), 1e-6)
    covariance = VARIANCE * nearness(scores, scores, reach) + SHIFT_VARIANCE
    pulls = pulls_of(covariance, acceptable)
    model = ReadableModel(
        quantiles=quantiles,
        examples=scores,
        pulls=(VARIANCE * pulls).astype(np.float32),
        reach=reach,
        shift=SHIFT_VARIANCE * float(pulls.sum()),
        calibration=calibration,
        threshold=THRESHOLD,
        usual_height_mv=usual_height_mv,
    )
    return from_arrays(model.to_arrays())


def pulls_of(covariance: Rows, acceptable: Flags) -> Rows:
    """Return (recordings,) the weights whose product with the covariance is the likeliest logits.

    covariance  (recordings, recordings)
    Newton's method of Rasmussen and Williams, algorithm 3.1.
    Raises ValueError if it does not converge.
    """
    count = len(covariance)
    logits = np.zeros(count)
    pulls = np.zeros(count)
    for _ in range(_MAX_ROUNDS):
        probability = sigmoid(logits)
        curvature = np.maximum(probability * (1 - probability), _MIN_CURVATURE)
        root = np.sqrt(curvature)
        # With the root on both sides, the eigenvalues are at least 1.
        scaled = np.eye(count) + root[:, np.newaxis] * covariance * root
        factor = cho_factor(scaled, lower=True)
        target = curvature * logits + acceptable - probability
        pulls = target - root * cho_solve(factor, root * (covariance @ target))
        new_logits = covariance @ pulls
        change = np.abs(new_logits - logits).max()
        logits = new_logits
        if change < _SETTLED:
            return np.asarray(pulls)
    raise ValueError(f"training.quality: the process did not settle in {_MAX_ROUNDS} rounds")
