"""How irregular the ventricular rhythm is, without its ectopic beats."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.measurements import Measurements

Seconds = NDArray[np.float64]

MIN_INTERVALS: Final = 4  # fewer do not show whether a rhythm is regular
# A rhythm is irregular if its irregularity, RMSSD over mean RR without ectopic beats, is above this
# limit (Dash et al., Ann Biomed Eng 2009;37:1701-9).
IRREGULARITY_LIMIT: Final = 0.1


def irregularity(differences: Seconds, intervals: Seconds) -> float | None:
    """Return RMSSD over the mean interval; None if there are no intervals."""
    if intervals.size == 0:
        return None
    rmssd = np.sqrt(np.mean(np.square(differences)))
    return float(rmssd / intervals.mean())


def differences_and_intervals(measurements: Measurements) -> tuple[Seconds, Seconds]:
    """Return the differences of successive RR intervals, and the RR intervals.

    They are those between normal beats. If these are too few, because beats have many morphologies,
    they are those between all beats that are not noisy. If these are too few as well, both arrays
    are empty.
    """
    for beat_classes in (("normal",), ("normal", "ectopic", "paced")):
        differences, intervals = _differences_and_intervals_between(measurements, beat_classes)
        if intervals.size >= MIN_INTERVALS and differences.size >= MIN_INTERVALS - 1:
            return differences, intervals
    return np.zeros(0), np.zeros(0)


def _differences_and_intervals_between(
    measurements: Measurements, beat_classes: tuple[str, ...]
) -> tuple[Seconds, Seconds]:
    """Return the differences of successive RR intervals, and the RR intervals.

    Both only between neighbouring beats that all are of one of the classes.
    """
    beats = measurements.fiducials
    times_s = np.array([beat.r for beat in beats])
    is_of_class = np.array([beat.beat_class in beat_classes for beat in beats], np.bool_)
    intervals = np.diff(times_s)
    is_interval = is_of_class[1:] & is_of_class[:-1]
    is_difference = is_interval[1:] & is_interval[:-1]
    return np.diff(intervals)[is_difference], intervals[is_interval]
