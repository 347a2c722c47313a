"""Resampling of endless streams to the rate at which they are watched, a stretch at a time.

The result does not depend on the stretches: each new sample is a weighted mean of the samples
around it, with the weights of a Hann window 32 ms wide. The window is zero at 62.5 Hz, half of the
new rate, and lets 12 % of hum at 50 Hz through and 3 % at 60 Hz.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

WATCH_HZ: Final = 125
WINDOW_S: Final = 0.032
# Of a rate below 125 Hz: the window is as wide as four of its samples, so that the weights of a
# constant signal add up to the same sum everywhere.
MIN_WINDOW_SAMPLES: Final = 4


def source_range(fs: float, first: int, stop: int) -> tuple[int, int]:
    """Return [start, stop) of the samples at `fs` from which the new samples [first, stop) come.

    Sample i at `fs` and new sample j are at the times i / fs and j / WATCH_HZ. At the beginning of
    a stream the start is negative.
    """
    half_s = _half_window_s(fs)
    start = math.ceil((first / WATCH_HZ - half_s) * fs)
    return start, math.floor(((stop - 1) / WATCH_HZ + half_s) * fs) + 1


def to_watch_rate(
    source: NDArray[np.float32], fs: float, first: int, stop: int
) -> NDArray[np.float32]:
    """Return the new samples [first, stop), (..., stop - first); NaN where one it needs is NaN.

    source  (..., samples) at `fs`: those of `source_range`
    """
    start, _ = source_range(fs, first, stop)
    base = (first * fs) / WATCH_HZ - start
    places, weights = _taps(fs, round(base, 9), stop - first)
    result = np.zeros((*source.shape[:-1], stop - first), np.float32)
    for tap_places, tap_weights in zip(places, weights, strict=True):
        result += source[..., tap_places] * tap_weights
    return result


def _half_window_s(fs: float) -> float:
    return max(WINDOW_S, MIN_WINDOW_SAMPLES / fs) / 2


@lru_cache(maxsize=64)
def _taps(fs: float, base: float, samples: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the source samples of each new sample and their weights, both (taps, samples).

    base  place of the first new sample among the source's samples
    A tap outside the window has no weight, and reads a sample within it.
    """
    half = _half_window_s(fs) * fs
    centres = base + np.arange(samples) * (fs / WATCH_HZ)
    first = np.ceil(centres - half).astype(np.intp)
    places = first + np.arange(math.floor(2 * half) + 1)[:, None]
    offsets = places - centres
    is_inside = np.abs(offsets) < half
    weights = np.where(is_inside, 1 + np.cos(np.pi * offsets / half), 0.0)
    middle = np.rint(centres).astype(np.intp)
    return np.where(is_inside, places, middle), (weights / weights.sum(axis=0)).astype(np.float32)
