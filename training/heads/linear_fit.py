"""Logistic regression of several labels at once, by L-BFGS.

Unknown truths are left out, and positives may be weighted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from heads.head import Layer
from signals.logistic import sigmoid

Array = NDArray[np.float64]

MAX_ITERATIONS: Final = 300
MIN_STD: Final = 1e-6  # added to each standard deviation: a channel may be constant


@dataclass(frozen=True, eq=False)
class Scaling:
    """Standardisation of each channel of the embeddings to mean 0 and standard deviation 1."""

    mean: Array
    std: Array

    @classmethod
    def of(cls, x: Array) -> Scaling:
        """Return the scaling of the channels of x (records, width)."""
        return cls(x.mean(axis=0), x.std(axis=0) + MIN_STD)

    def apply(self, x: Array) -> Array:
        return (x - self.mean) / self.std

    def fold_into(self, weight: Array, bias: Array) -> Layer:
        """Return the layer on unscaled embeddings that equals a layer (out, in) on scaled ones."""
        unscaled = weight / self.std
        return unscaled.astype(np.float32), (bias - unscaled @ self.mean).astype(np.float32)


def positive_weights(truth: Array, balanced: bool) -> Array:
    """Return the weight of each label's positives, (labels,), from truth (records, labels).

    Balanced: negatives / positives, so that both classes weigh the same. 1 if not balanced, or if a
    label has no positives or no negatives.
    """
    positives = (truth == 1).sum(axis=0)
    negatives = (truth == 0).sum(axis=0)
    weighted = balanced & (positives > 0) & (negatives > 0)
    return np.where(weighted, negatives / np.maximum(positives, 1), 1.0)


def fit_linear(
    x: Array, truth: Array, strength: float, balanced: bool, start: Array | None = None
) -> Array:
    """Return weights and, in the last column, biases: (labels, width + 1).

    x         (records, width), scaled
    truth     (records, labels) of 0, 1 and NaN for unknown
    strength  of the L2 penalty, in units of the mean loss; biases are not penalised
    start     the solution for another strength, to start from
    """
    labels = truth.shape[1]
    known = ~np.isnan(truth)
    target = np.nan_to_num(truth)
    weight = np.where(target == 1, positive_weights(truth, balanced), 1.0) * known
    # A label without known truths has no weight at all, and its loss stays 0.
    weight /= np.maximum(weight.sum(axis=0), 1e-12)
    design = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    penalty = np.append(np.full(x.shape[1], strength), 0.0)

    def loss_and_gradient(flat: Array) -> tuple[float, Array]:
        theta = flat.reshape(labels, -1)
        logits = design @ theta.T
        cross_entropy = (weight * (np.logaddexp(0, logits) - target * logits)).sum()
        loss = cross_entropy + 0.5 * (penalty * theta**2).sum()
        gradient = (weight * (sigmoid(logits) - target)).T @ design + penalty * theta
        return float(loss), gradient.ravel()

    first = np.zeros(labels * design.shape[1]) if start is None else start.ravel()
    solution = minimize(
        loss_and_gradient, first, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS}
    )
    return np.asarray(solution.x).reshape(labels, -1)
