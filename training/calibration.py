"""Platt's calibration of one label's logits, and its threshold.

Both are fitted to logits of patients that the weights were not fitted on. Platt, Probabilistic
outputs for support vector machines, 1999: his targets keep a few positives from being taken for
certain. Slopes are never negative: a calibration corrects how certain a head is, not the order of
its answers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from signals.logistic import sigmoid

Array = NDArray[np.float64]


def platt(logits: Array, truth: Array) -> tuple[float, float]:
    """Return (slope, offset) of the calibration sigmoid(slope * logit + offset).

    logits, truth  (records,), without unknown truths
    """
    positives = int((truth == 1).sum())
    negatives = int((truth == 0).sum())
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    # Scaled to unit standard deviation, so that the optimiser's steps fit logits of any size.
    spread = float(logits.std()) or 1.0
    z = logits / spread

    def loss_and_gradient(parameters: Array) -> tuple[float, Array]:
        q = parameters[0] * z + parameters[1]
        loss = float((np.logaddexp(0, q) - target * q).sum())
        residual = sigmoid(q) - target
        return loss, np.array([(residual * z).sum(), residual.sum()])

    solution = minimize(
        loss_and_gradient,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None), (None, None)],
    )
    return float(solution.x[0] / spread), float(solution.x[1])


def best_f1_threshold(probabilities: NDArray[np.floating[Any]], truth: Array) -> float:
    """Return the threshold with the highest F1, from (records,) probabilities and truths.

    It is half way between the lowest probability that counts as positive and the next one below.
    """
    order = np.argsort(-probabilities, kind="stable")
    descending = probabilities[order]
    hits = np.cumsum(truth[order] == 1)
    last_of_ties = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
    f1 = 2 * hits[last_of_ties] / (last_of_ties + 1 + hits[-1])
    best = last_of_ties[int(f1.argmax())]
    below = descending[best + 1] if best + 1 < len(descending) else 0.0
    return float((descending[best] + below) / 2)
