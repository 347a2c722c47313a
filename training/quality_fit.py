"""Fitting the members of the quality model with scikit-learn, and turning them into the arrays that are shipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC

from signal_quality.model import (
    MEMBERS,
    NORMAL_SCORES,
    SHARES,
    Forest,
    ReadableModel,
    from_arrays,
    logit,
    normal_scores,
    sigmoid,
)

INNER_FOLDS: Final = 5
THRESHOLD: Final = 0.5  # on the calibrated probability: the calibration is learned, and most verdicts are then right at one half
SQUASH: Final = 2.0  # standard deviations: past it an outlier counts little more

Rows = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    accuracy: float
    auroc: float


def score(acceptable: Flags, probability: Rows, readable: Flags) -> Score:
    return Score(float((readable == acceptable).mean()), float(roc_auc_score(acceptable, probability)))


def folds(acceptable: Flags, group: NDArray[np.intp], count: int, seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """(seen, unseen), with equal shares of acceptable recordings and identical recordings together."""
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(acceptable)), acceptable, group)


def choose(rows: Rows, acceptable: Flags, group: NDArray[np.intp], seed: int) -> dict[str, Any]:
    """Platt's line for the kernel machine, and the average's calibration, both on inner folds' unseen recordings."""
    opinions, margins = np.zeros((len(rows), len(MEMBERS))), np.zeros(len(rows))
    for seen, unseen in folds(acceptable, group, INNER_FOLDS, seed + 1000):
        model = fit(rows[seen], acceptable[seen], seed, 1.0)
        opinions[unseen] = model.opinions(rows[unseen])
        margins[unseen] = logit(opinions[unseen, MEMBERS.index("kernel")])  # without Platt's line yet: the margin itself
    platt = _line(margins, acceptable)
    opinions[:, MEMBERS.index("kernel")] = sigmoid(platt[0] * margins + platt[1])
    average = opinions @ np.asarray(SHARES)
    calibration = _line(logit(average), acceptable)
    return {"platt": platt, "calibration": calibration}


def fit(
    rows: Rows,
    acceptable: Flags,
    seed: int,
    usual_height_mv: float,
    platt: tuple[float, float] = (1.0, 0.0),
    calibration: tuple[float, float] = (1.0, 0.0),
) -> ReadableModel:
    """Every member on all rows; the model as it is read back from its file, rounding included."""
    single = rows.astype(np.float32)
    centre, scale = single.mean(axis=0), np.maximum(single.std(axis=0), np.float32(1e-3))
    bent = np.tanh((single - centre) / (scale * np.float32(SQUASH)))
    trees = ExtraTreesClassifier(250, min_samples_leaf=3, max_features=0.3, random_state=seed).fit(single, acceptable)
    boosted = GradientBoostingClassifier(
        n_estimators=200, max_depth=3, learning_rate=0.05, subsample=0.6, max_features=0.12, min_samples_leaf=4, random_state=seed
    ).fit(single, acceptable)
    spread = float(np.square(bent - bent.mean(axis=0)).sum(axis=1).mean())
    kernel = SVC(C=1.5, gamma=0.3 / max(spread, 1e-6)).fit(bent, acceptable)
    quantiles = np.quantile(single, np.linspace(0, 1, NORMAL_SCORES.size), axis=0).T.astype(np.float32)
    linear = LogisticRegression(C=0.007, max_iter=2000).fit(normal_scores(single, quantiles), acceptable)
    model = ReadableModel(
        centre=centre,
        scale=scale,
        squash=SQUASH,
        trees=forest_of_shares([tree.tree_ for tree in trees.estimators_]),
        boosted=_forest([tree.tree_ for tree in boosted.estimators_[:, 0]], lambda tree: tree.value[:, 0, 0] * boosted.learning_rate),
        boosted_start=float(boosted._raw_predict_init(single[:1])[0, 0]),
        support=kernel.support_vectors_.astype(np.float32),
        weights=kernel.dual_coef_[0].astype(np.float32),
        gamma=float(kernel._gamma),
        offset=float(kernel.intercept_[0]),
        platt=platt,
        linear=np.append(linear.coef_[0], linear.intercept_[0]).astype(np.float32),
        quantiles=quantiles,
        calibration=calibration,
        threshold=THRESHOLD,
        usual_height_mv=usual_height_mv,
    )
    return from_arrays(model.to_arrays())


def forest_of_shares(trees: list[Any]) -> Forest:
    """Classification trees, whose leaves say the share of acceptable recordings."""
    return _forest(trees, _share_of_acceptable)


def _share_of_acceptable(tree: Any) -> NDArray[np.float64]:
    counts = tree.value[:, 0, :]
    share: NDArray[np.float64] = counts[:, 1] / counts.sum(axis=1)
    return share


def _forest(trees: list[Any], value_of: Callable[[Any], Rows]) -> Forest:
    """scikit-learn grows depth first, so that its nodes are in preorder already."""
    sizes = [tree.node_count for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    leaf = np.concatenate([tree.children_left < 0 for tree in trees])
    right = np.concatenate([tree.children_right + root for tree, root in zip(trees, roots, strict=True)])
    at = np.arange(leaf.size)
    left = np.concatenate([tree.children_left + root for tree, root in zip(trees, roots, strict=True)])
    if not (left[~leaf] == at[~leaf] + 1).all():
        raise ValueError("scikit-learn's trees are not in preorder any more")
    threshold = np.concatenate([tree.threshold for tree in trees])
    return Forest(
        feature=np.where(leaf, 0, np.concatenate([tree.feature for tree in trees])).astype(np.intp),
        threshold=np.where(leaf, -np.inf, threshold).astype(np.float32),
        right=np.where(leaf, at, right).astype(np.intp),
        value=np.concatenate([value_of(tree) for tree in trees]).astype(np.float32),
        roots=roots,
        depth=max(int(tree.max_depth) for tree in trees),
    )


def _line(logits: Rows, acceptable: Flags) -> tuple[float, float]:
    """(slope, shift) of a logistic regression on one number (Platt 1999)."""
    line = LogisticRegression(C=1e3).fit(logits[:, np.newaxis], acceptable)
    return float(line.coef_[0, 0]), float(line.intercept_[0])
