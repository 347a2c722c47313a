"""Whether a recording's spectrum reaches 110 Hz, where pacing spikes have much of their power.

The amplifier of a recorder alone leaves a few hundredths of a square microvolt per Hz there. Much
less power means that a filter, or a lower sampling rate in the past, ended the spectrum before. The
rounding to the converter's steps has another noise floor, which must be distinguished from it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.order import median, order_statistic

# Between the second harmonics of 50 and 60 Hz.
BAND_HZ: Final = (102.0, 118.0)
WINDOW_S: Final = 1.0
# Windows in which the converter's step is searched. They hold hundreds of differences of one step,
# and hundreds of zero.
STEP_WINDOWS: Final = 4
# 2 Hz apart, the width of a Hann window of 1 s.
FREQUENCIES: Final = 9
# A quarter of the quietest of 158 recordings at 500 Hz (LUDB, PTB-XL), which has 0.04. A
# fourth-order low-pass filter at 40 Hz leaves less than 0.0001.
EMPTY_UV2_PER_HZ: Final = 0.01
# Times the power density of rounding alone: step^2 / 12, spread over half the sampling rate.
OVER_ROUNDING: Final = 1.5
_MICROVOLT: Final = 1000.0
_NO_STEP_UV: Final = 0.01


def ends_below_100_hz(signal: NDArray[np.floating], fs: float) -> bool:
    """Return whether the middle lead holds no power around 110 Hz except that of rounding.

    signal  (leads, samples) in mV, NaN for gaps
    True also for a sampling rate, a length or a content that cannot show any.
    """
    width = round(WINDOW_S * fs)
    if fs < 2 * BAND_HZ[1] or signal.shape[1] < width:
        return True
    count = signal.shape[1] // width
    whole_windows = np.asarray(signal[:, : count * width], np.float32)
    windows = whole_windows.reshape(len(signal), count, width)
    # Comparisons with NaN are false, so this leaves out constant windows and those with a gap.
    usable = windows.max(axis=2) > windows.min(axis=2)
    if not usable.any():
        return True
    density = float(median(median(_power_density(windows, usable, fs))))
    first_lead = int(usable.any(axis=1).argmax())
    step_uv = _converter_step_uv(windows[first_lead, usable[first_lead]][:STEP_WINDOWS])
    return density < max(EMPTY_UV2_PER_HZ, OVER_ROUNDING * step_uv**2 / 12 * 2 / fs)


def _power_density(
    windows: NDArray[np.float32], usable: NDArray[np.bool_], fs: float
) -> NDArray[np.float64]:
    """Return the one-sided power density in uV^2 per Hz, the mean over the usable windows.

    windows  (leads, windows, samples) in mV
    usable   (leads, windows)
    Returns (leads with a usable window, frequencies).
    """
    projections = windows @ _waves(windows.shape[2], fs)
    power = np.square(projections)
    power[~usable] = 0.0
    cosine_power = power[:, :, :FREQUENCIES]
    sine_power = power[:, :, FREQUENCIES:]
    density = (cosine_power + sine_power).sum(axis=1)
    counts = usable.sum(axis=1)
    return np.asarray(density[counts > 0] / counts[counts > 0, np.newaxis], np.float64)


# One client's recordings come at few rates, but any rate is possible.
@lru_cache(maxsize=8)
def _waves(width: int, fs: float) -> NDArray[np.float32]:
    """Return (samples, 2 x frequencies): cosines, then sines, under a Hann window.

    They are scaled so that the sum of squares of a window's products with a cosine and its sine is
    the power density in uV^2 per Hz, for a window in mV. The mean of each is zero, so that the mean
    of a window has no influence.
    """
    hann = np.hanning(width)
    frequencies = np.linspace(*BAND_HZ, FREQUENCIES)
    waves = np.exp(2j * np.pi * np.arange(width)[:, None] * frequencies / fs)
    scale = np.sqrt(2 / (fs * np.square(hann).sum()))
    both = np.concatenate([waves.real, waves.imag], axis=1)
    shaped = _MICROVOLT * scale * hann[:, None] * both
    return np.asarray(shaped - shaped.mean(axis=0), np.float32)


def _converter_step_uv(windows: NDArray[np.float32]) -> float:
    """Return the converter's step in microvolts; near 0 for values that lie on no grid.

    windows  (windows, samples) in mV, of one lead
    The step is nearly the smallest difference of two neighbouring samples that differ: its first
    percentile, because a few may be smaller.
    """
    differences_uv = np.abs(windows[:, 1:] - windows[:, :-1]).ravel() * _MICROVOLT
    steps_uv = differences_uv[differences_uv > _NO_STEP_UV]
    if steps_uv.size == 0:
        return 0.0
    return float(order_statistic(steps_uv[None], steps_uv.size // 100)[0])
