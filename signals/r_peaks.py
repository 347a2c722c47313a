"""Detection of R peaks on all leads together.

The envelope is the root of the sum of squares of 16 ms differences over the leads, as in detectors
of spatial velocity. The thresholds were chosen on LUDB. MIT-BIH was looked at once, while the rule
on echoes was settled.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.conditioned import RATE_HZ, Conditioned, condition
from signals.order import median, order_statistic, quantile
from signals.smooth_waves import Waves, without_smooth_waves

ENVELOPE_HZ: Final = 250.0
# 16 ms: the slope of a QRS complex, not of a T wave.
DIFFERENCE_SAMPLES: Final = 4
# 84 ms at ENVELOPE_HZ, about a QRS complex: one hump for each beat.
MEAN_SAMPLES: Final = 21
# Contains a beat from 20 /min on.
BLOCK_S: Final = 3.0
# Of the median of the blocks' maxima.
BLOCK_SHARE: Final = 0.30
# Of the median peak.
HEIGHT_SHARE: Final = 0.35
# 240 /min.
APART_S: Final = 0.248
# A lower peak so soon after a beat is its T wave: within (seconds, share of the beat's height).
EARLY_ECHO: Final = (0.36, 0.6)
# A wide complex has a late, steep T wave. Premature beats in fibrillation look the same, but do not
# follow every third beat.
LATE_ECHO: Final = (0.46, 0.5)
# Of all peaks: from this share on, late echoes are T waves.
LATE_ECHOES_SHARE: Final = 1 / 3
# A complex that is cut by the recording's end does not count. Filters ring there, too.
EDGE_S: Final = 0.06
QUIET_SHARE: Final = 0.2
# The median peak over the envelope's quiet fifth: 15 and more in ECGs, 1.5 in noise and hum.
MIN_CONTRAST: Final = 2.5
# The slope's 98th percentile over its median, from which on a lead counts in full.
PEAKED: Final = 6.0
# A lead may be this many times as steep as the middle lead before its weight is reduced.
LOUD_LEAD: Final = 3.0


def find_r_peaks(signal: NDArray[np.floating], fs: float) -> NDArray[np.float64]:
    """Return the times of the beats in seconds from the start, ascending.

    signal  (leads, samples) in any units at 50-2000 Hz, NaN for gaps
    """
    return r_peaks_of(condition(signal, fs))


def r_peaks_of(ready: Conditioned) -> NDArray[np.float64]:
    """Return the times of the beats of a filtered recording, in seconds, ascending.

    There are none if no lead has a signal, or if no peak stands out of noise or hum.
    """
    signal = _at_envelope_rate(ready)
    if len(signal) == 0 or signal.shape[1] <= 2 * DIFFERENCE_SAMPLES:
        return np.zeros(0)
    samples = signal.shape[1]
    slope = _differences(signal)
    weights = _weights(slope)
    peaks = _peaks_of(_envelope(slope, weights, samples))
    if peaks.size == 0:
        return np.zeros(0)

    def narrow_peaks() -> NDArray[np.intp]:
        return _peaks_of(_envelope(_differences(slope), weights, samples))

    beats = without_smooth_waves(peaks, Waves(signal, weights), narrow_peaks)
    return np.asarray(beats / ENVELOPE_HZ, np.float64)


def _peaks_of(envelope: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the samples of the peaks that are beats by their height and their distance."""
    peaks = _peaks_above(envelope, _block_level(envelope) * BLOCK_SHARE)
    edge = round(EDGE_S * ENVELOPE_HZ)
    peaks = peaks[(peaks >= edge) & (peaks < envelope.size - edge)]
    if peaks.size:
        heights = envelope[peaks]
        peaks = peaks[heights > HEIGHT_SHARE * median(heights)]
    if peaks.size == 0:
        return peaks
    if median(envelope[peaks]) < MIN_CONTRAST * quantile(envelope, QUIET_SHARE):
        return peaks[:0]
    return _without_echoes(peaks, envelope)


