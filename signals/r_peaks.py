"""Where the heart beats: R peaks, found on all leads together.

The envelope is the root of the sum of squared 16 ms differences over leads, as in spatial-velocity detectors; the thresholds
were chosen on LUDB; MIT-BIH was looked at once while the rule on echoes was settled.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.conditioned import RATE_HZ, Conditioned, condition
from signals.order import median, order_statistic, quantile

ENVELOPE_HZ: Final = 250.0
DIFFERENCE_SAMPLES: Final = 4  # 16 ms: the slope of a QRS, not of a T wave
MEAN_SAMPLES: Final = 21  # 84 ms at ENVELOPE_HZ, about a QRS: one hump a beat
BLOCK_S: Final = 3.0  # holds a beat from 20 /min on
BLOCK_SHARE: Final = 0.30  # of the median block maximum
HEIGHT_SHARE: Final = 0.35  # of the median peak
APART_S: Final = 0.248  # 240 /min
# A lower peak so soon after a beat is its T wave: within (seconds, share of the beat's height).
EARLY_ECHO: Final = (0.36, 0.6)
# A wide complex has a late, steep T; premature beats of fibrillation look the same, but do not follow every third beat.
LATE_ECHO: Final = (0.46, 0.5)
LATE_ECHOES_SHARE: Final = 1 / 3  # of all peaks: from there on they are T waves
EDGE_S: Final = 0.06  # a complex cut by the recording's end is none; filters ring there, too
QUIET_SHARE: Final = 0.2
MIN_CONTRAST: Final = 2.5  # of the median peak over the envelope's quiet fifth: 15 and more in ECGs, 1.5 in noise and hum
PEAKED: Final = 6.0  # 98th percentile of the slope over its median from which a lead counts in full
LOUD_LEAD: Final = (
    3.0  # a lead may be so many times as steep as the middle one before it is turned down
)


def find_r_peaks(signal: NDArray[np.floating], fs: float) -> NDArray[np.float64]:
    """(leads, samples) in any units at 50-2000 Hz, NaN for gaps -> seconds of the beats from the start, ascending."""
    return r_peaks_of(condition(signal, fs))


def r_peaks_of(ready: Conditioned) -> NDArray[np.float64]:
    """The same on a recording that is filtered already; none where no lead has a signal."""
    envelope = _envelope(ready)
    if envelope.size < 3:
        return np.zeros(0)
    peaks = _above(envelope, _block_level(envelope) * BLOCK_SHARE)
    edge = round(EDGE_S * ENVELOPE_HZ)
    peaks = peaks[(peaks >= edge) & (peaks < envelope.size - edge)]
    if peaks.size:
        peaks = peaks[envelope[peaks] > HEIGHT_SHARE * median(envelope[peaks])]
    if peaks.size == 0 or median(envelope[peaks]) < MIN_CONTRAST * quantile(envelope, QUIET_SHARE):
        return np.zeros(0)
    return np.asarray(_without_echoes(peaks, envelope) / ENVELOPE_HZ, np.float64)


def lead_weights(steepness: NDArray[np.float64]) -> NDArray[np.float64]:
    """(leads,) in 0..1: min(1, 3 x median / own), so that one artefact-ridden lead does not outvote the rest."""
    alive = steepness > 0
    if not alive.any():
        return np.zeros(steepness.size)
    limit = LOUD_LEAD * median(steepness[alive])
    return np.where(alive, np.minimum(1.0, limit / np.where(alive, steepness, 1.0)), 0.0)


def _envelope(ready: Conditioned) -> NDArray[np.float64]:
    from scipy.ndimage import uniform_filter1d

    signal = (ready.signal if ready.varying.all() else ready.signal[ready.varying])[
        :, :: round(RATE_HZ / ENVELOPE_HZ)
    ]
    half = DIFFERENCE_SAMPLES // 2
    if signal.shape[0] == 0 or signal.shape[1] <= DIFFERENCE_SAMPLES:
        return np.zeros(0)
    slope = signal[:, DIFFERENCE_SAMPLES:] - signal[:, :-DIFFERENCE_SAMPLES]
    size = np.abs(slope)
    steepness = order_statistic(size, int(0.98 * (size.shape[1] - 1))).astype(np.float64)
    weights = (lead_weights(steepness) * _peaked(size, steepness) ** 2) ** 2
    power = np.zeros(signal.shape[1])
    power[half:-half] = np.sqrt(weights.astype(np.float32) @ np.square(slope, out=slope))
    return np.asarray(uniform_filter1d(power, MEAN_SAMPLES, mode="nearest"), np.float64)


def _peaked(size: NDArray[np.float32], steepness: NDArray[np.float64]) -> NDArray[np.float64]:
    """(leads,) 1 for a lead with QRS complexes, less for noise, whose slope is of one size all the time.

    The 98th percentile of the slope is 3.5 times its median in noise, and 10 times with QRS complexes: nearly all leads count in
    full, which is told by counting, and their median is not looked for.
    """
    place = size.shape[1] // 2
    small = size <= (steepness / PEAKED)[:, None].astype(np.float32)
    noisy = np.array([np.count_nonzero(lead) <= place for lead in small])
    peaked = np.ones(len(size))
    if noisy.any():
        middle = order_statistic(size[noisy], place)
        peaked[noisy] = np.minimum(1.0, steepness[noisy] / np.maximum(PEAKED * middle, 1e-12))
    return peaked


def _block_level(envelope: NDArray[np.float64]) -> float:
    """Median of the maxima of blocks of 3 s; the last, shorter block counts where it is the only one."""
    width = round(BLOCK_S * ENVELOPE_HZ)
    count = max(1, envelope.size // width)
    return float(median(np.array([block.max() for block in np.array_split(envelope, count)])))


def _above(envelope: NDArray[np.float64], level: float) -> NDArray[np.intp]:
    from scipy.signal import find_peaks

    found: NDArray[np.intp] = find_peaks(
        envelope, height=max(level, 1e-12), distance=round(APART_S * ENVELOPE_HZ)
    )[0]
    return found


def _without_echoes(peaks: NDArray[np.intp], envelope: NDArray[np.float64]) -> NDArray[np.intp]:
    peaks = peaks[~_echoes(peaks, envelope, *EARLY_ECHO)]
    late = _echoes(peaks, envelope, *LATE_ECHO)
    return peaks[~late] if late.sum() >= LATE_ECHOES_SHARE * late.size else peaks


def _echoes(
    peaks: NDArray[np.intp], envelope: NDArray[np.float64], within_s: float, share: float
) -> NDArray[np.bool_]:
    """Which peaks follow the last one that is none so soon and so low."""
    echo, beat = np.zeros(peaks.size, np.bool_), -1
    for index, peak in enumerate(peaks.tolist()):
        soon = beat >= 0 and peak - beat < within_s * ENVELOPE_HZ
        echo[index] = soon and envelope[peak] < share * envelope[beat]
        beat = beat if echo[index] else peak
    return echo
