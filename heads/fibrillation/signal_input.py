"""Windows of single leads as the detector of ventricular fibrillation reads them: whole, filtered.

Every row is processed on its own: no value of a row depends on the other rows, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

WATCH_HZ: Final = 125.0
# The definition of the alarm is an oscillating waveform for 4 s (Clifford et al., Computing in
# Cardiology 2015), so that is what is judged.
WINDOW_S: Final = 4.0
WINDOW_SAMPLES: Final = round(WINDOW_S * WATCH_HZ)
# A lead that is off, or whose amplifier saturates, gives one value again and again.
CONSTANT_S: Final = 0.2
MIN_KNOWN: Final = 0.9  # share of the window
# Peak to peak. The 12-bit recorders of the training data have steps of 0.0025 to 0.005 mV.
FLAT_MV: Final = 0.02
# Below the fastest fibrillation the high-pass takes respiration and wander away, above it the
# low-pass takes muscle and mains noise away. Gain 0.5 at HIGH_PASS_HZ; 1 up to LOW_PASS_HZ, 0 from
# STOP_HZ on.
HIGH_PASS_HZ: Final = 1.0
HIGH_PASS_ORDER: Final = 4
LOW_PASS_HZ: Final = 25.0
STOP_HZ: Final = 35.0
END_SAMPLES: Final = 12  # the level of an end is the mean of 0.1 s


@dataclass(frozen=True, eq=False)
class Filtered:
    """Windows after the filter.

    level     (rows, samples) mV before the filter, without its mean and without its slope
    power     (rows, bins) of `level`, in bins of 1 / WINDOW_S Hz
    passed    (rows, bins) of `signal`
    signal    (rows, samples) mV after the filter
    """

    level: Rows
    power: Rows
    passed: Rows
    signal: Rows


def whole_windows(windows: Rows) -> tuple[Rows, NDArray[np.intp]]:
    """Return the windows that can be judged, with their gaps filled, and their row numbers.

    windows  (rows, WINDOW_SAMPLES) mV, NaN for gaps
    A window is left out if less than MIN_KNOWN of it is known, or if it is flat. Runs of one value
    that last CONSTANT_S are gaps. Gaps are filled linearly, at the ends with the nearest sample.
    """
    known = ~(np.isnan(windows) | constant_runs(windows, WATCH_HZ))
    enough = known.sum(axis=1) >= MIN_KNOWN * WINDOW_SAMPLES
    rows = np.flatnonzero(enough)
    chosen, known = windows[rows], known[rows]
    partial = np.flatnonzero(~known.all(axis=1))
    if partial.size:
        chosen[partial] = _filled(chosen[partial], known[partial])
    is_flat = chosen.max(axis=1, initial=-np.inf) - chosen.min(axis=1, initial=np.inf) < FLAT_MV
    return chosen[~is_flat], rows[~is_flat]


def constant_runs(signal: NDArray[np.floating], fs: float) -> NDArray[np.bool_]:
    """Return (rows, samples) whether a sample is in a run of one value of CONSTANT_S or more.

    A resampling filter lets such a run ring: it is better looked for at the rate of the source.
    """
    constant = np.zeros(signal.shape, np.bool_)
    run = round(CONSTANT_S * fs) - 1
    is_step = signal[:, 1:] == signal[:, :-1]
    # Most rows have no such run. Any has a whole part of a third of its length.
    part = run // 3
    parts = is_step[:, : is_step.shape[1] // part * part].reshape(len(signal), -1, part)
    rows = np.flatnonzero(parts.all(axis=2).any(axis=1))
    if rows.size == 0:
        return constant
    count = np.zeros((rows.size, signal.shape[1]), np.int32)
    np.cumsum(is_step[rows], axis=1, out=count[:, 1:])
    full = count[:, run:] - count[:, :-run] == run
    for shift in range(run + 1):
        constant[rows, shift : shift + full.shape[1]] |= full
    return constant


def _filled(windows: Rows, known: NDArray[np.bool_]) -> Rows:
    """Return windows whose unknown samples are interpolated; each row has a known one."""
    last = windows.shape[1] - 1
    places = np.arange(last + 1)
    before = np.maximum.accumulate(np.where(known, places, -1), axis=1)
    reverse = np.where(known, places, last + 1)[:, ::-1]
    after = np.minimum.accumulate(reverse, axis=1)[:, ::-1]
    before, after = np.where(before < 0, after, before), np.where(after > last, before, after)
    left = np.take_along_axis(windows, before, axis=1)
    right = np.take_along_axis(windows, after, axis=1)
    share = (places - before) / np.maximum(after - before, 1)
    filled: Rows = left + (right - left) * share.astype(np.float32)
    return filled


def filtered(windows: Rows) -> Filtered:
    """Return whole windows (rows, WINDOW_SAMPLES), filtered without delay."""
    # Imported here because it takes long, and only the watch and training filter.
    from scipy.fft import irfft, rfft

    level = windows - windows.mean(axis=1, keepdims=True)
    ends = [level[:, part].mean(axis=1, keepdims=True) for part in (_START, _END)]
    level -= (ends[1] - ends[0]) * _RAMP
    spectrum = rfft(level, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    signal = irfft(spectrum * GAIN, WINDOW_SAMPLES, axis=1)
    return Filtered(level, power, power * (GAIN * GAIN), signal)


def _gain() -> Rows:
    with np.errstate(divide="ignore"):  # at 0 Hz the gain becomes exactly 0
        high_pass = 1.0 / (1.0 + (HIGH_PASS_HZ / BIN_HZ) ** HIGH_PASS_ORDER)
    transition = np.clip((BIN_HZ - LOW_PASS_HZ) / (STOP_HZ - LOW_PASS_HZ), 0.0, 1.0)
    gain: NDArray[Any] = high_pass * 0.5 * (1.0 + np.cos(np.pi * transition))
    return gain.astype(np.float32)


BIN_HZ: Final = np.arange(WINDOW_SAMPLES // 2 + 1) / WINDOW_S
GAIN: Final = _gain()
_START: Final = slice(0, END_SAMPLES)
_END: Final = slice(WINDOW_SAMPLES - END_SAMPLES, WINDOW_SAMPLES)
_RAMP: Final = np.linspace(-0.5, 0.5, WINDOW_SAMPLES, dtype=np.float32)
