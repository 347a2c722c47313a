"""The representative beat for amplitudes: averaged without filters, on a baseline through PR.

The beat that boundaries are found on is high-passed at 0.6 Hz and smoothed over 20 ms. The first
moves ST and T in proportion to their area and the slower the heart beats; the second lowers narrow
waves. docs/accuracy.md has both errors. Here, averaging removes noise, and the wander is a curve
through the level before each QRS complex, which leaves the ST segment as it is (Meyer and Keiser,
Comput Biomed Res 1977;10:459-470).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import interquartile_mean
from signals.conditioned import RATE_HZ
from signals.order import mean, median

SAMPLE_MS: Final = 1000.0 / RATE_HZ
# The level before QRS is a mean over 16 ms that ends 4 ms before the onset, so that an onset that
# is placed a little late does not take the first part of the complex into the baseline.
LEVEL_START_MS: Final = 20.0
LEVEL_STOP_MS: Final = 4.0
_ERROR_STRIDE: Final = 8


@dataclass(frozen=True, eq=False)
class UnfilteredBeat:
    """The mean of a recording's beats without filters, zero before the QRS complex.

    data      (leads, samples) mV at RATE_HZ
    first_ms  time of the first sample, ms from the beat's centre
    error_mv  (leads,) standard error of the mean, the median over the beat's samples
    """

    data: NDArray[np.float64]
    first_ms: float
    error_mv: NDArray[np.float64]

    def place(self, time_ms: float) -> float:
        """Return the place of a time in ms from the beat's centre, in fractions of a sample."""
        return (time_ms - self.first_ms) / SAMPLE_MS


def unfiltered_beat(
    unfiltered: NDArray[np.float32],
    missing: NDArray[np.bool_],
    centres_s: NDArray[np.float64],
    qrs_on_ms: float,
    span_ms: tuple[float, float],
) -> UnfilteredBeat | None:
    """Average the beats of one morphology; None if no beat lies within the recording.

    unfiltered  (leads, samples) at RATE_HZ
    missing     (samples,) bool; beats with a missing sample are left out
    centres_s   (beats,) seconds, ascending
    qrs_on_ms   the QRS onset, ms from the centre
    span_ms     first and last time of the beat, ms from the centre
    """
    centres = np.rint(centres_s * RATE_HZ).astype(np.intp)
    first = floor(min(span_ms[0], qrs_on_ms - LEVEL_START_MS) / SAMPLE_MS)
    samples = round(span_ms[1] / SAMPLE_MS) + 1 - first
    level_start = round((qrs_on_ms - LEVEL_START_MS) / SAMPLE_MS) - first
    level_stop = round((qrs_on_ms - LEVEL_STOP_MS) / SAMPLE_MS) + 1 - first

    starts = centres + first
    starts = starts[_are_recorded(starts, samples, missing)]
    if starts.size == 0:
        return None
    windows = np.empty((starts.size, len(unfiltered), samples), np.float32)
    for window, start in zip(windows, starts.tolist(), strict=True):
        window[:] = unfiltered[:, start : start + samples]

    levels = mean(windows[:, :, level_start:level_stop]).astype(np.float64)
    middle = (level_start + level_stop - 1) / 2
    windows -= _wander(levels, starts, np.arange(samples, dtype=np.float64) - middle)
    beat = interquartile_mean(windows)
    # The middle half of the values need not have the mean of all of them.
    beat -= beat[:, level_start:level_stop].mean(axis=1, keepdims=True)
    return UnfilteredBeat(beat, first * SAMPLE_MS, _standard_error(windows))


def _standard_error(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (leads,) the standard error of the mean of the beats; 0 for a single beat.

    The median over samples leaves out the steep parts of the QRS complex, which vary with the
    alignment. Every _ERROR_STRIDE-th sample is enough.
    """
    some = windows[:, :, ::_ERROR_STRIDE]
    spread = np.sqrt(np.square(some - some.mean(axis=0)).mean(axis=0))
    return np.asarray(median(spread) / np.sqrt(len(windows)), np.float64)


def _are_recorded(
    starts: NDArray[np.intp], samples: int, missing: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return (beats,) whether each window lies within the recording and has no missing sample."""
    inside = (starts >= 0) & (starts + samples <= missing.size)
    if missing.any():
        missing_before = np.concatenate([[0], np.cumsum(missing)])
        first = np.clip(starts, 0, missing.size)
        stop = np.clip(starts + samples, 0, missing.size)
        inside &= missing_before[stop] == missing_before[first]
    return inside


def _wander(
    levels: NDArray[np.float64], starts: NDArray[np.intp], offsets: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return (beats, leads, samples) the wander in each window: cubic curves through the levels.

    Between two levels it is the cubic with their values and, at each, the slope from the level
    before to the level after (Catmull and Rom). One beat has a constant wander.

    levels   (beats, leads) the level before each QRS complex
    starts   (beats,) first sample of each window
    offsets  (samples,) of each sample from the place of the level
    """
    beats, leads = levels.shape
    wander = np.empty((beats, leads, offsets.size), np.float32)
    if beats == 1:
        wander[:] = levels[:, :, None]
        return wander
    steps = np.diff(starts).astype(np.float64)[:, None]
    rises = np.diff(levels, axis=0)
    slopes = np.empty_like(levels)
    slopes[0] = rises[0] / steps[0]
    slopes[-1] = rises[-1] / steps[-1]
    slopes[1:-1] = (levels[2:] - levels[:-2]) / (steps[1:] + steps[:-1])

    mean_slopes = rises / steps
    square = (3 * mean_slopes - 2 * slopes[:-1] - slopes[1:]) / steps
    cube = (slopes[:-1] + slopes[1:] - 2 * mean_slopes) / steps**2
    # The same cubics, written from their ends: for the part of a window before its level.
    square_from_end = (slopes[:-1] + 2 * slopes[1:] - 3 * mean_slopes) / steps

    powers = np.stack([offsets**degree for degree in range(4)]).astype(np.float32)
    # Single precision is enough for a curve of millivolts, and takes half the time.
    after = np.zeros((beats, leads, 4), np.float32)
    after[:, :, 0] = levels
    after[:, :, 1] = slopes
    ahead = after.copy()
    after[:-1, :, 2], after[:-1, :, 3] = square, cube
    ahead[1:, :, 2], ahead[1:, :, 3] = square_from_end, cube
    zero = int(np.searchsorted(offsets, 0.0))
    wander[:, :, :zero] = (ahead.reshape(-1, 4) @ powers[:, :zero]).reshape(beats, leads, -1)
    wander[:, :, zero:] = (after.reshape(-1, 4) @ powers[:, zero:]).reshape(beats, leads, -1)
    return wander
