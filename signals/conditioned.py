"""The filtered recording on which beats and intervals are measured.

It has 500 Hz, no baseline wander, and is smoothed against mains hum. It is computed once and shared
by everything that looks for beats. All filters are zero-phase, so that the onsets of waves do not
move.

scipy's filters and transforms take half a second to import. Every process of the server imports
this module, but only signal workers filter. The functions therefore import scipy where they use it,
and `analysis.warm_up.warm_up` runs them before the first request.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.ends import pad_edges
from signals.gaps import fill_short_gaps

RATE_HZ: Final = 500.0
# Zero-phase at this cutoff moves ST and T less than a filter with phase at 0.05 Hz does (the latter
# is what IEC 60601-2-25 tests).
HIGH_PASS_HZ: Final = 0.6
# Largest numerator and denominator of a rational change of rate. Other rates are interpolated
# linearly.
MAX_RATIO: Final = 2000
# 40 ms: the wander is estimated at 25 Hz, which is a twentieth of the work.
_BLOCK_SAMPLES: Final = 20
# The length of the low-pass filter's response.
_SETTLED_S: Final = 1.5


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A recording that is ready for the search for beats.

    signal   (leads, samples) float32 at RATE_HZ, high-passed and smoothed by a trapezoid of 11
             taps (20 ms, zero at 50 Hz); zero in leads without a signal
    varying  (leads,) whether the lead is not constant
    missing  (samples,) whether a lead that varies has a gap here that is too long to be filled
    unfiltered  (leads, samples) float32 at RATE_HZ, relative to each lead's first sample: neither
             high-passed nor smoothed, because both change amplitudes and ST levels
    """

    signal: NDArray[np.float32]
    varying: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    unfiltered: NDArray[np.float32]


def condition(signal: NDArray[np.floating], fs: float) -> Conditioned:
    """Filter a recording (leads, samples) of any rate, with NaN for gaps.

    Infinite samples count as missing.
    """
    if signal.shape[1] == 0:
        return Conditioned(
            signal=np.zeros(signal.shape, np.float32),
            varying=np.zeros(len(signal), np.bool_),
            missing=np.zeros(0, np.bool_),
            unfiltered=np.zeros(signal.shape, np.float32),
        )
    if not np.issubdtype(signal.dtype, np.floating):
        signal = signal.astype(np.float64)
    filled, missing = _fill_all_gaps(signal, fs)
    # Relative to the first sample: under a large offset, single precision would lose small waves.
    level = np.empty(filled.shape, np.float32)
    np.subtract(filled, filled[:, :1], out=level, casting="same_kind")
    varying = np.asarray(level.max(axis=1) > level.min(axis=1))
    resampled = resample_to_500_hz(level, fs)
    samples = resampled.shape[1]
    if missing is None:
        missing_samples = np.zeros(samples, np.bool_)
    else:
        missing_samples = _resample_mask(missing[varying].any(axis=0), fs, samples)
    filtered = remove_wander(resampled)
    filtered[~varying] = 0.0
    return Conditioned(smooth(filtered), varying, missing_samples, resampled)


def _fill_all_gaps(
    signal: NDArray[np.floating], fs: float
) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None]:
    """Fill every gap, of any length.

    Returns (filled, missing): `missing` (leads, samples) marks the long gaps, and is None if there
    is no gap at all. Leads without a sample are zero.
    """
    finite = np.isfinite(signal)
    if finite.all():
        return signal, None
    with_gaps = np.where(finite, signal, np.nan).astype(np.float64)
    filled, missing = fill_short_gaps(with_gaps, fs)
    return _fill_long_gaps(filled, missing), missing


