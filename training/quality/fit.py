"""Fitting the quality model: a Gaussian process on normal scores, and its calibration by folds."""

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
THRESHOLD: Final = 0.5  # on the calibrated probability: the calibration is learned, and most verdicts are then right at one half
# Choices, tried on seeds 20 to 23 before calibration: a variance of 30 moves accuracy and AUROC by +0.001 and -0.001, of 4 by
# -0.005 and 0.000, a third of the reach by 0.000 and 0.000.
VARIANCE: Final = 10.0  # of the logit that the process describes, and ...
SHIFT_VARIANCE: Final = 4.0  # ... of its constant
REACH: Final = 1 / 0.3  # times the mean square of the normal scores about their mean
_ROUNDS: Final = 50
_SETTLED: Final = 1e-4  # of a logit
_FLATTEST: Final = 1e-6  # keeps certain recordings in the equations

Rows = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    accuracy: float
    auroc: float


def score(acceptable: Flags, probability: Rows, readable: Flags) -> Score:
    return Score(
        float((readable == acceptable).mean()), float(roc_auc_score(acceptable, probability))
    )


def folds(
    acceptable: Flags, group: NDArray[np.intp], count: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """(seen, unseen), with equal shares of acceptable recordings and identical recordings together."""
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(acceptable)), acceptable, group)


def calibrate(
    rows: Rows, acceptable: Flags, group: NDArray[np.intp], seed: int
) -> tuple[float, float]:
    """(slope, shift) of a logistic regression (Platt 1999) on the logits of inner folds' unseen recordings."""
    logits = np.zeros(len(rows))
    for seen, unseen in folds(acceptable, group, INNER_FOLDS, seed + 1000):
        logits[unseen] = fit(rows[seen], acceptable[seen], 1.0).logit(rows[unseen])
    line = LogisticRegression(C=1e3).fit(logits[:, np.newaxis], acceptable)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def fit(
    rows: Rows,
    acceptable: Flags,
    usual_height_mv: float,
    calibration: tuple[float, float] = (1.0, 0.0),
) -> ReadableModel:
    """The process on all rows; the model as it is read back from its file, rounding included."""
    single = rows.astype(np.float32)
    quantiles = np.quantile(single, np.linspace(0, 1, NORMAL_SCORES.size), axis=0).T.astype(
        np.float32
    )
    scores = normal_scores(single, quantiles)
    reach = max(REACH * float(scores.var(axis=0).mean()), 1e-6)
    pulls = pulls_of(VARIANCE * nearness(scores, scores, reach) + SHIFT_VARIANCE, acceptable)
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
    """(recordings,) that times the covariance are the likeliest logits: Newton's method of Rasmussen and Williams, algorithm 3.1."""
    logits, pulls = np.zeros(len(covariance)), np.zeros(len(covariance))
    for _ in range(_ROUNDS):
        probability = sigmoid(logits)
        curvature = np.maximum(probability * (1 - probability), _FLATTEST)
        root = np.sqrt(curvature)
        factor = cho_factor(np.eye(len(root)) + root[:, np.newaxis] * covariance * root, lower=True)
        target = curvature * logits + acceptable - probability
        pulls = target - root * cho_solve(factor, root * (covariance @ target))
        before, logits = logits, covariance @ pulls
        if np.abs(logits - before).max() < _SETTLED:
            return np.asarray(pulls)
    raise ValueError(f"training.quality: the process did not settle in {_ROUNDS} rounds")
