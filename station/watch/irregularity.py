"""How irregular the intervals between beats are: the rule of atrial fibrillation.

In atrial fibrillation few pairs of intervals are alike. In regular rhythms most are; in bigeminy
and with premature beats there are a few groups of alike ones. Ventricular beats are left out. The
limits were chosen on the rhythm annotations of the 22 MIT-BIH records of de Chazal's first set, of
which 201 and 203 have fibrillation.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from station.watch.beat_log import BeatLog
from station.watch.outputs import BEAT_CLASSES

Array = NDArray[np.float64]

INTERVALS: Final = 20
MIN_INTERVALS: Final = 12
# Of the mean interval: pairs that differ by less are alike.
ALIKE_SHARE: Final = 0.06
# Fibrillation: at most this share of the pairs is alike, and the median change from one interval to
# the next is more than this share of the mean. The second keeps respiratory arrhythmia out.
MAX_ALIKE: Final = 0.25
MIN_CHANGE: Final = 0.09
_LEFT_OUT: Final = [BEAT_CLASSES.index(name) for name in ("V", "F", "Q")]
_FIRST, _SECOND = np.triu_indices(INTERVALS, 1)


def irregular_share(log: BeatLog) -> tuple[Array, NDArray[np.bool_]]:
    """Return the share of alike pairs, (rows,), NaN where too few; and whether it fibrillates."""
    intervals = log.intervals_s(INTERVALS + 1)
    label = log.label[:, -INTERVALS - 1 :]
    is_left_out = np.isin(label, _LEFT_OUT) | (label < 0)
    is_used = ~(is_left_out[:, 1:] | is_left_out[:, :-1]) & ~np.isnan(intervals)
    count = is_used.sum(axis=1)
    known = np.where(is_used, intervals, 0.0)
    mean = known.sum(axis=1) / np.maximum(count, 1)
    pairs = is_used[:, _FIRST] & is_used[:, _SECOND]
    distance = np.abs(known[:, _FIRST] - known[:, _SECOND])
    alike = (pairs & (distance < ALIKE_SHARE * mean[:, None])).sum(axis=1)
    share = alike / np.maximum(pairs.sum(axis=1), 1)
    follows = is_used[:, 1:] & is_used[:, :-1]
    change = np.where(follows, np.abs(np.diff(known, axis=1)), np.inf)
    middle = np.sort(change, axis=1)[np.arange(len(change)), follows.sum(axis=1) // 2]
    is_judged = (count >= MIN_INTERVALS) & (follows.sum(axis=1) >= MIN_INTERVALS // 2)
    is_irregular = is_judged & (share < MAX_ALIKE) & (middle > MIN_CHANGE * mean)
    return np.where(is_judged, share, np.nan), is_irregular
