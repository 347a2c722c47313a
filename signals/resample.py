"""Resampling by linear interpolation, as ECG-FM's own preprocessing does it.

n samples become n' = int(n * (target / fs)). The old samples are placed at linspace(0, n' - 1, n)
and read at 0..n' - 1: the first and the last sample keep their places, and nothing is filtered
(bowang-lab/ECG-FM, `infer_quickstart`, through ecg-transform 0.1.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resampled_length(samples: int, fs: float, target_fs: float) -> int:
    """Return the number of samples that `samples` at `fs` become.

    It is truncated, not rounded, as in the original.
    """
    if fs == target_fs:
        return samples
    return int(samples * (target_fs / fs))


def resample_linear(
    signal: NDArray[np.float64], fs: float, target_fs: float
) -> NDArray[np.float64]:
    """Resample (leads, n) at `fs` to (leads, n') at `target_fs`; equal rates return `signal`.

    Each lead is np.interp's result, except for rounding errors.
    """
    if fs == target_fs:
        return signal
    samples = signal.shape[1]
    left, fraction = _source_places(samples, resampled_length(samples, fs, target_fs))
    right = np.minimum(left + 1, samples - 1)
    before: NDArray[np.float64] = signal.take(left, axis=1)
    # In place: before + fraction * (after - before), without further arrays of this size.
    result: NDArray[np.float64] = signal.take(right, axis=1)
    result -= before
    result *= fraction
    result += before
    return result


def resample_mask(missing: NDArray[np.bool_], fs: float, target_fs: float) -> NDArray[np.bool_]:
    """Resample the mask (leads, n) of missing samples like the signal that it belongs to.

    A new sample is missing if any old sample that it is computed from is missing.
    """
    if fs == target_fs:
        return missing
    samples = missing.shape[1]
    left, fraction = _source_places(samples, resampled_length(samples, fs, target_fs))
    # A fraction of 0 uses the left sample only.
    right = np.where(fraction > 0, np.minimum(left + 1, samples - 1), left)
    missing_at_new: NDArray[np.bool_] = missing.take(left, axis=1) | missing.take(right, axis=1)
    return missing_at_new


def _source_places(old: int, new: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return where each of `new` samples is read from among `old` samples.

    Returns (left, fraction), both (new,): the old sample at or before the new one, and the share
    (0..1) of the way from it to the next old sample.
    """
    if old < 2 or new < 2:
        return np.zeros(new, np.intp), np.zeros(new)
    grid = np.linspace(0, new - 1, old)
    places = np.arange(new, dtype=np.float64)
    left = np.searchsorted(grid, places, side="right") - 1
    # The last sample has no next one. It is read as it is, with fraction 0, so any step will do.
    step = np.append(np.diff(grid), 1.0)
    return left, (places - grid[left]) / step[left]
