"""Whether a stretch without a detected beat may hold one that was missed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.conditioned import RATE_HZ, Conditioned

# After a beat, its T wave; before a beat, its own QRS complex.
AFTER_BEAT_S: Final = 0.6
BEFORE_BEAT_S: Final = 0.15
QRS_REACH_S: Final = 0.06  # of the steepest slope of a QRS complex, on either side of its R peak
SLOPE_SAMPLES: Final = 8  # 16 ms: the slope of a QRS complex, not of a P wave
# Steepness relative to the QRS complexes, from which on a deflection may be a beat that was missed.
# In the pauses of CinC 2015's true alarms of asystole the steepest deflection has 0.02 to 0.17 (18
# of 21 pauses), in false alarms 0.03 to 0.44 (half of them above 0.18).
MAY_BE_A_BEAT: Final = 0.2


class Steepness:
    """How steeply all leads of a recording move together, and how steeply in its QRS complexes."""

    def __init__(self, ready: Conditioned, beats_s: NDArray[np.float64]) -> None:
        self._at: NDArray[np.float64] = _steepness(ready)
        self._usual: float = _usual_steepness(self._at, beats_s)

    def may_hold_a_beat(self, from_s: float, to_s: float) -> bool:
        """Return whether a deflection between two beats is steep enough for a missed beat.

        from_s  the beat before, 0 at the recording's start
        """
        start_s = from_s + (AFTER_BEAT_S if from_s > 0 else 0.0)
        start, stop = round(start_s * RATE_HZ), round((to_s - BEFORE_BEAT_S) * RATE_HZ)
        within = self._at[start:stop]
        return within.size > 0 and float(within.max()) > MAY_BE_A_BEAT * self._usual


def _steepness(ready: Conditioned) -> NDArray[np.float64]:
    """Return (samples,) how steeply all leads move together at each sample."""
    signal = ready.signal[ready.varying]
    steepness = np.zeros(signal.shape[1])
    if signal.shape[0] == 0 or signal.shape[1] <= SLOPE_SAMPLES:
        return steepness
    slope = signal[:, SLOPE_SAMPLES:] - signal[:, :-SLOPE_SAMPLES]
    half = SLOPE_SAMPLES // 2
    steepness[half:-half] = np.sqrt(np.square(slope).sum(axis=0))
    return steepness


def _usual_steepness(steepness: NDArray[np.float64], beats_s: NDArray[np.float64]) -> float:
    """Return the median over beats of the steepest slope of the QRS complex."""
    reach = round(QRS_REACH_S * RATE_HZ)
    peaks = []
    for beat in np.rint(beats_s * RATE_HZ).astype(int).tolist():
        around = steepness[max(0, beat - reach) : beat + reach + 1]
        if around.size:
            peaks.append(float(around.max()))
    return float(np.median(peaks)) if peaks else 0.0
