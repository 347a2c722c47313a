"""One lead as the one-lead model reads it: 100 Hz, filtered, without a unit, and upright.

A hand-held device is often held the other way round. The lead is turned so that its largest
deflections point upwards, so that a recording and the same one upside down have the same input.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.band import Band, resample_in_band
from signals.gaps import MAX_FILLED_GAP_S, fill_short_gaps
from signals.units import qrs_heights

INPUT_HZ: Final = 100.0
# AliveCor's recordings hold 0.5 to 40 Hz (Clifford et al., Computing in Cardiology 2017), and a
# recording at 100 Hz has nothing above 50 Hz.
BAND: Final = Band(low=0.5, flat=35.0, high=45.0)
# Of a typical QRS complex's height, which is 1. Artefacts are higher.
LARGEST: Final = 4.0


def lead_input(lead: NDArray[np.floating], fs: float) -> NDArray[np.float32] | None:
    """Return a lead (samples,) in any unit, with NaN for gaps, as the model's input (n,).

    Its typical QRS height is 1. Long gaps are 0. None if the lead has no signal.
    """
    signal = lead[np.newaxis].astype(np.float64)
    missing = np.isnan(signal)
    if missing.all():
        return None
    # A limit of the lead's own length, so that gaps of any length are filled: a filter must not
    # meet a step.
    complete, _ = fill_short_gaps(signal, fs, lead.size / fs) if missing.any() else (signal, None)
    filtered = resample_in_band(complete, fs, INPUT_HZ, BAND)
    heights = qrs_heights(filtered, INPUT_HZ)
    if heights.size == 0 or heights[0] <= 0:
        return None
    ready: NDArray[np.float32] = filtered[0] / heights[0]
    if missing.any():
        ready[_long_gaps(signal, fs, ready.size)] = 0.0
    np.clip(ready, -LARGEST, LARGEST, out=ready)
    if np.sum(ready * ready * ready) < 0:
        np.negative(ready, out=ready)
    return ready


def _long_gaps(signal: NDArray[np.float64], fs: float, samples: int) -> NDArray[np.bool_]:
    """Return (samples,) at INPUT_HZ: whether the lead (1, n) at `fs` has a long gap there."""
    _, still_missing = fill_short_gaps(signal, fs, MAX_FILLED_GAP_S)
    places = np.rint(np.arange(samples) * (fs / INPUT_HZ)).astype(np.intp)
    mask: NDArray[np.bool_] = still_missing[0, np.minimum(places, signal.shape[1] - 1)]
    return mask
