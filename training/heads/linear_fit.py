"""Logistic regression of several labels at once, by L-BFGS: unknown truths are left out, positives may be weighted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from signals.logistic import sigmoid

Array = NDArray[np.float64]

MAX_ITERATIONS: Final = 300
SPREAD_FLOOR: Final = 1e-6  # an embedding's channel that never changes


@dataclass(frozen=True, eq=False)
class Scaling:
    """What makes each channel of the embeddings seen mean 0, standard deviation 1."""

    mean: Array
    spread: Array

    @classmethod
    def of(cls, x: Array) -> Scaling:
        return cls(x.mean(axis=0), x.std(axis=0) + SPREAD_FLOOR)

    def apply(self, x: Array) -> Array:
        return (x - self.mean) / self.spread

    def fold_into(
        self, weight: Array, bias: Array
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The first layer (out, in) that takes embeddings as they come."""
        scaled = weight / self.spread
        return scaled.astype(np.float32), (bias - scaled @ self.mean).astype(np.float32)


def positive_weights(truth: Array, balanced: bool) -> Array:
    """(labels,): negatives over positives, so that both weigh the same; 1 where not asked for or where one is missing."""
    positives, negatives = (truth == 1).sum(axis=0), (truth == 0).sum(axis=0)
    wanted = balanced & (positives > 0) & (negatives > 0)
    return np.where(wanted, negatives / np.maximum(positives, 1), 1.0)


def fit_linear(
    x: Array, truth: Array, strength: float, balanced: bool, start: Array | None = None
) -> Array:
    """(labels, width + 1): weights and, last, the bias, for scaled x (records, width) and truth (records, labels) of 0, 1, NaN.

    strength  of the L2 penalty, in units of the mean loss; `start` is another strength's solution
    """
    labels = truth.shape[1]
    known, target = ~np.isnan(truth), np.nan_to_num(truth)
    weight = np.where(target == 1, positive_weights(truth, balanced), 1.0) * known
    weight /= np.maximum(weight.sum(axis=0), 1e-12)
    design = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    penalised = np.append(np.full(x.shape[1], strength), 0.0)

    def loss(flat: Array) -> tuple[float, Array]:
        theta = flat.reshape(labels, -1)
        logits = design @ theta.T
        value = (weight * (np.logaddexp(0, logits) - target * logits)).sum() + 0.5 * (
            penalised * theta**2
        ).sum()
        slope = (weight * (sigmoid(logits) - target)).T @ design + penalised * theta
        return float(value), slope.ravel()

    first = np.zeros(labels * design.shape[1]) if start is None else start.ravel()
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS})
    return np.asarray(found.x).reshape(labels, -1)
