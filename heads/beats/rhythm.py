"""Numbers about the rhythm that a beat comes in: how early it is among its stream's intervals.

A beat is early against the usual intervals of its stream only if these are alike: in atrial
fibrillation every second beat is early. In a long run of early beats the intervals of a minute ago
tell what is usual.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Intervals from one usual beat to the next: those of the last minute, and the newest of them.
LONG: Final = 64
SHORT: Final = 16
# Quantile of the usual intervals that stands for the long ones; a choice.
HIGH_SHARE: Final = 0.8
# Intervals that differ by less, of their median, are alike; a choice.
ALIKE_SHARE: Final = 0.06
# Of the usual interval; shorter ones are early; a choice.
EARLY_SHARE: Final = 0.88
LONGEST_S: Final = 3.0
USUAL_S: Final = 0.8  # before there are intervals
RHYTHM_NUMBERS: Final = (
    "early_to_long_median",
    "early_to_long_high",
    "rank_in_short",
    "rank_in_long",
    "since_usual_to_median",
    "since_usual_to_long_median",
    "shortest_usual",
    "longest_usual",
    "usual_change",
    "median_usual_change",
    "alike_share",
    "until_next_to_long_median",
    "pair_to_long_median",
    "last_to_long_median",
    "second_last_to_long_median",
    "early_beats",
    "usual_intervals",
)
_FIRST, _SECOND = np.triu_indices(SHORT, 1)

Array = NDArray[np.float64]


def rhythm_numbers(
    early_s: Array,
    since_usual_s: Array,
    until_next_s: Array,
    intervals: Array,
    usual: Array,
) -> Array:
    """Return (beats, RHYTHM_NUMBERS).

    early_s        (beats,) s, from the beat before, or from the last usual beat if that had another
                   shape; NaN unknown
    since_usual_s  (beats,) s, from the last usual beat; NaN unknown
    until_next_s   (beats,) s
    intervals      (beats, intervals) s, of the beats before, the newest first; NaN unknown
    usual          (beats, LONG) s, between usual beats, the newest first; NaN unknown
    """
    short = usual[:, :SHORT]
    middle_s = _known(_quantile(short, 0.5), USUAL_S)
    long_s = _known(_quantile(usual, 0.5), middle_s)
    high_s = _known(_quantile(usual, HIGH_SHARE), middle_s)
    early_s = np.minimum(_known(early_s, middle_s), LONGEST_S)
    since_usual_s = np.minimum(_known(since_usual_s, early_s), LONGEST_S)
    filled = np.minimum(np.where(np.isnan(intervals), middle_s[:, None], intervals), LONGEST_S)
    change = np.abs(np.diff(short, axis=1))
    early = np.cumprod(filled < EARLY_SHARE * long_s[:, None], axis=1).sum(axis=1)
    numbers = (
        early_s / long_s,
        early_s / high_s,
        _rank(early_s, short),
        _rank(early_s, usual),
        since_usual_s / middle_s,
        since_usual_s / long_s,
        _known(_quantile(short, 0.0), middle_s) / middle_s,
        _known(_quantile(short, 1.0), middle_s) / middle_s,
        _mean(change) / middle_s,
        _known(_quantile(change, 0.5), 0.0) / middle_s,
        _alike_share(short, middle_s),
        until_next_s / long_s,
        (early_s + until_next_s) / (2 * long_s),
        filled[:, 0] / long_s,
        filled[:, 1] / long_s,
        early,
        np.isfinite(usual).sum(axis=1),
    )
    assert len(numbers) == len(RHYTHM_NUMBERS)
    return np.stack(numbers, axis=1)


def _quantile(values: Array, share: float) -> Array:
    """Return (rows,) the lower quantile of the numbers that are not NaN; NaN if all are."""
    ordered = np.sort(values, axis=1)  # NaN last
    count = np.isfinite(values).sum(axis=1)
    rank = (np.maximum(count - 1, 0) * share).astype(np.intp)
    quantile: Array = ordered[np.arange(len(values)), rank]
    return quantile


def _mean(values: Array) -> Array:
    """Return (rows,) the mean of the numbers that are not NaN; 0 if all are."""
    is_known = np.isfinite(values)
    total = np.where(is_known, values, 0.0).sum(axis=1)
    mean: Array = total / np.maximum(is_known.sum(axis=1), 1)
    return mean


def _rank(early_s: Array, usual: Array) -> Array:
    """Return (beats,) the share of the usual intervals that are shorter; 0.5 if there is none."""
    is_known = np.isfinite(usual)
    shorter = (is_known & (usual < early_s[:, None])).sum(axis=1)
    count = is_known.sum(axis=1)
    return np.where(count > 0, shorter / np.maximum(count, 1), 0.5)


def _alike_share(usual: Array, middle_s: Array) -> Array:
    """Return (beats,) the share of the pairs of intervals that are alike; 1 if there is none."""
    distance = np.abs(usual[:, _FIRST] - usual[:, _SECOND])
    pairs = np.isfinite(distance)
    alike = (pairs & (distance < ALIKE_SHARE * middle_s[:, None])).sum(axis=1)
    count = pairs.sum(axis=1)
    return np.where(count > 0, alike / np.maximum(count, 1), 1.0)


def _known(values: Array, otherwise: Array | float) -> Array:
    return np.where(np.isnan(values), otherwise, values)
