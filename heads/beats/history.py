"""What the beats of many streams have been like: their shapes by group, and their intervals.

The shapes are grouped without any class: a beat joins the group that it resembles, or begins a new
one. A stream's usual beats are its largest group, where a group of beats that come early counts
less, so that a stream that begins with ectopic beats, or alternates with them, is read correctly.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

# A beat's shape: 320 ms before the middle of its QRS complex to 448 ms after it, at 125 Hz.
BEFORE_SAMPLES: Final = 40
AFTER_SAMPLES: Final = 56
SHAPE_SAMPLES: Final = BEFORE_SAMPLES + AFTER_SAMPLES
GROUPS: Final = 4
INTERVALS: Final = 8
USUAL_INTERVALS: Final = 64  # those of about the last minute
# Of the last beats some numbers are kept, which tell what the beat comes after.
CONTEXT: Final = 2
CONTEXT_NUMBERS: Final = ("usual_resemblance", "width_change_ms", "early_to_long_median")
# The sample of a strip that no beat of it can be at: there was none.
NEVER: Final = -1_000_000


@dataclass(frozen=True, eq=False)
class History:
    """One row a stream; all streams have the same number of leads.

    shapes     (rows, GROUPS, leads, SHAPE_SAMPLES) float32, mV: the mean shape of each group
    counts     (rows, GROUPS) beats of each group; older beats count less
    earliness  (rows, GROUPS) mean interval before the group's beats, over the usual one
    intervals  (rows, INTERVALS) s, between the last beats, the newest first; NaN unknown
    usual      (rows, USUAL_INTERVALS) s, the last intervals from one usual beat to the next
    long_s     (rows,) mean interval over about a minute; NaN unknown
    last_at    (rows,) sample of the strip at which the last beat was, or NEVER
    usual_at   (rows,) the same of the last usual beat
    context    (rows, CONTEXT, CONTEXT_NUMBERS) numbers of the last beats, the newest first
    last_group (rows, 2) groups of the last beat and of the one before; -1 none
    """

    shapes: NDArray[np.float32]
    counts: NDArray[np.float64]
    earliness: NDArray[np.float64]
    intervals: NDArray[np.float64]
    usual: NDArray[np.float64]
    long_s: NDArray[np.float64]
    last_at: NDArray[np.intp]
    usual_at: NDArray[np.intp]
    context: NDArray[np.float64]
    last_group: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp]) -> History:
        """Return copies of some rows."""
        return History(*(getattr(self, each.name)[rows] for each in fields(self)))

    def put(self, rows: NDArray[np.intp], history: History) -> None:
        """Replace some rows."""
        for each in fields(self):
            getattr(self, each.name)[rows] = getattr(history, each.name)


def empty_history(rows: int, leads: int) -> History:
    """Return the history of streams of which nothing is known yet."""
    return History(
        shapes=np.zeros((rows, GROUPS, leads, SHAPE_SAMPLES), np.float32),
        counts=np.zeros((rows, GROUPS)),
        earliness=np.ones((rows, GROUPS)),
        intervals=np.full((rows, INTERVALS), np.nan),
        usual=np.full((rows, USUAL_INTERVALS), np.nan),
        long_s=np.full(rows, np.nan),
        last_at=np.full(rows, NEVER, np.intp),
        usual_at=np.full(rows, NEVER, np.intp),
        context=np.zeros((rows, CONTEXT, len(CONTEXT_NUMBERS))),
        last_group=np.full((rows, 2), -1, np.intp),
    )
