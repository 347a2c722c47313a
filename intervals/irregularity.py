"""How irregular the ventricular rhythm is, without its ectopic beats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.measurements import Measurements
from signals.order import median

Seconds = NDArray[np.float64]

MIN_INTERVALS: Final = 4  # fewer do not show whether a rhythm is regular
# A rhythm is irregular if its irregularity, RMSSD over mean RR without ectopic beats, is above this
# limit (Dash et al., Ann Biomed Eng 2009;37:1701-9).
IRREGULARITY_LIMIT: Final = 0.1
# In fibrillation, the median change from one interval to the next, over the median interval, is
# between these limits (choices, on PTB-XL folds 1-8). If it is smaller, only a few premature or
# dropped beats make the RMSSD large; if it is larger, alternating premature beats do.
FIBRILLATION_MEDIAN_CHANGE: Final = (0.03, 1.0)
# Regular, or nearly: up to this median change and IRREGULARITY_LIMIT. A choice: ventricular
# tachycardia may vary by a few hundredths.
REGULAR_MEDIAN_CHANGE: Final = 0.05


@dataclass(frozen=True)
class Irregularity:
    """Two measures of the changes from one RR interval to the next.

    rmssd          root of the mean square of the changes, over the mean interval
    median_change  median of the changes, over the median interval
    """

    rmssd: float
    median_change: float

    @property
    def is_regular(self) -> bool:
        is_steady = self.median_change <= REGULAR_MEDIAN_CHANGE
        return is_steady and self.rmssd <= IRREGULARITY_LIMIT

    @property
    def changes_as_in_fibrillation(self) -> bool:
        low, high = FIBRILLATION_MEDIAN_CHANGE
        return low < self.median_change < high


def irregularity_of(measurements: Measurements) -> Irregularity | None:
    """Return how irregular the rhythm is; None with too few intervals.

    Intervals between normal beats count. If these are too few, because beats have many
    morphologies, those between all beats that are not noisy count.
    """
    for beat_classes in (("normal",), ("normal", "ectopic", "paced")):
        differences, intervals = _differences_and_intervals(measurements, beat_classes)
        if intervals.size >= MIN_INTERVALS and differences.size >= MIN_INTERVALS - 1:
            rmssd = float(np.sqrt(np.mean(np.square(differences))) / intervals.mean())
            return Irregularity(rmssd, float(median(np.abs(differences)) / median(intervals)))
    return None


def _differences_and_intervals(
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
