"""Fitting the pacemaker head: boosted trees on the form of the beats, their calibration, the spikes' limits, the threshold."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from heads.paced_beats import PacedBeatModel
from heads.trees import Forest
from training.pacemaker.rows import Spiked

SPECIFICITY: Final = 0.995  # at which the threshold is set, on recordings of other folds: a choice
MEMBERS: Final = (
    3  # boosted models, each of all paced recordings and a third of the others: 1 in 74 is paced
)
TREES: Final = 150
_HALF: Final = 0.5  # Jeffreys: half a recording in each of a table's cells

Rows = NDArray[np.float32]
Flags = NDArray[np.bool_]


def fit(rows: Rows, paced: Flags, seed: int) -> PacedBeatModel:
    """Trees on all rows given, not calibrated yet."""
    share = np.random.default_rng(seed).permutation(len(rows)) % MEMBERS
    members = [
        _boosted(rows[own], paced[own], seed + number)
        for number in range(MEMBERS)
        for own in [paced | (share == number)]
    ]
    start = float(np.mean([member._baseline_prediction.item() for member in members]))
    trees = [tree[0].nodes for member in members for tree in member._predictors]
    return PacedBeatModel(_forest(trees, 1 / MEMBERS), start, (1.0, 0.0))


def _boosted(rows: Rows, paced: Flags, seed: int) -> Any:
    return HistGradientBoostingClassifier(
        max_iter=TREES, learning_rate=0.06, max_leaf_nodes=12, l2_regularization=5.0, min_samples_leaf=20, max_features=0.3,
        early_stopping=False, random_state=seed,
    ).fit(rows.astype(np.float64), paced)  # fmt: skip


def _forest(trees: list[NDArray[Any]], share: float) -> Forest:
    """scikit-learn's nodes of each tree in the preorder that `Forest` walks."""
    parts: list[tuple[NDArray[Any], NDArray[np.intp]]] = [_preorder(nodes) for nodes in trees]
    sizes = [len(nodes) for nodes, _ in parts]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    nodes = np.concatenate([each for each, _ in parts])
    leaf = nodes["is_leaf"].astype(bool)
    right = np.concatenate([right + root for (_, right), root in zip(parts, roots, strict=True)])
    return Forest(
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.intp),
        threshold=np.where(leaf, -np.inf, nodes["num_threshold"]).astype(np.float32),
        right=np.where(leaf, np.arange(leaf.size), right).astype(np.intp),
        value=(share * nodes["value"]).astype(np.float32),
        roots=roots,
        depth=int(nodes["depth"].max()),
    )


def _preorder(nodes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The nodes with each one's left child after it, and where its right child went."""
    order, waiting = [], [0]
    while waiting:
        at = waiting.pop()
        order.append(at)
        if not nodes["is_leaf"][at]:
            waiting += [int(nodes["right"][at]), int(nodes["left"][at])]
    place = np.empty(len(nodes), np.intp)
    place[order] = np.arange(len(nodes))
    right = np.where(nodes["is_leaf"], 0, nodes["right"]).astype(np.intp)
    return nodes[order], place[right[order]]


def calibrated(model: PacedBeatModel, raw: NDArray[np.float64], paced: Flags) -> PacedBeatModel:
    """The model with Platt's line through raw log odds of recordings that their trees had not seen."""
    line = LogisticRegression(C=1e3).fit(raw[:, np.newaxis], paced)
    return replace(model, calibration=(float(line.coef_[0, 0]), float(line.intercept_[0])))


def prior_log_odds(paced: Flags) -> float:
    return log(paced.mean() / (1 - paced.mean()))


def spike_limits(recordings: list[Spiked]) -> tuple[float, float]:
    """Log likelihood ratios of recordings whose spikes speak against and for pacing, counted where spikes can be seen."""
    seen = [each for each in recordings if each.visible]
    found = {
        paced: sum(each.log_ratio > 0 for each in seen if each.paced == paced)
        for paced in (True, False)
    }
    count = {paced: sum(each.paced == paced for each in seen) for paced in (True, False)}
    share = {paced: (found[paced] + _HALF) / (count[paced] + 2 * _HALF) for paced in (True, False)}
    return log((1 - share[True]) / (1 - share[False])), log(share[True] / share[False])


def threshold_at(specificity: float, probability: NDArray[np.float64], paced: Flags) -> float:
    """The lowest probability that leaves so many of the unpaced under it."""
    return float(np.quantile(probability[~paced], specificity, method="higher"))
