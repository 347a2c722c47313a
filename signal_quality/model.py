"""The probability that a recording can be read: a Gaussian process on its features' normal scores.

The numbers come from `python -m training.quality`. Here they are arrays, and evaluating them takes
well under a millisecond. Each recording of the training set pulls the result towards its own
verdict, more so the more similar it is (Rasmussen and Williams, *Gaussian Processes for Machine
Learning*, 2006: classification with the logistic function, rational quadratic kernel with
alpha = 1, section 4.2.1). Similarity is nearness in normal scores: an outlier of any size counts as
the most extreme value of the training set.
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

from signal_quality.features import FEATURE_NAMES

FILE: Final = Path(__file__).with_name("readable.npz")
# The normal score of the smallest and the largest value.
_EXTREME: Final = 2.5
_STEPS: Final = 32


def _normal_score(step: int) -> float:
    """Return the normal deviate of step / 32, within the extremes."""
    if step in (0, _STEPS):
        return -_EXTREME if step == 0 else _EXTREME
    deviate = NormalDist().inv_cdf(step / _STEPS)
    return min(max(deviate, -_EXTREME), _EXTREME)


NORMAL_SCORES: Final = np.array([_normal_score(step) for step in range(_STEPS + 1)], np.float32)
# Resolution of the stored normal scores, which end at 2.5: one byte each.
_SCORE_STEP: Final = 0.02
# Fields that are stored as a single number.
_NUMBERS: Final = ("reach", "shift", "threshold", "usual_height_mv")


@dataclass(frozen=True, eq=False)
class ReadableModel:
    """The shipped model, made by `training.quality`.

    quantiles        (features, 33) of the training set, at equal steps; NORMAL_SCORES belong to
                     them
    examples         (recordings, features) normal scores of the training set
    pulls            (recordings,) what each example adds to the logit at distance 0
    reach            mean square distance per feature at which a pull has halved
    shift            the logit far from all examples
    calibration      (slope, shift) applied to the logit
    threshold        on the calibrated probability
    usual_height_mv  median QRS height of the training set, to which recordings in unknown units are
                     scaled
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
        """Return (recordings,) the probability that each of (recordings, features) can be read."""
        slope, shift = self.calibration
        return sigmoid(slope * self.logit(rows) + shift)

    def logit(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (recordings,) the logit of (recordings, features) before calibration."""
        scores = normal_scores(rows.astype(np.float32), self.quantiles)
        near = nearness(scores, self.examples, self.reach, self._example_squares)
        pulls = self.pulls.astype(np.float64)
        return near @ pulls + self.shift

    @cached_property
    def _example_squares(self) -> NDArray[np.float32]:
        return squares(self.examples)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the model as plain arrays for its file, with normal scores in steps of 0.02."""
        arrays: dict[str, NDArray[Any]] = {}
        for name in (*_NUMBERS, "calibration"):
            arrays[name] = np.asarray(getattr(self, name), np.float64)
        arrays["features"] = np.array(FEATURE_NAMES)
        arrays["quantiles"] = self.quantiles.astype(np.float32)
        arrays["examples"] = np.rint(self.examples / _SCORE_STEP).astype(np.int8)
        arrays["pulls"] = self.pulls.astype(np.float32)
        return arrays


def sigmoid(logit: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the logistic function of `logit`, which is clipped to ±50.

    Not signals.logistic.sigmoid: for negative logits its form differs in the last bit, and the
    shipped model was fitted with this one.
    """
    in_double = np.asarray(logit, np.float64)
    clipped = np.clip(in_double, -50.0, 50.0)
    probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-clipped))
    return probability


def squares(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (recordings,) the sum of squares of (recordings, features)."""
    sums: NDArray[np.float32] = np.einsum("rf,rf->r", scores, scores)
    return sums


def nearness(
    scores: NDArray[np.float32],
    others: NDArray[np.float32],
    reach: float,
    other_squares: NDArray[np.float32] | None = None,
) -> NDArray[np.float64]:
    """Return (recordings, others) 1 for equal scores, and one half at the distance `reach`.

    scores         (recordings, features)
    others         (others, features)
    other_squares  `squares(others)`, if the caller has them
    """
    if other_squares is None:
        other_squares = squares(others)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b: a matrix product instead of an array of all differences.
    products = scores @ others.T
    distance = squares(scores)[:, np.newaxis] + other_squares - 2 * products
    relative = np.maximum(distance, 0.0).astype(np.float64) / (reach * scores.shape[1])
    near: NDArray[np.float64] = 1.0 / (1.0 + relative)
    return near


def normal_scores(rows: NDArray[np.float32], quantiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (recordings, features) the normal score of each value's rank among the quantiles.

    rows       (recordings, features)
    quantiles  (features, 33), ascending
    Between two quantiles the score is interpolated linearly. A value that equals several quantiles
    has the score in their middle.
    """
    count = quantiles.shape[1]
    values = rows[..., np.newaxis]
    # The nearest quantile that is not below the value, and the nearest that is not above it.
    right = np.minimum((quantiles < values).sum(axis=-1), count - 1)
    left = np.maximum((quantiles <= values).sum(axis=-1) - 1, 0)
    feature = np.arange(len(quantiles))
    left_value = quantiles[feature, left]
    gap = quantiles[feature, right] - left_value
    is_between = gap > 0
    divisor = np.where(is_between, gap, 1.0)
    share = np.where(is_between, (rows - left_value) / divisor, 0.5).astype(np.float32)
    scores: NDArray[np.float32] = NORMAL_SCORES[left] * (1 - share) + NORMAL_SCORES[right] * share
    return scores


def from_arrays(stored: Mapping[str, NDArray[Any]]) -> ReadableModel:
    """Return the model that `to_arrays` stored.

    Raises ValueError if it was trained on other features than FEATURE_NAMES.
    """
    if tuple(stored["features"].tolist()) != FEATURE_NAMES:
        raise ValueError(
            "signal_quality: the stored model was trained on other features;"
            " train it again with python -m training.quality"
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
def shipped_model() -> ReadableModel:
    """Return the model in this folder."""
    with np.load(FILE, allow_pickle=False) as stored:
        return from_arrays(dict(stored))
