"""The filtered recording that beats and intervals are measured on: 500 Hz, without wander, smoothed against mains hum.

Computed once and shared by everything that looks for beats. Zero-phase throughout, so that onsets stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, resample_poly, sosfiltfilt

from signals.gaps import fill_short_gaps
from signals.leads import is_constant

RATE_HZ: Final = 500.0
HIGH_PASS_HZ: Final = 0.6  # zero-phase, which moves ST and T less than 0.05 Hz with phase (IEC 60601-2-25 tests the latter)
MAX_RATIO: Final = 2000  # of a rational change of rate; odd rates beyond it are interpolated linearly
_BLOCK_SAMPLES: Final = 10  # 20 ms: the wander is estimated at 50 Hz, a tenth of the work


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A recording made ready.

    signal  (leads, samples) float64 at RATE_HZ, high-passed and smoothed by a trapezoid of 11 taps (20 ms, null at 50 Hz);
            zero where nothing is there
    alive   (leads,) bool: with a signal that varies
    missing (samples,) bool: a gap that could not be bridged, in any lead that is alive
    """

    signal: NDArray[np.float64]
    alive: NDArray[np.bool_]
    missing: NDArray[np.bool_]


def condition(signal: NDArray[np.floating], fs: float) -> Conditioned:
    """(leads, samples) at any rate, NaN for gaps -> the filtered signal; infinite samples count as missing."""
    raw = np.asarray(signal, np.float64)
    raw = np.where(np.isfinite(raw), raw, np.nan)
    filled, missing = fill_short_gaps(raw, fs)
    alive = np.array([bool((~gone).any()) and not is_constant(row) for row, gone in zip(filled, missing, strict=True)], np.bool_)
    filled = _bridged(filled, missing)
    if raw.shape[1] == 0:
        return Conditioned(raw, alive, np.zeros(0, np.bool_))
    at_rate, gone = to_rate(filled, fs), _mask_to_rate(np.asarray(missing[alive].any(axis=0)), fs)
    gone = np.pad(gone, (0, max(0, at_rate.shape[1] - gone.size)), mode="edge") if gone.size else np.zeros(at_rate.shape[1], np.bool_)
    flat = without_wander(at_rate)
    flat[~alive] = 0.0
    return Conditioned(smooth(flat), alive, gone[: at_rate.shape[1]])


def to_rate(signal: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """(leads, n) at `fs` -> (leads, n') at RATE_HZ, band-limited; sample k stands at k / RATE_HZ seconds."""
    if fs == RATE_HZ or signal.shape[1] < 2:
        return signal
    ratio = Fraction(RATE_HZ / fs).limit_denominator(MAX_RATIO)
    if ratio.numerator <= MAX_RATIO and abs(float(ratio) * fs / RATE_HZ - 1) < 1e-9:
        resampled: NDArray[np.float64] = resample_poly(signal, ratio.numerator, ratio.denominator, axis=1, padtype="line")
        return resampled
    at = np.arange(int((signal.shape[1] - 1) * RATE_HZ / fs) + 1) * (fs / RATE_HZ)
    return np.stack([np.interp(at, np.arange(signal.shape[1]), row) for row in signal])


def without_wander(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus what is slower than HIGH_PASS_HZ: block means at 50 Hz, low-passed there, and interpolated back."""
    samples = signal.shape[1]
    blocks = -(-samples // _BLOCK_SAMPLES)
    padded = np.pad(signal, ((0, 0), (0, blocks * _BLOCK_SAMPLES - samples)), mode="edge")
    means = padded.reshape(len(signal), blocks, _BLOCK_SAMPLES).mean(axis=2)
    sos = butter(2, HIGH_PASS_HZ, fs=RATE_HZ / _BLOCK_SAMPLES, output="sos")
    if blocks < 2:
        return np.asarray(signal - means.mean(axis=1, keepdims=True), np.float64)
    # Padded by a second and a half, the length of the filter's answer, where the recording allows.
    slow = sosfiltfilt(sos, means, axis=1, padlen=min(75, blocks - 1))
    place = (np.arange(samples) - (_BLOCK_SAMPLES - 1) / 2) / _BLOCK_SAMPLES
    left = np.clip(place.astype(np.intp), 0, blocks - 2)
    share = place - left
    wander: NDArray[np.float64] = slow.take(left, axis=1) * (1 - share) + slow.take(left + 1, axis=1) * share
    return np.asarray(signal - wander, np.float64)


def smooth(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """A trapezoid of 11 taps: a mean over 10 samples (null at 50 Hz) of the mean over 2, symmetric about each sample."""
    once: NDArray[np.float64] = uniform_filter1d(signal, 10, axis=1, mode="nearest")
    return np.asarray(uniform_filter1d(once, 2, axis=1, mode="nearest", origin=-1), np.float64)


def _bridged(filled: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Long gaps bridged too: a straight line makes no beats, and a filter must not meet a NaN. Zero where all is gone."""
    if not missing.any():
        return filled
    bridged = filled.copy()
    for row, gone in zip(bridged, missing, strict=True):
        if gone.all():
            row[:] = 0.0
        elif gone.any():
            row[gone] = np.interp(np.flatnonzero(gone), np.flatnonzero(~gone), row[~gone])
    return bridged


def _mask_to_rate(missing: NDArray[np.bool_], fs: float) -> NDArray[np.bool_]:
    if fs == RATE_HZ or missing.size == 0:
        return missing
    at = np.arange(int((missing.size - 1) * RATE_HZ / fs) + 1) * (fs / RATE_HZ)
    return np.asarray(missing[np.minimum(np.rint(at).astype(np.intp), missing.size - 1)], np.bool_)
