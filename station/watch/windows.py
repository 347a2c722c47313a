"""Windows of ten seconds on the device's time, one every five seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from station.watch.beat_log import BeatLog
from station.watch.outputs import BEAT_CLASSES

Array = NDArray[np.float64]

WINDOW_S: Final = 10
HOP_S: Final = 5
MINUTE_S: Final = 60.0
MIN_RATE_INTERVALS: Final = 2


@dataclass(frozen=True, eq=False)
class WindowCounts:
    """Windows of some streams.

    start_s       (rows,) stream seconds
    rate_per_min  (rows,) NaN with too few intervals
    beats         (rows, BEAT_CLASSES)
    """

    start_s: Array
    rate_per_min: Array
    beats: NDArray[np.int64]


def count_windows(log: BeatLog, start_s: Array) -> WindowCounts:
    """Return what lies in the ten seconds from `start_s`, (rows,), on."""
    is_in = (log.time_s >= start_s[:, None]) & (log.time_s < start_s[:, None] + WINDOW_S)
    beats = np.stack(
        [(is_in & (log.label == index)).sum(axis=1) for index in range(len(BEAT_CLASSES))], axis=1
    )
    intervals = np.diff(log.time_s, axis=1)
    is_used = is_in[:, 1:] & is_in[:, :-1] & ~np.isnan(intervals)
    ordered = np.sort(np.where(is_used, intervals, np.inf), axis=1)
    count = is_used.sum(axis=1)
    middle = ordered[np.arange(len(ordered)), np.maximum(count - 1, 0) // 2]
    rate = np.where(count >= MIN_RATE_INTERVALS, MINUTE_S / middle, np.nan)
    return WindowCounts(start_s, rate, beats)