def lead_weights(steepness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (leads,) weights in 0..1, so that one lead with artefacts does not outvote the others.

    steepness  (leads,), 0 for a constant lead
    A weight is min(1, 3 x median / steepness), and 0 for a constant lead.
    """
    varying = steepness > 0
    if not varying.any():
        return np.zeros(steepness.size)
    limit = LOUD_LEAD * median(steepness[varying])
    divisor = np.where(varying, steepness, 1.0)
    return np.where(varying, np.minimum(1.0, limit / divisor), 0.0)


def _at_envelope_rate(ready: Conditioned) -> NDArray[np.float32]:
    """Return the leads that vary, (leads, samples at ENVELOPE_HZ)."""
    signal = ready.signal
    if not ready.varying.all():
        signal = signal[ready.varying]
    # Contiguous, because differences of a strided array take three times as long as the copy.
    return np.ascontiguousarray(signal[:, :: round(RATE_HZ / ENVELOPE_HZ)])


def _differences(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (leads, samples - DIFFERENCE_SAMPLES)."""
    difference: NDArray[np.float32] = (
        signal[:, DIFFERENCE_SAMPLES:] - signal[:, :-DIFFERENCE_SAMPLES]
    )
    return difference


def _weights(slope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (leads,) the weights of squares of slopes."""
    size = np.abs(slope)
    steepness = order_statistic(size, int(0.98 * (size.shape[1] - 1))).astype(np.float64)
    weights = (lead_weights(steepness) * _peakedness(size, steepness) ** 2) ** 2
    return weights.astype(np.float32)


def _envelope(
    differences: NDArray[np.float32], weights: NDArray[np.float32], samples: int
) -> NDArray[np.float64]:
    """Return (samples,) how steeply all leads move together.

    differences  (leads, fewer than `samples`), as many missing before as after
    """
    from scipy.ndimage import uniform_filter1d

    half = (samples - differences.shape[1]) // 2
    velocity = np.zeros(samples)
    velocity[half : samples - half] = np.sqrt(weights @ np.square(differences))
    return np.asarray(uniform_filter1d(velocity, MEAN_SAMPLES, mode="nearest"), np.float64)


def _peakedness(size: NDArray[np.float32], steepness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (leads,) 1 for a lead with QRS complexes, and less for noise.

    size       (leads, samples) absolute slope
    steepness  (leads,) its 98th percentile

    The 98th percentile is 3.5 times the median in noise, whose slope is always of similar size, and
    10 times with QRS complexes. Nearly all leads count in full, which is found by counting, without
    the more expensive median.
    """
    middle_rank = size.shape[1] // 2
    limits = (steepness / PEAKED)[:, None].astype(np.float32)
    is_small = size <= limits
    small_counts = np.array([np.count_nonzero(lead) for lead in is_small])
    is_noisy = small_counts <= middle_rank
    peakedness = np.ones(len(size))
    if is_noisy.any():
        middle = order_statistic(size[is_noisy], middle_rank)
        ratio = steepness[is_noisy] / np.maximum(PEAKED * middle, 1e-12)
        peakedness[is_noisy] = np.minimum(1.0, ratio)
    return peakedness


def _block_level(envelope: NDArray[np.float64]) -> float:
    """Return the median of the maxima of about 3 s long blocks; a short recording is one block."""
    width = round(BLOCK_S * ENVELOPE_HZ)
    count = max(1, envelope.size // width)
    maxima = [block.max() for block in np.array_split(envelope, count)]
    return float(median(np.array(maxima)))


def _peaks_above(envelope: NDArray[np.float64], level: float) -> NDArray[np.intp]:
    from scipy.signal import find_peaks

    min_distance = round(APART_S * ENVELOPE_HZ)
    peaks: NDArray[np.intp]
    peaks, _ = find_peaks(envelope, height=max(level, 1e-12), distance=min_distance)
    return peaks


def _without_echoes(peaks: NDArray[np.intp], envelope: NDArray[np.float64]) -> NDArray[np.intp]:
    """Remove the peaks that are T waves."""
    peaks = peaks[~_are_echoes(peaks, envelope, *EARLY_ECHO)]
    late = _are_echoes(peaks, envelope, *LATE_ECHO)
    if late.sum() < LATE_ECHOES_SHARE * late.size:
        return peaks
    return peaks[~late]


def _are_echoes(
    peaks: NDArray[np.intp], envelope: NDArray[np.float64], within_s: float, share: float
) -> NDArray[np.bool_]:
    """Return (peaks,) which peaks follow the last beat so soon, and are so low, that they echo it.

    within_s  longest distance to the beat
    share     of the beat's height, below which a peak is an echo
    """
    is_echo = np.zeros(peaks.size, np.bool_)
    beat = None
    for index, peak in enumerate(peaks.tolist()):
        is_soon = beat is not None and peak - beat < within_s * ENVELOPE_HZ
        if is_soon and envelope[peak] < share * envelope[beat]:
            is_echo[index] = True
        else:
            beat = peak
    return is_echo
