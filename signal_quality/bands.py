"""A window of a recording, split into frequency bands once for everything that judges it.

The filters are masks on one spectrum. The bands of 12 leads cost one forward transform and one
inverse transform each, at no higher rate than the band needs. The line through the ends is
subtracted first, so that the window's ends meet and no band contains a jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.ends import ramp
from signals.gaps import fill_short_gaps
from signals.order import mean

# Three times the highest frequency of the band.
BEATS_RATE_HZ: Final = 125.0
MUSCLE_RATE_HZ: Final = 250.0
SLOW_RATE_HZ: Final = 10.0
# AHA/ACC/HRS 2007: the cutoff up to which linear-phase filters leave the ST segment as it is.
BASELINE_HZ: Final = 0.67
# The bandwidth of monitors. QRS complexes are visible well within it.
BEAT_HZ: Final = 40.0
MUSCLE_HZ: Final = 100.0
MAINS_HZ: Final = (50.0, 60.0)
# On either side. Grids stay within 0.2 Hz, and 10 s resolve 0.1 Hz.
MAINS_WIDTH_HZ: Final = 0.8
# Duration over which the level at each end is averaged.
ENDS_S: Final = 0.04
# Keeps squares finite in float32. No amplifier passes 10 V.
CLIP_MV: Final = 1e4
# Shortest band, in samples.
_MIN_SAMPLES: Final = 8


@dataclass(frozen=True, eq=False)
class Bands:
    """One window, in mV or in the sender's unit.

    raw       (leads, samples) at `fs`, with gaps filled by straight lines
    missing   (leads,) share of the samples that were missing
    baseline  (leads, samples at 10 Hz) below 0.67 Hz, with the line through the ends
    beats     (leads, samples at 125 Hz) 0.67-40 Hz
    muscle    (leads, samples at 250 Hz) 40-100 Hz without the mains; zero if `fs` is too low for it
    power     (leads, bins) one-sided power; its sum is the variance of the window
    hz        (bins,) frequencies of the power
    """

    fs: float
    raw: NDArray[np.float32]
    missing: NDArray[np.float64]
    baseline: NDArray[np.float32]
    beats: NDArray[np.float32]
    muscle: NDArray[np.float32]
    power: NDArray[np.float32]
    hz: NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """The length of the window."""
        samples = int(self.raw.shape[1])
        return samples / self.fs


def split_bands(signal: NDArray[np.float32], fs: float) -> Bands:
    """Split (leads, samples), with NaN for gaps, into its bands."""
    from scipy.fft import next_fast_len, rfft

    raw, missing = _fill_gaps(signal, fs)
    samples = raw.shape[1]
    end_samples = max(round(ENDS_S * fs), 1)
    first, rise = _end_levels(raw, end_samples)
    # In place, to save arrays of this size: the line through the ends, then the signal without it.
    level = rise * ramp(samples)
    level += first
    np.subtract(raw, level, out=level)
    size = next_fast_len(samples, real=True)
    spectrum = rfft(level, n=size, axis=1)
    step_hz = fs / size
    hz = np.arange(spectrum.shape[1]) * step_hz
    squares = np.square(spectrum.real) + np.square(spectrum.imag)
    power = squares * np.float32(2.0 / size / samples)
    seconds = samples / fs
    beats = _band(spectrum, fs, size, (BASELINE_HZ, BEAT_HZ), BEATS_RATE_HZ, seconds)
    muscle = _band(spectrum, fs, size, (BEAT_HZ, MUSCLE_HZ), MUSCLE_RATE_HZ, seconds)
    baseline = _band(spectrum, fs, size, (-1.0, BASELINE_HZ), SLOW_RATE_HZ, seconds)
    baseline += first + rise * ramp(baseline.shape[1])
    return Bands(fs, raw, missing, baseline, beats, muscle, power, hz)


def is_mains(hz: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return (frequencies,) which frequencies belong to the mains."""
    # (frequencies, 50 and 60 Hz)
    distance: NDArray[np.floating] = np.abs(hz[:, np.newaxis] - MAINS_HZ)
    is_near = distance <= MAINS_WIDTH_HZ
    return np.asarray(is_near.any(axis=1))


def _fill_gaps(
    signal: NDArray[np.float32], fs: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Fill gaps of any length with straight lines, and leads without samples with zeros.

    Returns (leads, samples) within the clipping limits, and (leads,) the share that was missing.
    """
    gaps = np.isnan(signal)
    missing = np.zeros(len(signal))
    if gaps.any():
        missing = gaps.mean(axis=1)
        samples = signal.shape[1]
        longer_than_window_s = samples / fs + 1.0
        in_double = signal.astype(np.float64)
        filled, _ = fill_short_gaps(in_double, fs, longer_than_window_s)
        signal = np.nan_to_num(filled, nan=0.0).astype(np.float32)
    return np.clip(signal, -CLIP_MV, CLIP_MV), missing


def _end_levels(
    raw: NDArray[np.float32], end_samples: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the level of each lead at its start, and the rise from there to its end.

    Both are (leads, 1), from means over `end_samples` of (leads, samples).
    """
    first = mean(raw[:, :end_samples])
    last = mean(raw[:, -end_samples:])
    rise = last - first
    return first[:, np.newaxis], rise[:, np.newaxis]


def _band(
    spectrum: NDArray[np.complex64],
    fs: float,
    size: int,
    band_hz: tuple[float, float],
    rate: float,
    seconds: float,
) -> NDArray[np.float32]:
    """Return (leads, samples at `rate`) the part of a spectrum between two frequencies.

    spectrum  (leads, bins) of `size` samples at `fs`
    seconds   the length of the window, without the zeros after it
    """
    from scipy.fft import irfft

    # A whole number, so the actual rate may differ slightly from `rate`.
    samples = max(round(rate / (fs / size)), _MIN_SAMPLES)
    weights = _bin_weights(fs, size, band_hz, samples)
    masked = spectrum[:, : weights.size] * weights
    band: NDArray[np.float32] = irfft(masked, n=samples, axis=1)
    kept_samples = max(round(seconds * rate), _MIN_SAMPLES)
    return band[:, :kept_samples]


# Three bands for each rate and length.
@lru_cache(maxsize=32)
def _bin_weights(
    fs: float, size: int, band_hz: tuple[float, float], samples: int
) -> NDArray[np.float32]:
    """Return (bins,) the factor of each bin that a band of `samples` can hold.

    It is zero outside the band and at the mains. Elsewhere it corrects for the transform's change
    of length, which would change amplitudes.
    """
    bins = min(samples // 2 + 1, size // 2 + 1)
    hz = np.arange(bins, dtype=np.float64) * (fs / size)
    low, high = band_hz
    inside = (hz > low) & (hz <= high) & ~is_mains(hz)
    return inside.astype(np.float32) * np.float32(samples / size)
