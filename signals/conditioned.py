"""The filtered recording that beats and intervals are measured on: 500 Hz, without wander, smoothed against mains hum.

Computed once and shared by everything that looks for beats. Zero-phase throughout, so that onsets stay where they are.

scipy's filters and transforms take half a second to import, and every process of the server knows this and its neighbours, but only
signal workers filter: they are imported where they are used, which `analysis.warm_up.warm_up` does before somebody waits for it.
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
HIGH_PASS_HZ: Final = 0.6  # zero-phase, which moves ST and T less than 0.05 Hz with phase (IEC 60601-2-25 tests the latter)
MAX_RATIO: Final = (
    2000  # of a rational change of rate; odd rates beyond it are interpolated linearly
)
_BLOCK_SAMPLES: Final = 20  # 40 ms: the wander is estimated at 25 Hz, a twentieth of the work
_SETTLED_S: Final = 1.5  # the length of the filter's answer


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A recording made ready.

    signal  (leads, samples) float32 at RATE_HZ, high-passed and smoothed by a trapezoid of 11 taps (20 ms, null at 50 Hz);
            zero where nothing is there
    varying   (leads,) bool: with a signal that varies
    missing (samples,) bool: a gap that could not be bridged, in any lead that is varying
    """

    signal: NDArray[np.float32]
    varying: NDArray[np.bool_]
    missing: NDArray[np.bool_]


def condition(signal: NDArray[np.floating], fs: float) -> Conditioned:
    """(leads, samples) at any rate, NaN for gaps -> the filtered signal; infinite samples count as missing."""
    if signal.shape[1] == 0:
        return Conditioned(
            np.zeros(signal.shape, np.float32),
            np.zeros(len(signal), np.bool_),
            np.zeros(0, np.bool_),
        )
    filled, missing = _whole(
        signal if np.issubdtype(signal.dtype, np.floating) else signal.astype(np.float64), fs
    )
    # From the first sample on: single precision loses nothing of the heart under a large offset then.
    level = np.empty(filled.shape, np.float32)
    np.subtract(filled, filled[:, :1], out=level, casting="same_kind")
    varying = np.asarray(level.max(axis=1) > level.min(axis=1))
    at_rate = resample_to_500_hz(level, fs)
    gone = (
        np.zeros(at_rate.shape[1], np.bool_)
        if missing is None
        else _gone(missing[varying].any(axis=0), fs, at_rate.shape[1])
    )
    flat = without_wander(at_rate)
    flat[~varying] = 0.0
    return Conditioned(smooth(flat), varying, gone)


def _whole(
    signal: NDArray[np.floating], fs: float
) -> tuple[NDArray[np.floating], NDArray[np.bool_] | None]:
    """Every gap bridged, zero where a lead is nothing else; where the long ones were (leads, samples), None where there was none."""
    finite = np.isfinite(signal)
    if finite.all():
        return signal, None
    filled, missing = fill_short_gaps(np.where(finite, signal, np.nan).astype(np.float64), fs)
    return _bridged(filled, missing), missing


