"""The probability that a recording can be read, from its features: trees, a support vector machine and a logistic regression.

The numbers come from `python -m training.quality`; here they are arrays, and evaluating them takes well under a millisecond.
Four opinions (extremely randomised trees, boosted trees, a support vector machine with a radial kernel, logistic regression on
normal scores) are averaged, and the average is calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from signal_quality.features import NAMES

FILE: Final = Path(__file__).with_name("readable.npz")
MEMBERS: Final = ("trees", "boosted", "kernel", "linear")
SHARES: Final = (0.2, 0.2, 0.4, 0.2)  # a choice: the kernel machine is the one that is unlike the others
NORMAL_SCORES: Final = np.clip(ndtri(np.linspace(0.0, 1.0, 33)), -2.5, 2.5).astype(np.float32)
_SURE: Final = 1e-6  # keeps logits finite


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees as one run of nodes in preorder: a node's left child follows it, `right` is the other; a leaf is its own right.

    feature, threshold, right, value  (nodes,): to the left where the feature <= threshold (-inf in leaves)
    roots                             (trees,)
    depth                             steps from a root to the deepest leaf
    """

    feature: NDArray[np.intp]
    threshold: NDArray[np.float32]
    right: NDArray[np.intp]
    value: NDArray[np.float32]
    roots: NDArray[np.intp]
    depth: int

    def values(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(rows, features) -> (rows, trees): the value of the leaf that each tree ends in."""
        which = np.arange(len(rows))[:, np.newaxis]
        node = np.broadcast_to(self.roots, (len(rows), self.roots.size))
        for _ in range(self.depth):
            left = rows[which, self.feature[node]] <= self.threshold[node]
            node = np.where(left, node + 1, self.right[node])
        found: NDArray[np.float32] = self.value[node]
        return found


@dataclass(frozen=True, eq=False)
class ReadableModel:
    """What is shipped; made by `training.quality`.

    centre, scale     (features,) standardise; `squash` is where the tangent hyperbolic bends, in standard deviations
    trees, boosted    forests of probabilities and of summands of a logit that starts at `boosted_start`
    support, weights  (vectors, features), (vectors,) of the kernel machine, with `gamma`, `offset`, and Platt's (slope, shift)
    quantiles         (features, 33) of what it learned from, at equal steps; to each belongs a normal score
    linear            (features + 1,) on normal scores; the last is the constant
    calibration       (slope, shift) on the logit of the members' average
    threshold         on the calibrated probability
    usual_height_mv   median QRS height of the recordings that it learned from: what unknown units are scaled to
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    squash: float
    trees: Forest
    boosted: Forest
    boosted_start: float
    support: NDArray[np.float32]
    weights: NDArray[np.float32]
    gamma: float
    offset: float
    platt: tuple[float, float]
    quantiles: NDArray[np.float32]
    linear: NDArray[np.float32]
    calibration: tuple[float, float]
    threshold: float
    usual_height_mv: float

    def probability(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(recordings, features) -> (recordings,) that each can be read."""
        return calibrated(self.opinions(rows) @ np.asarray(SHARES), self.calibration)

    def opinions(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(recordings, members): each member's own probability."""
        single = rows.astype(np.float32)
        bent = np.tanh((single - self.centre) / (self.scale * np.float32(self.squash)))
        trees = self.trees.values(single).mean(axis=1)
        boosted = sigmoid(self.boosted_start + self.boosted.values(single).sum(axis=1, dtype=np.float64))
        linear = sigmoid(normal_scores(single, self.quantiles) @ self.linear[:-1] + self.linear[-1])
        margin = self._kernel(bent)
        return np.stack([trees, boosted, sigmoid(self.platt[0] * margin + self.platt[1]), linear], axis=1).astype(np.float64)

    def _kernel(self, bent: NDArray[np.float32]) -> NDArray[np.float64]:
        apart = np.square(bent).sum(axis=1)[:, np.newaxis] + np.square(self.support).sum(axis=1) - 2 * (bent @ self.support.T)
        margin: NDArray[np.float64] = np.exp(-self.gamma * apart) @ self.weights + self.offset
        return margin

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As it is stored: plain arrays, the long ones in half the bits where that changes nothing that counts."""
        forests = {f"{name}_{key}": array for name in ("trees", "boosted") for key, array in _stored(getattr(self, name)).items()}
        numbers = {name: np.float64(getattr(self, name)) for name in _NUMBERS}
        arrays = {name: np.asarray(getattr(self, name), np.float32) for name in ("centre", "scale", "weights", "quantiles", "linear")}
        pairs = {name: np.asarray(getattr(self, name)) for name in ("platt", "calibration")}
        names = {"features": np.array(NAMES)}
        return {**forests, **{name: np.asarray(value) for name, value in numbers.items()}, **arrays, **pairs, **names,
                "support": self.support.astype(np.float16)}  # fmt: skip


_NUMBERS: Final = ("squash", "boosted_start", "gamma", "offset", "threshold", "usual_height_mv")


def sigmoid(logit: NDArray[np.floating]) -> NDArray[np.float64]:
    probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(np.asarray(logit, np.float64), -50.0, 50.0)))
    return probability


def normal_scores(rows: NDArray[np.float32], quantiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each number as the normal deviate of its rank among `quantiles` (features, 33), linearly between them; the middle of ties."""
    right = np.minimum((quantiles < rows[..., np.newaxis]).sum(axis=-1), quantiles.shape[1] - 1)
    left = np.maximum((quantiles <= rows[..., np.newaxis]).sum(axis=-1) - 1, 0)
    which = np.arange(len(quantiles))
    gap = quantiles[which, right] - quantiles[which, left]
    share = np.where(gap > 0, (rows - quantiles[which, left]) / np.where(gap > 0, gap, 1.0), 0.5).astype(np.float32)
    scores: NDArray[np.float32] = NORMAL_SCORES[left] * (1 - share) + NORMAL_SCORES[right] * share
    return scores


def logit(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    kept = np.clip(np.asarray(probability, np.float64), _SURE, 1 - _SURE)
    return np.asarray(np.log(kept / (1 - kept)), np.float64)


def calibrated(average: NDArray[np.floating], calibration: tuple[float, float]) -> NDArray[np.float64]:
    slope, shift = calibration
    return sigmoid(slope * logit(average) + shift)


def from_arrays(stored: Mapping[str, NDArray[Any]]) -> ReadableModel:
    """The model that `to_arrays` stored. Raises ValueError where it was trained on other features than these."""
    if tuple(stored["features"].tolist()) != NAMES:
        raise ValueError("signal_quality: the shipped model knows other features; train it anew with python -m training.quality")
    forests = {name: _forest({key: stored[f"{name}_{key}"] for key in _FOREST}) for name in ("trees", "boosted")}
    slope, shift = stored["platt"].tolist()
    steep, moved = stored["calibration"].tolist()
    return ReadableModel(
        centre=stored["centre"], scale=stored["scale"], trees=forests["trees"], boosted=forests["boosted"],
        support=stored["support"].astype(np.float32), weights=stored["weights"], linear=stored["linear"],
        platt=(slope, shift), calibration=(steep, moved), quantiles=stored["quantiles"],
        **{name: float(stored[name]) for name in _NUMBERS},
    )  # fmt: skip


@cache
def shipped() -> ReadableModel:
    """The model in this folder."""
    with np.load(FILE, allow_pickle=False) as stored:
        return from_arrays(dict(stored))


_FOREST: Final = ("feature", "threshold", "right", "value", "roots", "depth")


def _stored(forest: Forest) -> dict[str, NDArray[Any]]:
    """`right` as the way from the node, which is short and packs well."""
    away = forest.right - np.arange(forest.right.size)
    return {
        "feature": forest.feature.astype(np.uint16), "threshold": forest.threshold, "right": away.astype(np.uint16),
        "value": forest.value.astype(np.float16), "roots": forest.roots.astype(np.uint32), "depth": np.asarray(forest.depth),
    }  # fmt: skip


def _forest(stored: Mapping[str, NDArray[Any]]) -> Forest:
    right = stored["right"].astype(np.intp) + np.arange(stored["right"].size)
    feature, roots = stored["feature"].astype(np.intp), stored["roots"].astype(np.intp)
    return Forest(feature, stored["threshold"], right, stored["value"].astype(np.float32), roots, int(stored["depth"]))
