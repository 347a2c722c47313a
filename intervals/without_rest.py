"""Whether complexes are so wide and follow each other so fast that no rest is between them.

Where QRS begins and ends is then not seen: QRS and T alternate, as in a sine. So it is in fast
ventricular tachycardia and in ventricular flutter.

Between narrow complexes most of the cycle is flat. Here the slopes take a large part of it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_HZ, CENTRE_SAMPLE
from intervals.beats import Beats
from intervals.qrs_shape import SLOPE_SHARE, is_fast_and_steep, slope_width_ms
from signals.order import median

# Of the cycle: the time that holds four fifths of the squared slope. At 120 per minute and more,
# 317 recordings of PTB-XL, CPSC2018 and other hospitals with a QRS duration under 115 ms have up to
# 0.16, 50 with at least 120 ms up to 0.24. A sine has 0.5.
MIN_SLOPE_SHARE: Final = 0.25
# Waves that are no heart beats seldom recur as evenly.
MIN_SAME_SHARE: Final = 0.9  # of the beats: of one morphology
MAX_MEDIAN_CHANGE: Final = 0.05  # from one RR interval to the next, over the median interval
MIN_BEATS: Final = 6


def is_without_rest(beats: Beats, rr_ms: float | None) -> bool:
    """Return whether regular, steep and wide complexes of one form come without a rest.

    beats  in mV, with a representative beat
    """
    if rr_ms is None or len(beats.classes) < MIN_BEATS or beats.representative is None:
        return False
    rr_s = rr_ms / 1000.0
    if beats.normal.mean() < MIN_SAME_SHARE or not is_fast_and_steep(beats.representative, rr_s):
        return False
    changes_s = np.abs(np.diff(beats.centre_s, n=2))
    if median(changes_s) > MAX_MEDIAN_CHANGE * rr_s:
        return False
    return _slope_share(beats.representative, rr_s) >= MIN_SLOPE_SHARE


def _slope_share(beat: NDArray[np.float64], rr_s: float) -> float:
    """Return which part of a cycle, around the centre of (leads, 360), holds most of the slope."""
    half = round(rr_s * BEAT_HZ / 2)
    cycle = beat[:, CENTRE_SAMPLE - half : CENTRE_SAMPLE + half + 1]
    slope = np.square(np.diff(cycle, axis=1)).sum(axis=0)
    return slope_width_ms(slope, SLOPE_SHARE) / 1000.0 / rr_s
