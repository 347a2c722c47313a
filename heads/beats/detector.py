"""Which humps of the envelope are beats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.candidates import Candidates, find_candidates
from heads.beats.strips import Strips
from heads.trees import Forest
from signals.logistic import sigmoid
from signals.streams.watch_rate import WATCH_HZ

WEIGHTS: Final = Path(__file__).with_name("detector.npz")
# Chosen on patients that the trees had not seen: as many missed as invented beats.
MIN_PROBABILITY: Final = 0.4
# 1 s after a final candidate every hump of the envelope is known.
LOOK_AHEAD_SAMPLES: Final = 125


@dataclass(frozen=True, eq=False)
class Detected:
    """Beats of one second of each row, by row and time.

    row          (beats,)
    at           (beats,) sample of the strip
    probability  (beats,) that the hump is a beat
    until_next_s (beats,) to the next beat as far as it is known, LOOK_AHEAD_SAMPLES at most
    """

    row: NDArray[np.intp]
    at: NDArray[np.intp]
    probability: NDArray[np.float64]
    until_next_s: NDArray[np.float64]


def detect(strips: Strips) -> Detected:
    """Return the beats of the second that ends JUDGED_AFTER samples before the newest one."""
    found = find_candidates(strips)
    return chosen(found, beat_probability(shipped_detector(), found.features))


def beat_probability(detector: Forest, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (candidates,) that each is a beat."""
    return sigmoid(detector.values(features).astype(np.float64).sum(axis=1))


def chosen(found: Candidates, probability: NDArray[np.float64]) -> Detected:
    """Return the candidates that count as beats, of those that are final."""
    beats = np.flatnonzero(probability > MIN_PROBABILITY)
    row, at = found.row[beats], found.at[beats]
    until_next = np.full(beats.size, LOOK_AHEAD_SAMPLES)
    has_next = row[:-1] == row[1:]
    until_next[:-1][has_next] = np.minimum(np.diff(at), LOOK_AHEAD_SAMPLES)[has_next]
    is_final = found.is_final[beats]
    return Detected(
        row[is_final],
        at[is_final],
        probability[beats[is_final]],
        until_next[is_final] / WATCH_HZ,
    )


@cache
def shipped_detector() -> Forest:
    """Return the trees that come with the product."""
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return Forest.from_arrays(dict(arrays))
