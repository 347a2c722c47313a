"""Another sampling rate by linear interpolation, as ECG-FM's own preprocessing does it.

n samples become n' = int(n * (target / fs)). They are laid at linspace(0, n' - 1, n) and read at 0..n' - 1: first and last
sample keep their place, and nothing is filtered (bowang-lab/ECG-FM, `infer_quickstart`, by way of ecg-transform 0.1.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resampled_length(samples: int, fs: float, target_fs: float) -> int:
    """Samples that `samples` at `fs` become; truncated, not rounded, as in the original."""
    return samples if fs == target_fs else int(samples * (target_fs / fs))


def resample_linear(
    signal: NDArray[np.float64], fs: float, target_fs: float
) -> NDArray[np.float64]:
    """(leads, n) float64 at `fs` -> (leads, n') at `target_fs`; the array itself where the rates are equal.

    np.interp's result on each lead, to rounding.
    """
    if fs == target_fs:
        return signal
    left, fraction = _places(signal.shape[1], resampled_length(signal.shape[1], fs, target_fs))
    before: NDArray[np.float64] = signal.take(left, axis=1)
    step: NDArray[np.float64] = signal.take(np.minimum(left + 1, signal.shape[1] - 1), axis=1)
    step -= before
    step *= fraction
    step += before
    return step


def resample_mask(missing: NDArray[np.bool_], fs: float, target_fs: float) -> NDArray[np.bool_]:
    """The mask (leads, n) that goes with a signal: a sample is missing where any that it is made of is."""
    if fs == target_fs:
        return missing
    left, fraction = _places(missing.shape[1], resampled_length(missing.shape[1], fs, target_fs))
    right = np.where(fraction > 0, np.minimum(left + 1, missing.shape[1] - 1), left)
    touched: NDArray[np.bool_] = missing.take(left, axis=1) | missing.take(right, axis=1)
    return touched


def _places(old: int, new: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each of `new` samples the old one at or before it, and how far (0..1) it lies on the way to the next."""
    if old < 2 or new < 2:
        return np.zeros(new, np.intp), np.zeros(new)
    grid = np.linspace(0, new - 1, old)
    at = np.arange(new, dtype=np.float64)
    left = np.searchsorted(grid, at, side="right") - 1
    step = np.append(
        np.diff(grid), 1.0
    )  # the last sample is read as it is: fraction 0, and no next one
    return left, (at - grid[left]) / step[left]