def resample_to_500_hz(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """(leads, n) at `fs` -> (leads, n') at RATE_HZ, band-limited; sample k stands at k / RATE_HZ seconds."""
    if fs == RATE_HZ or signal.shape[1] < 2:
        return signal
    ratio = Fraction(RATE_HZ / fs).limit_denominator(MAX_RATIO)
    if ratio.numerator <= MAX_RATIO and abs(float(ratio) * fs / RATE_HZ - 1) < 1e-9:
        from scipy.signal import resample_poly

        resampled: NDArray[np.float32] = resample_poly(
            signal, ratio.numerator, ratio.denominator, axis=1, padtype="line"
        )
        return resampled
    at = np.arange(int((signal.shape[1] - 1) * RATE_HZ / fs) + 1) * (fs / RATE_HZ)
    return np.stack([np.interp(at, np.arange(signal.shape[1]), row) for row in signal]).astype(
        np.float32
    )


def without_wander(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Minus what is slower than HIGH_PASS_HZ: block means at 25 Hz, low-passed there, and interpolated back."""
    samples = signal.shape[1]
    blocks = -(-samples // _BLOCK_SAMPLES)
    padded = signal
    if blocks * _BLOCK_SAMPLES != samples:
        padded = pad_edges(signal, 0, blocks * _BLOCK_SAMPLES - samples)
    means = padded.reshape(len(signal), blocks, _BLOCK_SAMPLES) @ np.full(
        _BLOCK_SAMPLES, 1.0 / _BLOCK_SAMPLES, np.float32
    )
    if blocks < 2:
        return np.asarray(signal - means.mean(axis=1, keepdims=True), np.float32)
    wander = _between_blocks(_slow(means.astype(np.float64)).astype(np.float32), samples)
    return np.subtract(signal, wander, out=wander)


def _slow(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(leads, blocks) low-passed at HIGH_PASS_HZ, there and back."""
    from scipy.signal import lfilter

    reach = min(round(_SETTLED_S * RATE_HZ / _BLOCK_SAMPLES), means.shape[1] - 1)
    padded = np.concatenate(
        [
            2 * means[:, :1] - means[:, reach:0:-1],
            means,
            2 * means[:, -1:] - means[:, -2 : -reach - 2 : -1],
        ],
        axis=1,
    )
    b, a, settled = _low_pass()
    for _ in range(2):
        padded = lfilter(b, a, padded, axis=1, zi=settled * padded[:, :1])[0][:, ::-1]
    return np.asarray(padded[:, reach : padded.shape[1] - reach], np.float64)


@cache
def _low_pass() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The filter's (b, a), of second order, and (2,) its state when it has settled at one."""
    from scipy.signal import butter, lfilter_zi

    b, a = butter(2, HIGH_PASS_HZ, fs=RATE_HZ / _BLOCK_SAMPLES)
    return b, a, lfilter_zi(b, a)


def _between_blocks(slow: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """(leads, blocks) at the blocks' middles -> (leads, samples), linearly, and on beyond the first and last middle."""
    leads, blocks = slow.shape
    share = ((np.arange(_BLOCK_SAMPLES) + 0.5) / _BLOCK_SAMPLES).astype(np.float32)
    half = _BLOCK_SAMPLES // 2
    out = np.empty((leads, blocks * _BLOCK_SAMPLES), np.float32)
    inner = out[:, half:-half].reshape(leads, blocks - 1, _BLOCK_SAMPLES)
    weights = np.stack([1.0 - share, share])
    np.matmul(np.stack([slow[:, :-1], slow[:, 1:]], axis=2), weights, out=inner)
    out[:, :half] = slow[:, :2] @ np.stack([2.0 - share[half:], share[half:] - 1.0])
    out[:, -half:] = slow[:, -2:] @ np.stack([-share[:half], 1.0 + share[:half]])
    return out[:, :samples]


def smooth(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """A trapezoid of 11 taps: a mean over 10 samples (null at 50 Hz) of the mean over 2, symmetric about each sample."""
    of_one = pad_edges(signal, 5, 4)
    of_two = of_one[:, :-1] + of_one[:, 1:]
    of_four = of_two[:, :-2] + of_two[:, 2:]
    of_eight = of_four[:, :-4] + of_four[:, 4:]
    of_ten: NDArray[np.float32] = of_eight[:, :-2] + of_two[:, 8:]
    of_ten[:, :-1] += of_ten[:, 1:]
    of_ten[:, -1] *= 2.0
    of_ten *= 0.05
    return of_ten


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


def _gone(missing: NDArray[np.bool_], fs: float, samples: int) -> NDArray[np.bool_]:
    """(n,) at `fs` -> (samples,) at RATE_HZ, of each the nearest."""
    at = np.rint(np.arange(samples) * (fs / RATE_HZ)).astype(np.intp)
    return np.asarray(missing[np.minimum(at, missing.size - 1)], np.bool_)
