"""Which of the beats found are those that the experts marked."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.beats.recordings import Recording

TOLERANCE_S: Final = 0.15  # ANSI/AAMI EC57
# Around ventricular flutter nothing is scored: the experts marked no beats in it.
FLUTTER_BORDER_S: Final = 1.0

Times = NDArray[np.float64]


def matched(found_s: Times, marked_s: Times) -> NDArray[np.intp]:
    """Return (found,) the marked beat that each found one is, -1 for none; no mark is used twice.

    found_s, marked_s  (found,), (marked,) s, ascending
    """
    match = np.full(found_s.size, -1, np.intp)
    if not found_s.size or not marked_s.size:
        return match
    after = np.clip(np.searchsorted(marked_s, found_s), 1, max(marked_s.size - 1, 1))
    before = after - 1
    after = np.minimum(after, marked_s.size - 1)
    is_before = np.abs(marked_s[before] - found_s) <= np.abs(marked_s[after] - found_s)
    nearest = np.where(is_before, before, after)
    distance = np.abs(marked_s[nearest] - found_s)
    close = np.flatnonzero(distance <= TOLERANCE_S)
    order = close[np.argsort(distance[close], kind="stable")]
    _, first = np.unique(nearest[order], return_index=True)
    chosen = order[first]
    match[chosen] = nearest[chosen]
    return match


def in_flutter(recording: Recording, time_s: Times) -> NDArray[np.bool_]:
    """Return (times,) whether each is in or at ventricular flutter."""
    inside = np.zeros(time_s.size, np.bool_)
    for start, stop in recording.flutter:
        inside |= (time_s >= start - FLUTTER_BORDER_S) & (time_s <= stop + FLUTTER_BORDER_S)
    return inside
