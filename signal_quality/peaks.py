"""Where all leads move together: beats, or what would pass for them in noise.

At 125 Hz the 16 ms differences of all leads, loud leads held down, as one root sum of squares, smoothed over 80 ms; its peaks
over a share of what this recording's beats reach. It is a part of the trained model's features and changes with them only: it
finds something in noise too, which then shows that it is noise. Beats to be measured are found elsewhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signal_quality.bands import BEATS_RATE_HZ
from signals.order import median, order_statistic

_DIFFERENCE_SAMPLES: Final = 2  # 16 ms
_SMOOTHED_SAMPLES: Final = 10  # 80 ms
_BLOCK_S: Final = 3.0  # holds a beat from 20 /min on
_REFRACTORY_SAMPLES: Final = 31  # 248 ms, 242 /min
_T_WAVE_SAMPLES: Final = 45  # 360 ms: a T wave comes before that, and is under 0.6 of its R
_FIRST_SHARE, _SECOND_SHARE, _T_SHARE = 0.30, 0.35, 0.6
_LOUD: Final = 3.0  # times the median lead's 98th percentile


def find_peaks_s(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Seconds from the start; none where nothing moves.

    signal  (leads, samples at 125 Hz) in any unit; constant leads take no part
    """
    activity = _activity(signal)
    if activity.size < _SMOOTHED_SAMPLES or not activity.max() > 0:
        return np.zeros(0)
    return _peaks(activity) / BEATS_RATE_HZ


def _activity(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """How steeply all leads move together, (samples,), >= 0; beats are its peaks."""
    from scipy.ndimage import uniform_filter1d

    slopes = np.zeros_like(signal)
    if signal.shape[1] > _DIFFERENCE_SAMPLES:
        half = _DIFFERENCE_SAMPLES // 2
        slopes[:, half:-half] = signal[:, _DIFFERENCE_SAMPLES:] - signal[:, :-_DIFFERENCE_SAMPLES]
    sizes = order_statistic(np.abs(slopes), int(0.98 * (slopes.shape[1] - 1)))
    usual = float(median(sizes[sizes > 0])) if (sizes > 0).any() else 0.0
    weights = np.minimum(1.0, _LOUD * usual / np.where(sizes > 0, sizes, np.inf))
    power = weights**2 @ np.square(slopes, out=slopes)
    smoothed: NDArray[np.float64] = uniform_filter1d(
        np.sqrt(power), _SMOOTHED_SAMPLES, output=np.float64
    )
    return smoothed


def _peaks(activity: NDArray[np.float64]) -> NDArray[np.intp]:
    from scipy.signal import find_peaks

    block = round(_BLOCK_S * BEATS_RATE_HZ)
    maxima = [
        activity[start : start + block].max()
        for start in range(0, max(activity.size - block // 2, 1), block)
    ]
    peaks: NDArray[np.intp] = find_peaks(
        activity,
        height=_FIRST_SHARE * float(median(np.array(maxima))),
        distance=_REFRACTORY_SAMPLES,
    )[0]
    if peaks.size == 0:
        return peaks
    heights = activity[peaks]
    peaks = peaks[heights >= _SECOND_SHARE * median(heights)]
    heights = activity[peaks]
    t_wave = (np.diff(peaks) < _T_WAVE_SAMPLES) & (heights[1:] < _T_SHARE * heights[:-1])
    kept: NDArray[np.intp] = peaks[np.concatenate([[True], ~t_wave])]
    return kept
