"""Calibration, decision and scores of the one-lead model, from out-of-fold scores.

The challenge's score is the mean of the F1 of normal, atrial fibrillation and other (Clifford et
al., Computing in Cardiology 2017). Its decision is one class for each recording: here the class
whose probability is the largest share of its threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from heads.one_lead.model import softmax
from training.calibration import best_f1_threshold
from training.estimate import Estimate
from training.onelead.data import CLASSES

SCORED: Final = 3  # the classes N, A and O; the score leaves out the noisy recordings' F1
RESAMPLES: Final = 1000
BINS: Final = 10  # of the calibration error
INTERVAL: Final = (0.025, 0.975)
DIGITS: Final = 3
# Factors of a threshold that the search for the best decision tries.
FACTORS: Final = np.exp(np.linspace(-1.0, 1.0, 21))
ROUNDS: Final = 3

Array = NDArray[np.float64]
Truth = NDArray[np.intp]


@dataclass(frozen=True)
class Calibration:
    """The probabilities are softmax(slope x scores + offsets).

    thresholds  (classes,) of positive labels, and of the decision
    """

    slope: float
    offsets: Array
    thresholds: Array

    def probabilities(self, logits: NDArray[np.floating]) -> Array:
        scores: Array = self.slope * logits.astype(np.float64) + self.offsets
        return softmax(scores)

    def decide(self, probabilities: Array) -> Truth:
        """Return (recordings,) the class of each row (recordings, classes)."""
        return np.asarray((probabilities / self.thresholds).argmax(axis=1), np.intp)


def calibrate(logits: NDArray[np.floating], truth: Truth) -> Calibration:
    """Return slope and offsets of the highest likelihood, and the thresholds of the best F1."""
    z = logits.astype(np.float64)
    is_truth = np.eye(len(CLASSES))[truth]

    def loss_and_gradient(parameters: Array) -> tuple[float, Array]:
        scores = parameters[0] * z + parameters[1:]
        shares = softmax(scores)
        loss = -float(np.log(shares[np.arange(len(truth)), truth] + 1e-12).mean())
        residual = (shares - is_truth) / len(truth)
        return loss, np.concatenate([[(residual * z).sum()], residual.sum(axis=0)])

    start = np.concatenate([[1.0], np.zeros(len(CLASSES))])
    solution = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B")
    # Only differences of offsets count.
    offsets = solution.x[1:] - solution.x[1:].mean()
    probabilities = softmax(solution.x[0] * z + offsets)
    return Calibration(float(solution.x[0]), offsets, _best_thresholds(probabilities, truth))


def _best_thresholds(probabilities: Array, truth: Truth) -> Array:
    """Return the thresholds (classes,) of a high challenge score.

    They start at each label's best F1. Each is then varied while the others are kept, and the
    score is the mean over a little lower and a little higher values, so that no narrow peak wins.
    """
    thresholds = np.array(
        [
            best_f1_threshold(probabilities[:, number], (truth == number).astype(np.float64))
            for number in range(len(CLASSES))
        ]
    )
    for _ in range(ROUNDS):
        for number in range(len(CLASSES)):
            scores = []
            for factor in FACTORS:
                tried = thresholds.copy()
                tried[number] *= factor
                decided = np.asarray((probabilities / tried).argmax(axis=1), np.intp)
                scores.append(challenge_score(decided, truth))
            smooth = np.convolve(np.pad(scores, 2, mode="edge"), np.full(5, 0.2), mode="valid")
            thresholds[number] *= FACTORS[int(smooth.argmax())]
    return np.asarray(np.minimum(thresholds, 1.0), np.float64)


def out_of_fold(
    logits: NDArray[np.floating], truth: Truth, fold: Truth
) -> tuple[Array, Truth, NDArray[np.bool_]]:
    """Return probabilities, decisions and positive labels, calibrated on the other folds each."""
    probabilities = np.zeros(logits.shape)
    decided = np.zeros(len(truth), np.intp)
    positive = np.zeros(logits.shape, np.bool_)
    for number in np.unique(fold):
        held = fold == number
        calibration = calibrate(logits[~held], truth[~held])
        probabilities[held] = calibration.probabilities(logits[held])
        decided[held] = calibration.decide(probabilities[held])
        positive[held] = probabilities[held] >= calibration.thresholds
    return probabilities, decided, positive


def f1_of(decided: Truth, truth: Truth, number: int) -> float:
    hits = np.count_nonzero((decided == number) & (truth == number))
    total = np.count_nonzero(decided == number) + np.count_nonzero(truth == number)
    return 2 * hits / total if total else float("nan")


def challenge_score(decided: Truth, truth: Truth) -> float:
    return float(np.mean([f1_of(decided, truth, number) for number in range(SCORED)]))


def calibration_error(probability: Array, is_positive: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over BINS equal bins of the probability."""
    bins = np.minimum((probability * BINS).astype(np.intp), BINS - 1)
    error = 0.0
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            gap = abs(probability[inside].mean() - is_positive[inside].mean())
            error += float(inside.mean() * gap)
    return error


def estimate(
    score: Callable[[NDArray[np.intp]], float], recordings: int, seed: int = 0
) -> Estimate:
    """Return a score of all recordings with its interval over RESAMPLES resamplings.

    score  of the recordings with these indices
    """
    rng = np.random.default_rng(seed)
    resampled = [score(rng.integers(recordings, size=recordings)) for _ in range(RESAMPLES)]
    low, high = np.nanquantile(resampled, INTERVAL)
    return Estimate(score(np.arange(recordings)), float(low), float(high), DIGITS, DIGITS)
