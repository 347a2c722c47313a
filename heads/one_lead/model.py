"""The rhythm of recordings of few leads: boosted trees, their labels and their calibration.

Trained by `python -m training.onelead` on the PhysioNet/CinC Challenge 2017; its card is
docs/models/one-lead.md. The trees are a file of plain arrays. `one_lead.json` describes them and
holds the SHA-256 that the file is checked against.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import ModelStoreError
from heads.one_lead.features import lead_features
from heads.one_lead.signal_input import INPUT_HZ, lead_input
from heads.trees import Forest

TREES: Final = Path(__file__).with_name("one_lead.npz")
DESCRIPTION: Final = Path(__file__).with_name("one_lead.json")
VERSION_SHA256_DIGITS: Final = 12  # hexadecimal, in the version

NORMAL: Final = "Normal rhythm"
FIBRILLATION: Final = "Atrial fibrillation"
OTHER: Final = "Other rhythm"
NOISY: Final = "Poor data quality"
# The classes, in the order of their scores.
NAMES: Final = (NORMAL, FIBRILLATION, OTHER, NOISY)

# The shortest and the longest of the recordings that the trees were fitted to, in whole seconds.
SHORTEST_S: Final = 9.0
LONGEST_S: Final = 61.0
# A longer recording is read in windows of this length, as most of those recordings have.
WINDOW_S: Final = 30.0

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RhythmLabel:
    """One class: a probability from `threshold` on counts as positive."""

    name: str
    threshold: float
    description: str


@dataclass(frozen=True)
class Description:
    """What training wrote beside the trees.

    slope, offsets  the calibrated probabilities are softmax(slope x scores + offsets)
    """

    name: str
    sha256: str
    licence: str
    card: str
    labels: tuple[RhythmLabel, ...]
    slope: float
    offsets: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Description:
        labels = tuple(RhythmLabel(**label) for label in stored["labels"])
        return cls(**{**stored, "labels": labels, "offsets": tuple(stored["offsets"])})

    @property
    def version(self) -> str:
        """Name and start of the trees' SHA-256, as `model.labels` shows it."""
        return f"{self.name}@{self.sha256[:VERSION_SHA256_DIGITS]}"


@dataclass(frozen=True)
class Window:
    """The calibrated probabilities of the classes, in the order of NAMES, in a stretch of time."""

    start_s: float
    end_s: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class OneLeadModel:
    """The trees of all classes.

    forest  the trees of the first round, one for each class in the order of NAMES, then those of
            the next
    start   (classes,) the scores before the first tree
    """

    forest: Forest
    start: Array
    description: Description

    def read(self, signal: NDArray[np.floating], fs: float, r_peaks_s: Array) -> tuple[Window, ...]:
        """Return the probabilities in each window of a recording.

        signal     (leads, samples) in any unit, at least SHORTEST_S long; a lead without a signal
                   is left out
        r_peaks_s  (beats,) seconds from the start, ascending
        There is no window if no lead has a signal.
        """
        ready = [each for lead in signal if (each := lead_input(lead, fs)) is not None]
        if not ready:
            return ()
        windows = []
        for start, stop in _windows(ready[0].size):
            start_s, stop_s = start / INPUT_HZ, stop / INPUT_HZ
            inside = r_peaks_s[(r_peaks_s >= start_s) & (r_peaks_s < stop_s)] - start_s
            by_lead = [
                self.probabilities(self.scores(lead_features(lead[start:stop], inside)))
                for lead in ready
            ]
            windows.append(Window(start_s, stop_s, tuple(_join_leads(by_lead).tolist())))
        return tuple(windows)

    def scores(self, features: NDArray[np.float32]) -> Array:
        """Return (classes,) of (numbers,)."""
        return tree_scores(self.forest, self.start, features)

    def probabilities(self, scores: Array) -> Array:
        """Return calibrated probabilities (..., classes) of scores (..., classes)."""
        return softmax(self.description.slope * scores + np.asarray(self.description.offsets))


def tree_scores(forest: Forest, start: Array, features: NDArray[np.float32]) -> Array:
    """Return the scores (classes,) of one stretch's numbers."""
    values = forest.values(features[np.newaxis])[0].astype(np.float64)
    scores: Array = start + values.reshape(-1, len(NAMES)).sum(axis=0)
    return scores


def softmax(scores: Array) -> Array:
    """Return (..., classes) that sum to 1."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _join_leads(by_lead: Sequence[Array]) -> Array:
    """Return the probabilities (classes,) of leads that were recorded together: their mean."""
    return np.asarray(np.mean(by_lead, axis=0), np.float64)


def _windows(samples: int) -> list[tuple[int, int]]:
    """Return the first sample of each window, and the sample after its last one.

    The last window ends with the recording.
    """
    if samples <= LONGEST_S * INPUT_HZ:
        return [(0, samples)]
    length = round(WINDOW_S * INPUT_HZ)
    starts = list(range(0, samples - length + 1, length))
    if starts[-1] + length < samples:
        starts.append(samples - length)
    return [(start, start + length) for start in starts]


def load(trees: Path, description: Path) -> OneLeadModel:
    """Return the model of two files.

    Raises ModelStoreError if the trees are not those that the description names.
    """
    described = Description.from_json(json.loads(description.read_text(encoding="utf-8")))
    sha256 = hashlib.sha256(trees.read_bytes()).hexdigest()
    if sha256 != described.sha256:
        raise ModelStoreError(
            f"{trees}: sha256 {sha256}; {description.name} names {described.sha256}"
        )
    with np.load(trees, allow_pickle=False) as file:
        arrays = dict(file)
    return OneLeadModel(Forest.from_arrays(arrays), arrays["start"], described)


@cache
def shipped_description() -> Description:
    """Return the description of the model that ships with the server."""
    return Description.from_json(json.loads(DESCRIPTION.read_text(encoding="utf-8")))


@cache
def shipped_model() -> OneLeadModel:
    """Return the model that ships with the server."""
    return load(TREES, DESCRIPTION)
