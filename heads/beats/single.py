"""Classes of single beats, cut out of their recordings: E-Monitor's and Kaggle's layout.

A beat is one lead at 125 Hz from its R peak on, 1.2 times the usual interval long, padded with
zeros to 187 samples (Kachuee, Fazeli and Sarrafzadeh, arXiv:1805.00794). The beats before it and
its P wave are not in it, so that a supraventricular beat can hardly be told from a normal one.
Trained by `python -m training.beats --part single`; the card is docs/models/beats.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.classes import CLASSES

WEIGHTS: Final = Path(__file__).with_name("single.npz")
BEAT_SAMPLES: Final = 187
# 0.8 s: the QRS complex and the T wave.
SHAPE_SAMPLES: Final = 100
# How steep the beat is, at this many times that are relative to its length: the next R peak is at
# 1 / 1.2 of it if it comes after the usual interval.
STEEP_PLACES: Final = 48
# The second difference is taken over twice so many samples, and the largest of twice so many and
# one stands for each of the places, which are at most 4 samples apart.
HALF_WIDTH: Final = 2
NUMBERS: Final = SHAPE_SAMPLES + STEEP_PLACES + 2
MIN_RANGE: Final = 1e-6
# Codes of 24 bits and nanovolts are far below it; differences of such values stay within float32.
MAX_SIZE: Final = 1e30
# Rows that are computed together: their intermediate arrays fit into the second-level cache.
BLOCK_ROWS: Final = 256

Beats = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SingleBeatModel:
    """A network with one hidden layer of rectified units.

    mean, scale    (NUMBERS,) of the numbers that it was fitted to
    hidden, offset (NUMBERS, units), (units,)
    out, bias      (units, CLASSES), (CLASSES,)
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    hidden: NDArray[np.float32]
    offset: NDArray[np.float32]
    out: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, beats: Beats) -> Array:
        """Return (beats, CLASSES) of (beats, BEAT_SAMPLES), in any unit.

        A beat without a signal, or with samples that are no numbers, cannot be classified: its
        class is Q.
        """
        shares = np.zeros((len(beats), len(CLASSES)))
        for first in range(0, len(beats), BLOCK_ROWS):
            block = beats[first : first + BLOCK_ROWS].copy()
            is_readable = np.abs(block).max(axis=1) < MAX_SIZE  # false for NaN
            block[~is_readable] = 0
            is_readable &= np.ptp(block, axis=1) > MIN_RANGE
            found = self._forward(numbers_of(block))
            found[~is_readable] = np.eye(len(CLASSES))[CLASSES.index("Q")]
            shares[first : first + BLOCK_ROWS] = found
        return shares

    def _forward(self, numbers: NDArray[np.float32]) -> Array:
        relative = (numbers - self.mean) / self.scale
        units = np.maximum(_product(relative, self.hidden) + self.offset, 0)
        scores = (_product(units, self.out) + self.bias).astype(np.float64)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: Array = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return dict(vars(self))


def _product(rows: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the product of two matrices; a row does not depend on the others, to the last bit."""
    # BLAS adds up in an order that depends on how many rows there are.
    rows = np.ascontiguousarray(rows)
    columns = [(rows * column).sum(axis=1) for column in np.ascontiguousarray(matrix.T)]
    return np.stack(columns, axis=1)


def numbers_of(beats: Beats) -> NDArray[np.float32]:
    """Return (beats, NUMBERS) of (beats, BEAT_SAMPLES): shape, steepness, length and level.

    The shape is between 0 and 1, less its median, whatever the unit of the beat is.
    """
    rows = np.arange(len(beats))[:, None]
    length = BEAT_SAMPLES - (beats[:, ::-1] != 0).argmax(axis=1)
    is_beat = np.arange(BEAT_SAMPLES) < length[:, None]
    lowest = np.where(is_beat, beats, np.float32(np.inf)).min(axis=1)
    highest = np.where(is_beat, beats, np.float32(-np.inf)).max(axis=1)
    size = np.maximum(highest - lowest, np.float32(MIN_RANGE))
    scaled = np.where(is_beat, (beats - lowest[:, None]) / size[:, None], np.float32(np.inf))
    level = np.sort(scaled, axis=1)[rows[:, 0], (length - 1) // 2]
    shape = np.where(is_beat, scaled - level[:, None], np.float32(0))
    places = np.rint(np.linspace(0, 1, STEEP_PLACES) * (length[:, None] - 1)).astype(np.intp)
    steep = _steepness(shape, is_beat)[rows, places]
    steep /= np.maximum(steep.max(axis=1, keepdims=True), np.float32(MIN_RANGE))
    share = (length / BEAT_SAMPLES).astype(np.float32)
    numbers: NDArray[np.float32] = np.concatenate(
        [shape[:, :SHAPE_SAMPLES], steep, share[:, None], level[:, None]], axis=1
    )
    return numbers


def _steepness(shape: Beats, is_beat: NDArray[np.bool_]) -> Beats:
    """Return (beats, BEAT_SAMPLES) the largest second difference around each sample."""
    width = HALF_WIDTH
    middle = shape[:, width:-width]
    curve = np.zeros_like(shape)
    curve[:, width:-width] = np.abs(2 * middle - shape[:, : -2 * width] - shape[:, 2 * width :])
    curve[:, :-width][~is_beat[:, width:]] = 0
    padded = np.pad(curve, ((0, 0), (width, width)))
    most = curve
    for offset in range(2 * width + 1):
        most = np.maximum(most, padded[:, offset : offset + BEAT_SAMPLES])
    return most


def single_beat_probabilities(beats: Beats) -> Array:
    """Return (beats, CLASSES) of (beats, BEAT_SAMPLES) by the model that ships."""
    return _shipped_model().probabilities(beats)


@cache
def _shipped_model() -> SingleBeatModel:
    """Return the network that comes with the product."""
    with np.load(WEIGHTS, allow_pickle=False) as file:
        return SingleBeatModel(**dict(file))
