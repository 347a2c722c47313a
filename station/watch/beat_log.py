"""The last beats of many streams, by time: what rules of alarm and windows count.

Times are seconds since a stream's zero. NaN separates beats between which the signal was lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# 60 s at 240 /min would be more, but no rule and no window needs more beats than these.
BEATS: Final = 128
NO_BEAT: Final = -1


@dataclass(frozen=True, eq=False)
class BeatLog:
    """The newest beats are last.

    time_s  (rows, BEATS) float64, NaN for none
    label   (rows, BEATS) int8, index of the class; NO_BEAT for none
    ectopy  (rows, BEATS) float32, probability that the beat is ventricular; 0 for none
    """

    time_s: Array
    label: NDArray[np.int8]
    ectopy: NDArray[np.float32]

    def intervals_s(self, beats: int) -> Array:
        """Return (rows, beats - 1) the intervals between the last beats, NaN across a separator."""
        return np.diff(self.time_s[:, -beats:], axis=1)


def empty_log(rows: int) -> BeatLog:
    """Return a log without beats."""
    shape = (rows, BEATS)
    return BeatLog(
        np.full(shape, np.nan), np.full(shape, NO_BEAT, np.int8), np.zeros(shape, np.float32)
    )


@dataclass(frozen=True, eq=False)
class NewBeats:
    """Beats to be added, by row and time: each (beats,)."""

    row: Rows
    time_s: Array
    label: NDArray[np.integer]
    ectopy: NDArray[np.floating]

    def take(self, chosen: NDArray[np.bool_]) -> NewBeats:
        """Return some of the beats."""
        return NewBeats(
            self.row[chosen], self.time_s[chosen], self.label[chosen], self.ectopy[chosen]
        )


def with_beats(log: BeatLog, beats: NewBeats) -> BeatLog:
    """Return the log with further beats."""
    later = _copied(log)
    rank = np.arange(beats.row.size) - np.searchsorted(beats.row, beats.row)
    for turn in range(int(rank.max(initial=-1)) + 1):
        _append(later, beats.take(rank == turn))
    return later


def separated(log: BeatLog, is_lost: NDArray[np.bool_]) -> BeatLog:
    """Return the log with a separator, once, in the rows whose signal is lost."""
    later = _copied(log)
    rows = np.flatnonzero(is_lost & ~np.isnan(log.time_s[:, -1]))
    none = np.full(rows.size, np.nan)
    _append(later, NewBeats(rows, none, np.full(rows.size, NO_BEAT), np.zeros(rows.size)))
    return later


def _copied(log: BeatLog) -> BeatLog:
    return BeatLog(log.time_s.copy(), log.label.copy(), log.ectopy.copy())


def _append(log: BeatLog, beats: NewBeats) -> None:
    """Append at most one beat a row."""
    row = beats.row
    pairs = (log.time_s, beats.time_s), (log.label, beats.label), (log.ectopy, beats.ectopy)
    for ring, newest in pairs:
        ring[row, :-1] = ring[row, 1:]
        ring[row, -1] = newest
