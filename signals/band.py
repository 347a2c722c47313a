"""Another sampling rate and a pass-band in one step, in the frequency domain: the result does not depend on the rate it came from.

What a diagnostic ECG keeps after the usual filters (0.5-40 Hz) is kept; wander, mains hum and what lies between 40 Hz and the
recorder's own limit is gone. So a recording gives nearly the same samples whether it came filtered or not, and at any rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

EDGE_S: Final = 2.0  # mirrored at either end: the period of the lower limit, so that the ends ring outside of the recording
HIGH_PASS_ORDER: Final = (
    4  # of 1 / (1 + (f0 / f)^order): a second-order Butterworth run forwards and backwards
)


@dataclass(frozen=True)
class Band:
    """Hz. Half of the amplitude passes at `low`; everything up to `flat` passes, nothing from `high` on."""

    low: float
    flat: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.flat < self.high:
            raise ValueError("band: 0 < low < flat < high is needed")

    def response(self, hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Zero-phase gain at each frequency."""
        with np.errstate(divide="ignore"):
            above = 1.0 / (1.0 + (self.low / hz) ** HIGH_PASS_ORDER)
        fall = np.clip((hz - self.flat) / (self.high - self.flat), 0.0, 1.0)
        gain: NDArray[np.float64] = above * 0.5 * (1.0 + np.cos(np.pi * fall))
        return gain


def band_length(samples: int, fs: float, target_fs: float) -> int:
    """Samples that `samples` at `fs` become; a rounding error of the product costs none."""
    return int(samples * target_fs / fs + 1e-6)


def resample_in_band(
    signal: NDArray[np.float64], fs: float, target_fs: float, band: Band
) -> NDArray[np.float32]:
    """(leads, n) at `fs` -> (leads, n') at `target_fs`, filtered; finite throughout, in any unit."""
    from scipy.fft import irfft, rfft  # takes long to import, and only signal workers filter

    leads, samples = signal.shape
    length = band_length(samples, fs, target_fs)
    if length == 0:
        return np.zeros((leads, 0), np.float32)
    before, after = _edges(samples, fs, target_fs)
    spectrum = rfft(_mirrored(signal, before, after).astype(np.float32), axis=1)
    hz = np.arange(spectrum.shape[1]) * fs / (before + samples + after)
    spectrum *= band.response(hz).astype(np.float32)
    count = round((before + samples + after) * target_fs / fs)
    kept = irfft(_resized(spectrum, count // 2 + 1), count, axis=1)
    kept *= np.float32(count / (before + samples + after))
    start = round(before * target_fs / fs)
    cut: NDArray[np.float32] = np.ascontiguousarray(kept[:, start : start + length], np.float32)
    return cut


def _edges(samples: int, fs: float, target_fs: float) -> tuple[int, int]:
    """Samples before and after such that start and length fall on samples of the target, as nearly as can be."""
    around = np.arange(round(EDGE_S * fs), round((EDGE_S + 1.0) * fs) + 1)
    before = int(around[np.argmin(_off_grid(around * target_fs / fs))])
    after = int(around[np.argmin(_off_grid((before + samples + around) * target_fs / fs))])
    return before, after


def _off_grid(places: NDArray[np.floating]) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = np.abs(places - np.rint(places)).astype(np.float64).round(9)
    return distance


def _mirrored(signal: NDArray[np.float64], before: int, after: int) -> NDArray[np.float64]:
    """Each lead without its mean, mirrored at its ends and faded out: no step, neither there nor where the end meets the start.

    Not turned over as well, as filters often have it: an end within a QRS would lift everything beyond it.
    """
    level = signal - signal.mean(axis=1, keepdims=True)
    wide = (
        np.pad(level, ((0, 0), (before, after)), mode="reflect")
        if level.shape[1] > 1
        else level[:, :1]
    )
    if wide.shape[1] == 1:
        return np.zeros((len(signal), before + 1 + after))
    wide[:, :before] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(before) / before)
    wide[:, wide.shape[1] - after :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(after) / after)
    return wide


def _resized(spectrum: NDArray[np.complex64], bins: int) -> NDArray[np.complex64]:
    return (
        spectrum[:, :bins]
        if spectrum.shape[1] >= bins
        else np.pad(spectrum, ((0, 0), (0, bins - spectrum.shape[1])))
    )
