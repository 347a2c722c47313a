"""What the annotations say about what was found: which beat it is, if it is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.classes import CLASSES
from training.beats.records import Record
from training.beats.streams import Places

# ANSI/AAMI EC57: a detection within 150 ms of an annotated beat is that beat.
WITHIN_S: Final = 0.15
# So close to flutter, beats are neither counted nor taught.
FLUTTER_MARGIN_S: Final = 1.0
NO_BEAT: Final = -1


@dataclass(frozen=True, eq=False)
class Truth:
    """The annotations beside the places where something was found.

    counts  (places,) whether the place is counted: not in flutter, nor after the record's end
    beat    (places,) class of the annotated beat at the place: index into CLASSES, or NO_BEAT
    missed  (records, CLASSES) annotated beats at which nothing was found
    """

    counts: NDArray[np.bool_]
    beat: NDArray[np.intp]
    missed: NDArray[np.intp]


def truth_of(records: list[Record], places: Places) -> Truth:
    """Return the annotations of the places. Each beat belongs to one place at most: the nearest."""
    counts = np.zeros(len(places.record), np.bool_)
    beat = np.full(len(places.record), NO_BEAT)
    missed = np.zeros((len(records), len(CLASSES)), np.intp)
    for number, record in enumerate(records):
        here = np.flatnonzero(places.record == number)
        time_s = places.time_s[here]
        counts[here] = _is_counted(record, time_s) & (time_s < len(record.seconds))
        is_counted = _is_counted(record, record.beat_s)
        for beat_s, letter in zip(
            record.beat_s[is_counted], record.classes[is_counted], strict=True
        ):
            kind = CLASSES.index(letter)
            place = _nearest(time_s, beat_s)
            if place is None or beat[here[place]] != NO_BEAT:
                missed[number, kind] += 1
            else:
                beat[here[place]] = kind
    return Truth(counts, beat, missed)


def _is_counted(record: Record, time_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    is_counted = np.ones(time_s.size, np.bool_)
    for began_s, ended_s in record.flutter:
        inside = (time_s > began_s - FLUTTER_MARGIN_S) & (time_s < ended_s + FLUTTER_MARGIN_S)
        is_counted &= ~inside
    return is_counted


def _nearest(time_s: NDArray[np.float64], beat_s: float) -> int | None:
    """Return the index of the nearest place within WITHIN_S of a beat."""
    after = int(np.searchsorted(time_s, beat_s))
    near = [place for place in (after - 1, after) if 0 <= place < time_s.size]
    place = min(near, key=lambda each: abs(time_s[each] - beat_s), default=None)
    if place is None or abs(time_s[place] - beat_s) > WITHIN_S:
        return None
    return place
