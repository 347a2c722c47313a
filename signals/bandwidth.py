"""Where a recording's spectrum ends: whether it holds anything at 110 Hz, where pacing spikes have much of their power.

A recorder's amplifier alone leaves a few hundredths of a square microvolt per Hz there. Much less means that a filter, or a rate
that the recording had before, ended the spectrum lower; rounding to the converter's steps has a floor of its own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.order import median, order_statistic

BAND_HZ: Final = (102.0, 118.0)  # between the second harmonics of 50 and 60 Hz
WINDOW_S: Final = 1.0
STEP_WINDOWS: Final = 4  # that the converter's step is looked for in: hundreds of its differences of one step, and of none
FREQUENCIES: Final = 9  # 2 Hz apart, the width of a Hann window of 1 s
# A quarter of the quietest of 158 recordings of 500 Hz (LUDB, PTB-XL), 0.04; a fourth-order low-pass of 40 Hz leaves under 0.0001.
EMPTY_UV2_PER_HZ: Final = 0.01
OVER_ROUNDING: Final = (
    1.5  # times the power of rounding alone, step^2 / 12 spread over half the sampling rate
)
_MICROVOLT: Final = 1000.0
_NO_STEP_UV: Final = 0.01


def ends_below_100_hz(signal: NDArray[np.floating], fs: float) -> bool:
    """(leads, samples) in mV, NaN for gaps. True where the middle lead holds nothing around 110 Hz but rounding."""
    width = round(WINDOW_S * fs)
    if fs < 2 * BAND_HZ[1] or signal.shape[1] < width:
        return True
    count = signal.shape[1] // width
    windows = np.asarray(signal[:, : count * width], np.float32).reshape(len(signal), count, width)
    there = windows.max(axis=2) > windows.min(axis=2)  # neither constant nor with a gap
    if not there.any():
        return True
    first = int(there.any(axis=1).argmax())
    density = float(median(median(_density(windows, there, fs))))
    step_uv = _step(windows[first, there[first]][:STEP_WINDOWS])
    return density < max(EMPTY_UV2_PER_HZ, OVER_ROUNDING * step_uv**2 / 12 * 2 / fs)


def _density(
    windows: NDArray[np.float32], there: NDArray[np.bool_], fs: float
) -> NDArray[np.float64]:
    """(leads, windows, samples) in mV -> (leads with any, frequencies) one-sided power density, the mean over their Hann windows."""
    power = np.square(windows @ _waves(windows.shape[2], fs))
    power[~there] = 0.0
    density = (power[:, :, :FREQUENCIES] + power[:, :, FREQUENCIES:]).sum(axis=1)
    counts = there.sum(axis=1)
    return np.asarray(density[counts > 0] / counts[counts > 0, np.newaxis], np.float64)


@lru_cache(maxsize=8)  # a user's recordings come at few rates, a stranger's at any
def _waves(width: int, fs: float) -> NDArray[np.float32]:
    """(samples, 2 x frequencies): cosines and sines under a Hann window, such that squares add up to power density in uV^2 per Hz.

    Each about its mean, so that a window's own mean counts for nothing.
    """
    shape = np.hanning(width)
    waves = np.exp(2j * np.pi * np.arange(width)[:, None] * np.linspace(*BAND_HZ, FREQUENCIES) / fs)
    scale = np.sqrt(2 / (fs * np.square(shape).sum()))
    shaped = _MICROVOLT * scale * shape[:, None] * np.concatenate([waves.real, waves.imag], axis=1)
    return np.asarray(shaped - shaped.mean(axis=0), np.float32)


def _step(windows: NDArray[np.float32]) -> float:
    """The converter's step in microvolts: what nearly every difference of neighbours that is none reaches; 0 off any grid."""
    steps = np.abs(windows[:, 1:] - windows[:, :-1]).ravel() * _MICROVOLT
    steps = steps[steps > _NO_STEP_UV]
    return float(order_statistic(steps[None], steps.size // 100)[0]) if steps.size else 0.0
