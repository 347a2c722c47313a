"""What watching a long recording gave, as arrays: the input of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CLASSES: Final = ("N", "S", "V", "F", "Q")
"""ANSI/AAMI EC57: normal, supraventricular, ventricular, fusion, unknown or paced."""

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Episode:
    """A rule that held, in seconds from the recording's start.

    rule  a name of the watch: "atrial_fibrillation", "pause", "poor_signal"
    """

    rule: str
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, eq=False)
class Rhythm:
    """Beats and episodes of a recording.

    beat_s         (beats,) seconds from the recording's start, ascending
    label          (beats,) index into CLASSES
    interval_s     (beats,) from the beat before; NaN after a time without signal
    known          (slots,) share of each SLOT_S with a signal, 0 to 1
    """

    duration_s: float
    beat_s: Array
    label: NDArray[np.int8]
    interval_s: Array
    episodes: tuple[Episode, ...]
    known: Array

    def is_(self, *labels: str) -> Mask:
        """Return (beats,) whether a beat has one of the classes."""
        return np.isin(self.label, [CLASSES.index(label) for label in labels])

    def of(self, *rules: str) -> tuple[Episode, ...]:
        """Return the episodes of some rules."""
        return tuple(episode for episode in self.episodes if episode.rule in rules)


SLOT_S: Final = 5
MINUTE_S: Final = 60.0


def within(times_s: Array, episodes: tuple[Episode, ...]) -> Mask:
    """Return (times,) whether each lies in one of the episodes."""
    starts, ends = _edges(episodes)
    begun = np.searchsorted(starts, times_s, side="right")
    inside: Mask = begun > np.searchsorted(ends, times_s, side="right")
    return inside


def touched(starts_s: Array, ends_s: Array, episodes: tuple[Episode, ...]) -> Mask:
    """Return (spans,) whether an episode shares some time with each span."""
    starts, ends = _edges(episodes)
    begun = np.searchsorted(starts, ends_s, side="left")
    touches: Mask = begun > np.searchsorted(ends, starts_s, side="right")
    return touches


def _edges(episodes: tuple[Episode, ...]) -> tuple[Array, Array]:
    """Return the sorted starts, and the sorted ends."""
    starts = np.sort([each.start_s for each in episodes])
    return starts, np.sort([each.end_s for each in episodes])


def total_s(episodes: tuple[Episode, ...]) -> float:
    """Return the length of the union of the episodes."""
    total, until = 0.0, -np.inf
    for episode in sorted(episodes, key=lambda each: each.start_s):
        total += max(0.0, episode.end_s - max(episode.start_s, until))
        until = max(until, episode.end_s)
    return total
