"""The classes of the beats of many streams, a second at a time.

The classes are those of ANSI/AAMI EC57: N, a beat from the sinus node or a bundle branch block; S,
supraventricular ectopic; V, ventricular ectopic; F, fusion of a ventricular and a normal beat; Q,
paced or not to be classified. False detections are taught as Q.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.describe import describe
from heads.beats.detector import Detected
from heads.beats.history import History
from heads.beats.strips import Strips
from heads.trees import Forest

CLASSES: Final = ("N", "S", "V", "F", "Q")
V: Final = CLASSES.index("V")
MIN_REST: Final = 1e-9
WEIGHTS: Final = Path(__file__).with_name("classes.npz")

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Classed:
    """Beats of one second of each row, by row and time.

    row                (beats,)
    at                 (beats,) sample of the strip: the R peak
    probability        (beats, CLASSES)
    label              (beats,) index into CLASSES
    interval_before_s  (beats,) from the beat before; NaN unknown
    """

    row: NDArray[np.intp]
    at: NDArray[np.intp]
    probability: Array
    label: NDArray[np.intp]
    interval_before_s: Array


@dataclass(frozen=True, eq=False)
class ClassTrees:
    """Boosted trees: the first of each class, in the order of CLASSES, then the second, and so on.

    start  (classes,) scores before the first tree
    """

    forest: Forest
    start: Array

    def probabilities(self, numbers: NDArray[np.float32]) -> Array:
        """Return (beats, CLASSES) of (beats, NUMBERS)."""
        values = self.forest.values(numbers).astype(np.float64)
        by_round = values.reshape(len(numbers), values.shape[1] // len(CLASSES), len(CLASSES))
        scores = self.start + by_round.sum(axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        shares: Array = powers / powers.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True, eq=False)
class BeatModel:
    """Two sets of trees, which were fitted to different beats: docs/models/beats.md says why.

    ventricular  tells V
    others       tells the other classes
    weights      (classes,) the label is the class with the largest probability times weight
    """

    ventricular: ClassTrees
    others: ClassTrees
    weights: Array

    def probabilities(self, numbers: NDArray[np.float32]) -> Array:
        """Return (beats, CLASSES) of (beats, NUMBERS)."""
        ventricular = self.ventricular.probabilities(numbers)[:, V]
        shares = self.others.probabilities(numbers)
        rest = np.delete(shares, V, axis=1).sum(axis=1)
        shares *= ((1 - ventricular) / np.maximum(rest, MIN_REST))[:, np.newaxis]
        shares[:, V] = ventricular
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def labels(self, probability: Array) -> NDArray[np.intp]:
        """Return (beats,) the class of each, an index into CLASSES."""
        label: NDArray[np.intp] = (probability * self.weights).argmax(axis=1)
        return label

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {"weights": self.weights}
        for name, trees in (("ventricular", self.ventricular), ("others", self.others)):
            stored = {"start": trees.start, **trees.forest.to_arrays()}
            arrays |= {f"{name}.{key}": array for key, array in stored.items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> BeatModel:
        sets = []
        for name in ("ventricular", "others"):
            prefix = f"{name}."
            stored = {
                key.removeprefix(prefix): array
                for key, array in arrays.items()
                if key.startswith(prefix)
            }
            sets.append(ClassTrees(Forest.from_arrays(stored), stored["start"]))
        return cls(sets[0], sets[1], arrays["weights"])


def classify(history: History, strips: Strips, detected: Detected) -> tuple[History, Classed]:
    """Return the history one second later, and the classes of the second's beats.

    strips    just extended by a second
    detected  what `detect` found in them
    """
    later, described = describe(history, strips, detected)
    model = shipped_model()
    probability = model.probabilities(described.numbers)
    label = model.labels(probability)
    return later, Classed(described.row, described.r_peak, probability, label, described.before_s)


@cache
def shipped_model() -> BeatModel:
    """Return the trees that come with the product."""
    with np.load(WEIGHTS, allow_pickle=False) as file:
        return BeatModel.from_arrays(dict(file))
