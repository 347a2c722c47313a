"""Platt's calibration of one label's logits, and its threshold, both from logits of patients that the weights were not fitted on.

Platt, J.: Probabilistic outputs for support vector machines, 1999; the targets are his, which keep a handful of positives
from being taken for certain. Slopes are never negative: a calibration mends how sure a head is, not what it says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from signals.logistic import sigmoid

Array = NDArray[np.float64]


def platt(logits: Array, truth: Array) -> tuple[float, float]:
    """(slope, offset) of sigmoid(slope * logit + offset), from (records,) without unknown truths."""
    positives, negatives = int((truth == 1).sum()), int((truth == 0).sum())
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    spread = float(logits.std()) or 1.0
    z = logits / spread

    def loss(at: Array) -> tuple[float, Array]:
        q = at[0] * z + at[1]
        residual = sigmoid(q) - target
        return float((np.logaddexp(0, q) - target * q).sum()), np.array(
            [(residual * z).sum(), residual.sum()]
        )

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)]
    )
    return float(found.x[0] / spread), float(found.x[1])


def best_f1_threshold(probabilities: NDArray[np.floating[Any]], truth: Array) -> float:
    """The probability from which on "positive" has the highest F1, half way to the next record's below."""
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order], np.cumsum(truth[order] == 1)
    last_of_ties = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    f1 = 2 * hits[last_of_ties] / (last_of_ties + 1 + hits[-1])
    best = last_of_ties[int(f1.argmax())]
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)
