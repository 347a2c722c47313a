"""Which humps of the envelope are beats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.candidates import find_candidates
from heads.beats.strips import Strips
from heads.trees import Forest
from signals.logistic import sigmoid

WEIGHTS: Final = Path(__file__).with_name("detector.npz")
# Chosen on patients that the trees had not seen: as many missed as invented beats.
MIN_PROBABILITY: Final = 0.4


@dataclass(frozen=True, eq=False)
class Detected:
    """Beats of one second of each row, by row and time.

    row          (beats,)
    at           (beats,) sample of the strip
    probability  (beats,) that the hump is a beat
    """

    row: NDArray[np.intp]
    at: NDArray[np.intp]
    probability: NDArray[np.float64]


def detect(strips: Strips) -> Detected:
    """Return the beats of the second that ends JUDGED_AFTER samples before the newest one."""
    found = find_candidates(strips)
    if found.row.size == 0:
        return Detected(found.row, found.at, np.zeros(0))
    votes = _shipped_detector().values(found.features)
    probability = sigmoid(votes.astype(np.float64).sum(axis=1))
    is_beat = found.is_final & (probability > MIN_PROBABILITY)
    return Detected(found.row[is_beat], found.at[is_beat], probability[is_beat])


@cache
def _shipped_detector() -> Forest:
    """Return the trees that come with the product."""
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return Forest.from_arrays(dict(arrays))
