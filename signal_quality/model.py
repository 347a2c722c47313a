"""The probability that a recording can be read, from its features: a Gaussian process on their normal scores.

The numbers come from `python -m training.quality`; here they are arrays, and evaluating them takes well under a millisecond.
Every recording that was learned from pulls towards its own verdict, the harder the more alike it is (Rasmussen and Williams,
*Gaussian Processes for Machine Learning*, 2006: classification with the logistic function, rational quadratic kernel with
alpha = 1, section 4.2.1). Likeness is nearness in normal scores: an outlier of any size counts as the most extreme seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.features import NAMES

FILE: Final = Path(__file__).with_name("readable.npz")
_EXTREME: Final = 2.5  # the normal score of the smallest and the largest
NORMAL_SCORES: Final = np.array(
    [
        -_EXTREME,
        *(min(max(NormalDist().inv_cdf(step / 32), -_EXTREME), _EXTREME) for step in range(1, 32)),
        _EXTREME,
    ],
    np.float32,
)
_SCORE_STEP: Final = 0.02  # of the stored normal scores, which end at 2.5: one byte each


@dataclass(frozen=True, eq=False)
class ReadableModel:
    """What is shipped; made by `training.quality`.

    quantiles        (features, 33) of what it learned from, at equal steps; to each belongs a normal score
    examples         (recordings, features) normal scores of what it learned from
    pulls            (recordings,) of each example on the logit, at no distance
    reach            mean square distance per feature at which a pull has halved
    shift            what the logit is far from all examples
    calibration      (slope, shift) on that logit
    threshold        on the calibrated probability
    usual_height_mv  median QRS height of the recordings that it learned from: what unknown units are scaled to
    """

    quantiles: NDArray[np.float32]
    examples: NDArray[np.float32]
    pulls: NDArray[np.float32]
    reach: float
    shift: float
    calibration: tuple[float, float]
    threshold: float
    usual_height_mv: float

    def probability(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(recordings, features) -> (recordings,) that each can be read."""
        slope, shift = self.calibration
        return sigmoid(slope * self.logit(rows) + shift)

    def logit(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(recordings, features) -> (recordings,) before calibration."""
        scores = normal_scores(rows.astype(np.float32), self.quantiles)
        return (
            nearness(scores, self.examples, self.reach, self._example_sizes)
            @ self.pulls.astype(np.float64)
            + self.shift
        )

    @cached_property
    def _example_sizes(self) -> NDArray[np.float32]:
        return squares(self.examples)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As it is stored: plain arrays, the normal scores in steps of 0.02."""
        numbers = {
            name: np.asarray(getattr(self, name), np.float64) for name in (*_NUMBERS, "calibration")
        }
        return {
            **numbers,
            "features": np.array(NAMES),
            "quantiles": self.quantiles.astype(np.float32),
            "examples": np.rint(self.examples / _SCORE_STEP).astype(np.int8),
            "pulls": self.pulls.astype(np.float32),
        }


_NUMBERS: Final = ("reach", "shift", "threshold", "usual_height_mv")


def sigmoid(logit: NDArray[np.floating]) -> NDArray[np.float64]:
    probability: NDArray[np.float64] = 1.0 / (
        1.0 + np.exp(-np.clip(np.asarray(logit, np.float64), -50.0, 50.0))
    )
    return probability


def squares(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """(recordings, features) -> (recordings,) sum of squares."""
    sums: NDArray[np.float32] = np.einsum("rf,rf->r", scores, scores)
    return sums


def nearness(
    some: NDArray[np.float32],
    others: NDArray[np.float32],
    reach: float,
    sizes: NDArray[np.float32] | None = None,
) -> NDArray[np.float64]:
    """(recordings, features), (others, features) -> (recordings, others), 1 where alike, one half at `reach`.

    sizes  `squares(others)` where the caller has them
    """
    square = (
        squares(some)[:, np.newaxis]
        + (squares(others) if sizes is None else sizes)
        - 2 * (some @ others.T)
    )
    near: NDArray[np.float64] = 1.0 / (
        1.0 + np.maximum(square, 0.0).astype(np.float64) / (reach * some.shape[1])
    )
    return near


def normal_scores(rows: NDArray[np.float32], quantiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each number as the normal deviate of its rank among `quantiles` (features, 33), linearly between them; the middle of ties."""
    right = np.minimum((quantiles < rows[..., np.newaxis]).sum(axis=-1), quantiles.shape[1] - 1)
    left = np.maximum((quantiles <= rows[..., np.newaxis]).sum(axis=-1) - 1, 0)
    which = np.arange(len(quantiles))
    gap = quantiles[which, right] - quantiles[which, left]
    share = np.where(
        gap > 0, (rows - quantiles[which, left]) / np.where(gap > 0, gap, 1.0), 0.5
    ).astype(np.float32)
    scores: NDArray[np.float32] = NORMAL_SCORES[left] * (1 - share) + NORMAL_SCORES[right] * share
    return scores


def from_arrays(stored: Mapping[str, NDArray[Any]]) -> ReadableModel:
    """The model that `to_arrays` stored. Raises ValueError where it was trained on other features than these."""
    if tuple(stored["features"].tolist()) != NAMES:
        raise ValueError(
            "signal_quality: the shipped model knows other features; train it anew with python -m training.quality"
        )
    slope, shift = stored["calibration"].tolist()
    return ReadableModel(
        quantiles=stored["quantiles"],
        examples=stored["examples"] * np.float32(_SCORE_STEP),
        pulls=stored["pulls"],
        calibration=(slope, shift),
        **{name: float(stored[name]) for name in _NUMBERS},
    )


@cache
def shipped() -> ReadableModel:
    """The model in this folder."""
    with np.load(FILE, allow_pickle=False) as stored:
        return from_arrays(dict(stored))
