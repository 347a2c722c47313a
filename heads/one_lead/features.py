"""All numbers that the one-lead model reads of a stretch of one lead."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.one_lead import beats, intervals, spectrum
from heads.one_lead.signal_input import INPUT_HZ

NUMBERS: Final = intervals.NUMBERS + beats.NUMBERS + spectrum.NUMBERS


def lead_features(
    ready: NDArray[np.float32], r_peaks_s: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return (NUMBERS,).

    ready      (samples,) from `lead_input`, at least a second of them
    r_peaks_s  (beats,) ascending, seconds from the first sample
    """
    values = [
        *intervals.interval_features(r_peaks_s, ready.size / INPUT_HZ),
        *beats.beat_features(ready, r_peaks_s),
        *spectrum.signal_features(ready),
    ]
    assert len(values) == NUMBERS, f"{len(values)} numbers instead of {NUMBERS}. This is a bug."
    return np.array(values, np.float32)
