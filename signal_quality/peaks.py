"""Times at which all leads move together: beats, or what looks like beats in noise.

The activity is the root of the sum of squares of the 16 ms differences of all leads at 125 Hz, with
loud leads turned down, smoothed over 80 ms. Its peaks count from a share of the height of this
recording's beats on. This detector is part of the trained model's features and changes with the
model only. It finds peaks in noise as well, and their irregularity shows that it is noise. The
beats that are measured are found by `signals.r_peaks`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import BEATS_RATE_HZ
from signals.order import median, order_statistic

# 16 ms
_DIFFERENCE_SAMPLES: Final = 2
# 80 ms
_SMOOTHED_SAMPLES: Final = 10
# Contains a beat from 20 /min on.
_BLOCK_S: Final = 3.0
# 248 ms, 242 /min
_REFRACTORY_SAMPLES: Final = 31
# 360 ms: a T wave comes before that, and is lower than 0.6 of its R peak.
_T_WAVE_SAMPLES: Final = 45
_T_SHARE: Final = 0.6
# Of the median of the blocks' maxima.
_FIRST_SHARE: Final = 0.30
# Of the median peak.
_SECOND_SHARE: Final = 0.35
# Times the median lead's 98th percentile.
_LOUD: Final = 3.0


def find_peaks_s(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the times of the peaks in seconds from the start; none if no lead moves.

    signal  (leads, samples at 125 Hz) in any unit; constant leads do not count
    """
    activity = _activity(signal)
    if activity.size < _SMOOTHED_SAMPLES or not activity.max() > 0:
        return np.zeros(0)
    return _peaks(activity) / BEATS_RATE_HZ


def _activity(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (samples,) how steeply all leads move together, 0 or more."""
    from scipy.ndimage import uniform_filter1d

    slopes = np.zeros_like(signal)
    if signal.shape[1] > _DIFFERENCE_SAMPLES:
        half = _DIFFERENCE_SAMPLES // 2
        later = signal[:, _DIFFERENCE_SAMPLES:]
        earlier = signal[:, :-_DIFFERENCE_SAMPLES]
        slopes[:, half:-half] = later - earlier
    # (leads,) 98th percentile
    rank = int(0.98 * (slopes.shape[1] - 1))
    steepness = order_statistic(np.abs(slopes), rank)
    varying = steepness > 0
    usual = float(median(steepness[varying])) if varying.any() else 0.0
    # Constant leads have the weight 0.
    divisor = np.where(varying, steepness, np.inf)
    weights = np.minimum(1.0, _LOUD * usual / divisor)
    squares = np.square(slopes, out=slopes)
    power = weights**2 @ squares
    activity: NDArray[np.float64] = uniform_filter1d(
        np.sqrt(power), _SMOOTHED_SAMPLES, output=np.float64
    )
    return activity


def _peaks(activity: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the samples of the peaks of (samples,), without T waves."""
    from scipy.signal import find_peaks

    block = round(_BLOCK_S * BEATS_RATE_HZ)
    samples = activity.size
    # A last block of less than half the length does not count, unless it is the only one.
    starts = range(0, max(samples - block // 2, 1), block)
    maxima = np.array([activity[start : start + block].max() for start in starts])
    min_height = _FIRST_SHARE * float(median(maxima))
    peaks: NDArray[np.intp]
    peaks, _ = find_peaks(activity, height=min_height, distance=_REFRACTORY_SAMPLES)
    if peaks.size == 0:
        return peaks
    heights = activity[peaks]
    is_high = heights >= _SECOND_SHARE * median(heights)
    peaks = peaks[is_high]
    heights = activity[peaks]
    is_soon = np.diff(peaks) < _T_WAVE_SAMPLES
    is_low = heights[1:] < _T_SHARE * heights[:-1]
    is_t_wave = is_soon & is_low
    # The first peak has none before it.
    is_beat = np.concatenate([[True], ~is_t_wave])
    beats: NDArray[np.intp] = peaks[is_beat]
    return beats
