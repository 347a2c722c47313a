"""Removal of pacing spikes and of the decay after them, before QRS complexes are measured.

A spike is replaced by a straight line over the samples that a running median would remove. The
discharge of the electrode leaves an exponential from the spike's end on, and the QRS complex begins
on top of it. Both are fitted together: the decay by one time constant for all leads, the complex by
a parabola and a cubic that start at the spike. Only the decay is subtracted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.spikes import LEADS_AT_ONCE, NARROW_MEDIAN_MS, Spikes

# Before and after a spike's highest sample: the two phases of a pulse, and the recorder's ringing.
REACH_MS: Final = 16.0
# Second-highest lead over the running median: a quarter of the minimum height of a spike.
STILL_SPIKE_MV: Final = 0.05
MARGIN_MS: Final = 2.0
# Before the spike: the level that it rises from.
LEVEL_MS: Final = 12.0
# Time constants that are tried. Discharges of implanted electrodes last some tens of ms.
DECAY_MS: Final = (3.0, 5.0, 8.0, 12.0, 18.0)
# After the spike: the decay, and the slow beginning of a paced QRS complex.
FIT_MS: Final = 48.0
# A smaller decay may as well be noise.
MIN_DECAY_MV: Final = 0.05
# About the R peak: what looks like a spike there is the tip of the QRS complex itself.
BEAT_MS: Final = (-12.0, 100.0)


def remove_spikes(
    signal: NDArray[np.floating], fs: float, spikes: Spikes, r_times_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a copy of a recording without the spikes that are not on a beat.

    signal     (leads, samples) in mV, NaN for gaps
    r_times_s  (beats,) R peaks in seconds
    """
    cleaned = np.array(signal, np.float64)
    for time_s in spikes.times_s.tolist():
        if _is_on_beat(time_s, r_times_s):
            continue
        first, last = _spike_extent(cleaned, round(time_s * fs), fs)
        if first > 0 and last + 1 < cleaned.shape[1]:
            _subtract_decay(cleaned, first, last, fs)
            _interpolate(cleaned, first, last)
    return cleaned


def _is_on_beat(time_s: float, r_times_s: NDArray[np.float64]) -> bool:
    after_r_ms = 1000.0 * (time_s - r_times_s)
    is_near = (after_r_ms >= BEAT_MS[0]) & (after_r_ms <= BEAT_MS[1])
    return bool(is_near.any())


def _spike_extent(signal: NDArray[np.float64], sample: int, fs: float) -> tuple[int, int]:
    """Return the first and last sample of the spike at `sample`, with a margin on either side."""
    from scipy.ndimage import median_filter

    reach = round(REACH_MS * fs / 1000)
    half = max(1, round(NARROW_MEDIAN_MS * fs / 2000))
    margin = max(1, round(MARGIN_MS * fs / 1000))
    # `half` further samples, so that the medians within reach are not those of a cut signal.
    start = max(0, sample - reach - half)
    around = np.nan_to_num(signal[:, start : sample + reach + half + 1])
    medians = median_filter(around, size=(1, 2 * half + 1), mode="nearest")
    heights = np.sort(np.abs(around - medians), axis=0)
    second_highest = heights[-min(LEADS_AT_ONCE, len(heights))]
    within_reach = second_highest[: sample - start + reach + 1]
    above = np.flatnonzero(within_reach >= STILL_SPIKE_MV)
    first = sample
    last = sample
    if above.size:
        first = start + int(above[0])
        last = start + int(above[-1])
    return max(0, first - margin), min(signal.shape[1] - 1, last + margin)


def _subtract_decay(signal: NDArray[np.float64], first: int, last: int, fs: float) -> None:
    """Subtract, in place from sample `last` on, the exponential decay after a spike.

    It is subtracted from the leads that show one. Nothing happens near a gap or an end.
    """
    samples = round(FIT_MS * fs / 1000)
    level_samples = max(2, round(LEVEL_MS * fs / 1000))
    before = signal[:, max(0, first - level_samples) : first]
    after = signal[:, last : last + samples]
    if before.shape[1] == 0 or after.shape[1] < samples:
        return
    if np.isnan(before).any() or np.isnan(after).any():
        return
    # (leads, samples) over the level before the spike
    risen = after - before.mean(axis=1, keepdims=True)
    heights, decay = _fit_decay(risen, fs)
    # The decay is at most as high as the signal at its beginning. More would turn the spike upside
    # down instead of removing it.
    beginnings = risen[:, 0]
    heights = np.clip(heights, np.minimum(beginnings, 0.0), np.maximum(beginnings, 0.0))
    heights = np.where(np.abs(heights) >= MIN_DECAY_MV, heights, 0.0)
    # The decay goes on after the fitted part.
    decay_samples = min(signal.shape[1] - last, round(5 * FIT_MS * fs / 1000))
    constant_ms = -1000.0 / fs / np.log(decay[1])
    times = -np.arange(decay_samples) * 1000.0 / fs / constant_ms
    signal[:, last : last + decay_samples] -= heights[:, None] * np.exp(times)


def _fit_decay(
    risen: NDArray[np.float64], fs: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit an exponential, a parabola and a cubic to (leads, samples), by least squares.

    Returns (heights, decay): the exponential's height in each lead (leads,), and its form
    (samples,) with the time constant, common to all leads, that leaves the least.
    """
    leads, samples = risen.shape
    times_ms = np.arange(samples) * 1000.0 / fs
    parabola = (times_ms / FIT_MS) ** 2
    cubic = (times_ms / FIT_MS) ** 3
    smallest_residual = np.inf
    heights = np.zeros(leads)
    decay = np.zeros(samples)
    for constant_ms in DECAY_MS:
        exponential = np.exp(-times_ms / constant_ms)
        basis = np.stack([exponential, parabola, cubic], axis=1)
        weights = np.linalg.lstsq(basis, risen.T, rcond=None)[0]
        residual = float(np.square(risen.T - basis @ weights).sum())
        if residual < smallest_residual:
            smallest_residual = residual
            heights = weights[0]
            decay = exponential
    return heights, decay


def _interpolate(signal: NDArray[np.float64], first: int, last: int) -> None:
    """Replace, in place, the samples from `first` to `last` by the line between these two.

    Written as start + rise * share, which leaves a constant lead at its value to the last bit.
    """
    share = np.linspace(0.0, 1.0, last - first + 1)
    start = signal[:, [first]]
    rise = signal[:, [last]] - start
    signal[:, first : last + 1] = start + rise * share