def _fill_long_gaps(filled: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill the long gaps with straight lines, and leads without any sample with zeros.

    A straight line makes no beats, and a filter must not meet a NaN.
    """
    if not missing.any():
        return filled
    complete = filled.copy()
    for lead, gaps in zip(complete, missing, strict=True):
        if gaps.all():
            lead[:] = 0.0
        elif gaps.any():
            lead[gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), lead[~gaps])
    return complete


def resample_to_500_hz(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """Resample (leads, n) at `fs` to (leads, n') at RATE_HZ, band-limited.

    Sample k of the result is at k / RATE_HZ seconds. Returns `signal` itself if there is nothing to
    resample.
    """
    samples = signal.shape[1]
    if fs == RATE_HZ or samples < 2:
        return signal
    ratio = Fraction(RATE_HZ / fs).limit_denominator(MAX_RATIO)
    is_exact = abs(float(ratio) * fs / RATE_HZ - 1) < 1e-9
    if ratio.numerator <= MAX_RATIO and is_exact:
        from scipy.signal import resample_poly

        resampled: NDArray[np.float32] = resample_poly(
            signal, ratio.numerator, ratio.denominator, axis=1, padtype="line"
        )
        return resampled
    new_samples = int((samples - 1) * RATE_HZ / fs) + 1
    old_places = np.arange(samples)
    new_places = np.arange(new_samples) * (fs / RATE_HZ)
    interpolated = np.stack([np.interp(new_places, old_places, lead) for lead in signal])
    return interpolated.astype(np.float32)


def remove_wander(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract everything slower than HIGH_PASS_HZ from (leads, samples) at RATE_HZ.

    The wander is the block means at 25 Hz, low-passed and interpolated back to 500 Hz.
    """
    leads, samples = signal.shape
    blocks = -(-samples // _BLOCK_SAMPLES)
    padded_samples = blocks * _BLOCK_SAMPLES
    padded = signal
    if padded_samples != samples:
        padded = pad_edges(signal, 0, padded_samples - samples)
    # A product with a vector takes a tenth of the time of a mean over this short axis.
    weights = np.full(_BLOCK_SAMPLES, 1.0 / _BLOCK_SAMPLES, np.float32)
    block_means = padded.reshape(leads, blocks, _BLOCK_SAMPLES) @ weights
    if blocks < 2:
        return np.asarray(signal - block_means.mean(axis=1, keepdims=True), np.float32)
    slow = _low_pass(block_means.astype(np.float64))
    wander = _interpolate_blocks(slow.astype(np.float32), samples)
    return np.subtract(signal, wander, out=wander)


def _low_pass(block_means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Low-pass (leads, blocks) at HIGH_PASS_HZ, forwards and backwards."""
    from scipy.signal import lfilter

    settling_blocks = round(_SETTLED_S * RATE_HZ / _BLOCK_SAMPLES)
    reach = min(settling_blocks, block_means.shape[1] - 1)
    # Mirrored about the first and the last block, turned upside down: a slope continues straight.
    before = 2 * block_means[:, :1] - block_means[:, reach:0:-1]
    after = 2 * block_means[:, -1:] - block_means[:, -2 : -reach - 2 : -1]
    padded = np.concatenate([before, block_means, after], axis=1)
    b, a, settled = _low_pass_coefficients()
    for _ in range(2):
        filtered = lfilter(b, a, padded, axis=1, zi=settled * padded[:, :1])[0]
        # Reversed in time: the second pass goes backwards, and its result is reversed again.
        padded = filtered[:, ::-1]
    return np.asarray(padded[:, reach : padded.shape[1] - reach], np.float64)


@cache
def _low_pass_coefficients() -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]
]:
    """Return the second-order filter's (b, a), and its state (2,) after a long input of 1."""
    from scipy.signal import butter, lfilter_zi

    b, a = butter(2, HIGH_PASS_HZ, fs=RATE_HZ / _BLOCK_SAMPLES)
    return b, a, lfilter_zi(b, a)


def _interpolate_blocks(slow: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Interpolate (leads, blocks), values at the blocks' middles, to (leads, samples).

    Before the first middle and after the last one, the nearest line is extended.
    """
    leads, blocks = slow.shape
    half = _BLOCK_SAMPLES // 2
    # How far each sample between two middles is on its way from the first to the second.
    share = ((np.arange(_BLOCK_SAMPLES) + 0.5) / _BLOCK_SAMPLES).astype(np.float32)
    wander = np.empty((leads, blocks * _BLOCK_SAMPLES), np.float32)
    between_middles = wander[:, half:-half].reshape(leads, blocks - 1, _BLOCK_SAMPLES)
    # Products of small matrices, written in place: (leads, blocks - 1, 2) @ (2, block samples).
    neighbours = np.stack([slow[:, :-1], slow[:, 1:]], axis=2)
    weights = np.stack([1.0 - share, share])
    np.matmul(neighbours, weights, out=between_middles)
    start_weights = np.stack([2.0 - share[half:], share[half:] - 1.0])
    end_weights = np.stack([-share[:half], 1.0 + share[:half]])
    wander[:, :half] = slow[:, :2] @ start_weights
    wander[:, -half:] = slow[:, -2:] @ end_weights
    return wander[:, :samples]


def smooth(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Filter (leads, samples) with a trapezoid of 11 taps, symmetric about each sample.

    It is a mean over 10 samples, which is zero at 50 Hz, of a mean over 2. The sums over 2, 4, 8
    and 10 samples are built from each other, which takes five additions a sample. The last sample
    has the mean over 10 alone.
    """
    of_one = pad_edges(signal, 5, 4)
    of_two = of_one[:, :-1] + of_one[:, 1:]
    of_four = of_two[:, :-2] + of_two[:, 2:]
    of_eight = of_four[:, :-4] + of_four[:, 4:]
    of_ten: NDArray[np.float32] = of_eight[:, :-2] + of_two[:, 8:]
    of_ten[:, :-1] += of_ten[:, 1:]
    of_ten[:, -1] *= 2.0
    of_ten *= 0.05
    return of_ten


def _resample_mask(missing: NDArray[np.bool_], fs: float, samples: int) -> NDArray[np.bool_]:
    """Resample a mask (n,) at `fs` to (samples,) at RATE_HZ; each takes its nearest old sample."""
    nearest = np.rint(np.arange(samples) * (fs / RATE_HZ)).astype(np.intp)
    return np.asarray(missing[np.minimum(nearest, missing.size - 1)], np.bool_)
