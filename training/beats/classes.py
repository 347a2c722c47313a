"""The trees that class the beats of streams, fitted to numbers about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from heads.beats.classes import CLASSES, BeatModel, ClassTrees
from heads.beats.describe import NUMBERS
from training.beats.streams import Indices, Numbers
from training.forest import forest_of

ROUNDS: Final = 80  # a tree of each class a round
LEAVES: Final = 10
LEARNING_RATE: Final = 0.1
MIN_LEAF: Final = 30
L2: Final = 5.0
BINS: Final = 32
FEATURE_SHARE: Final = 0.3  # of the numbers, drawn for each split
# A class weighs as the root of its beats, and within it a patient as the root of theirs: the few
# patients with most of the ectopic beats would outweigh the others.
POWER: Final = 0.5
# Of fusion beats and false detections, which are of few patients, in the trees that tell S from N.
RARE: Final = ("F", "Q")
RARE_SHARE: Final = 0.1
# Numbers that those trees are not shown: they tell the patients apart rather than the beats.
ABSOLUTE: Final = frozenset(
    {
        "before_s",
        "middle_s",
        "until_next_s",
        "irregularity",
        "beats",
        "usual_intervals",
        "usual_share",
        "own_earliness",
        "usual_earliness",
        "spread_ms",
        "width_ms",
        "usual_width_ms",
        "polarity",
    }
)
_ABSOLUTE: Final = np.array([name.split()[0] in ABSOLUTE for name in NUMBERS])


@dataclass(frozen=True, eq=False)
class Examples:
    """Beats that trees are fitted to.

    label    (beats,) index into CLASSES
    patient  (beats,) index of the patient
    stands_for  (beats,) how many beats each stands for: of the normal ones a part is enough
    """

    numbers: Numbers
    label: Indices
    patient: Indices
    stands_for: NDArray[np.float64]

    def of(self, rows: NDArray[np.bool_]) -> Examples:
        return Examples(
            self.numbers[rows], self.label[rows], self.patient[rows], self.stands_for[rows]
        )

    def weights(self, rare_share: float) -> NDArray[np.float64]:
        """Return (beats,) weights with a mean of 1."""
        weights = np.zeros(self.label.size)
        for label, name in enumerate(CLASSES):
            rows = np.flatnonzero(self.label == label)
            if not rows.size:
                continue
            stands_for = self.stands_for[rows]
            of_patient = np.bincount(self.patient[rows], stands_for)
            each = stands_for * of_patient[self.patient[rows]] ** -POWER
            total = stands_for.sum() ** (1 - POWER) * (rare_share if name in RARE else 1.0)
            weights[rows] = each / each.sum() * total
        scaled: NDArray[np.float64] = weights / weights.mean()
        return scaled


def joined(parts: list[Examples]) -> Examples:
    return Examples(
        np.concatenate([each.numbers for each in parts]),
        np.concatenate([each.label for each in parts]),
        np.concatenate([each.patient for each in parts]),
        np.concatenate([each.stands_for for each in parts]),
    )


def thinned(examples: Examples, normal: float, other: float, seed: int) -> Examples:
    """Return a share of the normal and of the other beats, which stand for all of them."""
    share = np.where(examples.label == CLASSES.index("N"), normal, other)
    kept = np.random.default_rng(seed).random(share.size) < share
    part = examples.of(kept)
    return Examples(part.numbers, part.label, part.patient, part.stands_for / share[kept])


def fit_beat_model(marked: Examples, usual: Examples, seed: int) -> BeatModel:
    """Return the trees fitted to marked beats, and those of S also to usual beats.

    Raises ValueError if a class has no examples.
    """
    rhythm = joined([marked, usual])
    rhythm.numbers[:, _ABSOLUTE] = 0
    return BeatModel(_fit(marked, 1.0, seed), _fit(rhythm, RARE_SHARE, seed), np.ones(len(CLASSES)))


def _fit(examples: Examples, rare_share: float, seed: int) -> ClassTrees:
    if np.unique(examples.label).size != len(CLASSES):
        raise ValueError(f"each of the classes {', '.join(CLASSES)} needs examples")
    classifier: Any = HistGradientBoostingClassifier(
        max_iter=ROUNDS,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=MIN_LEAF,
        l2_regularization=L2,
        max_bins=BINS,
        max_features=FEATURE_SHARE,
        early_stopping=False,
        random_state=seed,
    )
    classifier.fit(examples.numbers, examples.label, examples.weights(rare_share))
    trees = [tree.nodes for each_round in classifier._predictors for tree in each_round]
    start = classifier._baseline_prediction.ravel().astype(np.float64)
    return ClassTrees(forest_of(trees, 1.0), start)
