"""Resampling and band-pass filtering in one step, in the frequency domain.

The result does not depend on the sampling rate of the recording. The band that the usual filters of
a diagnostic ECG leave (0.5-40 Hz) passes; baseline wander, mains hum and everything between 40 Hz
and the recorder's own limit are removed. A recording therefore gives nearly the same samples
whether or not it was filtered before, and at any sampling rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Mirrored at each end: the period of the usual lower limit of 0.5 Hz, so that the filter rings
# outside the recording.
EDGE_S: Final = 2.0
# The gain is 1 / (1 + (f0 / f)^order), as of a second-order Butterworth filter that runs forwards
# and backwards.
HIGH_PASS_ORDER: Final = 4


@dataclass(frozen=True)
class Band:
    """A pass-band in Hz: gain 0.5 at `low`, 1 up to `flat`, and 0 from `high` on.

    Raises ValueError unless 0 < low < flat < high.
    """

    low: float
    flat: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.flat < self.high:
            raise ValueError(
                f"band: low {self.low:g}, flat {self.flat:g}, high {self.high:g};"
                " they must satisfy 0 < low < flat < high"
            )

    def response(self, hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the zero-phase gain at each frequency."""
        # At 0 Hz the division gives infinity, and the gain becomes exactly 0.
        with np.errstate(divide="ignore"):
            high_pass = 1.0 / (1.0 + (self.low / hz) ** HIGH_PASS_ORDER)
        # A raised cosine from 1 at `flat` to 0 at `high`.
        transition = np.clip((hz - self.flat) / (self.high - self.flat), 0.0, 1.0)
        gain: NDArray[np.float64] = high_pass * 0.5 * (1.0 + np.cos(np.pi * transition))
        return gain


def band_length(samples: int, fs: float, target_fs: float) -> int:
    """Return the number of samples that `resample_in_band` makes of `samples` at `fs`."""
    # The margin keeps the last sample when the product is just under a whole number.
    return int(samples * target_fs / fs + 1e-6)


def resample_in_band(
    signal: NDArray[np.float64], fs: float, target_fs: float, band: Band
) -> NDArray[np.float32]:
    """Filter a signal to a pass-band and resample it from `fs` to `target_fs`.

    signal  (leads, n), in any unit; every sample must be finite
    Returns (leads, band_length(n, fs, target_fs)) in C order.
    """
    # Imported here because it takes long, and of all processes only signal workers filter.
    from scipy.fft import irfft, rfft

    leads, samples = signal.shape
    length = band_length(samples, fs, target_fs)
    if length == 0:
        return np.zeros((leads, 0), np.float32)
    before, after = _edge_samples(samples, fs, target_fs)
    padded_samples = before + samples + after
    mirrored = _mirror_ends(signal, before, after)
    spectrum = rfft(mirrored.astype(np.float32), axis=1)
    hz = np.arange(spectrum.shape[1]) * fs / padded_samples
    spectrum *= band.response(hz).astype(np.float32)
    # The inverse transform of more or fewer bins has more or fewer samples in the same time.
    target_samples = round(padded_samples * target_fs / fs)
    resized = _resize_spectrum(spectrum, target_samples // 2 + 1)
    resampled = irfft(resized, target_samples, axis=1)
    resampled *= np.float32(target_samples / padded_samples)
    start = round(before * target_fs / fs)
    inside = resampled[:, start : start + length]
    contiguous: NDArray[np.float32] = np.ascontiguousarray(inside, np.float32)
    return contiguous


def _edge_samples(samples: int, fs: float, target_fs: float) -> tuple[int, int]:
    """Return the numbers of samples to mirror before and after the recording.

    They are 2 to 3 s each, chosen so that the recording's start and the padded length come as close
    as possible to samples of the target rate. A start between two samples would shift the signal.
    """
    candidates = np.arange(round(EDGE_S * fs), round((EDGE_S + 1.0) * fs) + 1)
    starts = candidates * target_fs / fs
    before = int(candidates[np.argmin(_distance_to_integer(starts))])
    lengths = (before + samples + candidates) * target_fs / fs
    after = int(candidates[np.argmin(_distance_to_integer(lengths))])
    return before, after


def _distance_to_integer(places: NDArray[np.floating]) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = np.abs(places - np.rint(places)).astype(np.float64)
    # Rounded, so that rounding errors do not decide between equally good places: the first wins.
    return distance.round(9)


def _mirror_ends(signal: NDArray[np.float64], before: int, after: int) -> NDArray[np.float64]:
    """Subtract each lead's mean, mirror its ends, and fade the mirrored parts out.

    (leads, samples) -> (leads, before + samples + after). The fading leaves no step where the
    periodic transform joins the end to the start. The mirrored parts are not turned upside down, as
    many filters do: an end within a QRS complex would then lift everything beyond it.
    """
    level = signal - signal.mean(axis=1, keepdims=True)
    if level.shape[1] == 1:
        return np.zeros((len(signal), before + 1 + after))
    padded = np.pad(level, ((0, 0), (before, after)), mode="reflect")
    fade_in = 0.5 - 0.5 * np.cos(np.pi * np.arange(before) / before)
    fade_out = 0.5 + 0.5 * np.cos(np.pi * np.arange(after) / after)
    padded[:, :before] *= fade_in
    padded[:, padded.shape[1] - after :] *= fade_out
    return padded


def _resize_spectrum(spectrum: NDArray[np.complex64], bins: int) -> NDArray[np.complex64]:
    """Cut a spectrum (leads, bins), or extend it with zeros, to `bins`."""
    missing_bins = bins - spectrum.shape[1]
    if missing_bins <= 0:
        return spectrum[:, :bins]
    return np.pad(spectrum, ((0, 0), (0, missing_bins)))
