"""A window of a recording split into bands, once, for everything that judges it.

The filters are masks on one spectrum: the bands of 12 leads cost a forward transform and an inverse one each, at no higher
rate than the band needs. A line through the ends is taken out first, so that the window's ends meet and no band sees a jump.
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

BEATS_RATE_HZ: Final = 125.0  # three times what the band holds
MUSCLE_RATE_HZ: Final = 250.0
SLOW_RATE_HZ: Final = 10.0
BASELINE_HZ: Final = (
    0.67  # AHA/ACC/HRS 2007: the cutoff of linear-phase filters that leave ST as it is
)
BEAT_HZ: Final = 40.0  # monitors' bandwidth; QRS complexes are seen well within it
MUSCLE_HZ: Final = 100.0
MAINS_HZ: Final = (50.0, 60.0)
MAINS_WIDTH_HZ: Final = 0.8  # either side; grids keep within 0.2 Hz, 10 s resolve 0.1
ENDS_S: Final = 0.04
CLIP_MV: Final = 1e4  # keeps squares finite in float32; no amplifier passes 10 V


@dataclass(frozen=True, eq=False)
class Bands:
    """One window in mV, or in whatever came.

    raw       (leads, samples) float32 at `fs`, gaps bridged by lines
    missing   (leads,) share of samples that were gaps
    baseline  (leads, samples at 10 Hz) under 0.67 Hz, with the line through the ends
    beats     (leads, samples at 125 Hz) 0.67-40 Hz
    muscle    (leads, samples at 250 Hz) 40-100 Hz without the mains; zero where `fs` holds no such band
    power     (leads, bins) of the spectrum, one-sided, so that its sum is the variance of the window
    hz        (bins,)
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
        return int(self.raw.shape[1]) / self.fs


def split(signal: NDArray[np.float32], fs: float) -> Bands:
    """(leads, samples) with NaN for gaps -> its bands."""
    from scipy.fft import next_fast_len, rfft

    raw, missing = _filled(signal, fs)
    samples = raw.shape[1]
    first, rise = _ends(raw, max(round(ENDS_S * fs), 1))
    size = next_fast_len(samples, real=True)
    level = rise * ramp(samples)
    level += first
    spectrum = rfft(np.subtract(raw, level, out=level), n=size, axis=1)
    hz = np.arange(spectrum.shape[1]) * (fs / size)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) * np.float32(2.0 / size / samples)
    seconds = samples / fs
    beats = _band(spectrum, fs, size, (BASELINE_HZ, BEAT_HZ), BEATS_RATE_HZ, seconds)
    muscle = _band(spectrum, fs, size, (BEAT_HZ, MUSCLE_HZ), MUSCLE_RATE_HZ, seconds)
    baseline = _band(spectrum, fs, size, (-1.0, BASELINE_HZ), SLOW_RATE_HZ, seconds)
    baseline += first + rise * ramp(baseline.shape[1])
    return Bands(fs, raw, missing, baseline, beats, muscle, power, hz)


def is_mains(hz: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(frequencies,) which belong to the mains."""
    apart: NDArray[np.floating] = np.abs(hz[:, np.newaxis] - MAINS_HZ)
    return np.asarray((apart <= MAINS_WIDTH_HZ).any(axis=1))


def _filled(
    signal: NDArray[np.float32], fs: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Gaps of any length bridged, leads without samples zero; the share that was missing."""
    gaps = np.isnan(signal)
    missing = np.zeros(len(signal))
    if gaps.any():
        missing = gaps.mean(axis=1)
        bridged, _ = fill_short_gaps(signal.astype(np.float64), fs, signal.shape[1] / fs + 1.0)
        signal = np.nan_to_num(bridged, nan=0.0).astype(np.float32)
    return np.clip(signal, -CLIP_MV, CLIP_MV), missing


def _ends(raw: NDArray[np.float32], ends: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(leads, 1) level at the start, and how far the end lies above it."""
    first, last = mean(raw[:, :ends]), mean(raw[:, -ends:])
    return first[:, np.newaxis], (last - first)[:, np.newaxis]


def _band(
    spectrum: NDArray[np.complex64],
    fs: float,
    size: int,
    band_hz: tuple[float, float],
    rate: float,
    seconds: float,
) -> NDArray[np.float32]:
    """`seconds` between two frequencies, at `rate`; without the mains above 40 Hz."""
    from scipy.fft import irfft

    samples = max(round(rate / (fs / size)), 8)
    kept = _kept(fs, size, band_hz, samples)
    found: NDArray[np.float32] = irfft(spectrum[:, : kept.size] * kept, n=samples, axis=1)
    return found[:, : max(round(seconds * rate), 8)]


@lru_cache(maxsize=32)  # three for each rate and length
def _kept(fs: float, size: int, band_hz: tuple[float, float], samples: int) -> NDArray[np.float32]:
    """(bins,) what each of the bins that `samples` hold is multiplied by: zero outside of the band, else what keeps the height."""
    hz = np.arange(min(samples // 2 + 1, size // 2 + 1), dtype=np.float64) * (fs / size)
    inside = (hz > band_hz[0]) & (hz <= band_hz[1]) & ~is_mains(hz)
    return inside.astype(np.float32) * np.float32(samples / size)
