"""Numbers about a beat: what its class is told from.

Those about the shape compare it with the stream's usual beats, lead by lead; those about time
compare the interval before it with the intervals of the stream.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.history import BEFORE_SAMPLES
from signals.streams.watch_rate import WATCH_HZ

Array = NDArray[np.float64]

# Parts of a shape, in samples from its beginning.
QRS: Final = slice(BEFORE_SAMPLES - 14, BEFORE_SAMPLES + 17)  # 112 ms before to 128 ms after
WIDE_QRS: Final = slice(BEFORE_SAMPLES - 20, BEFORE_SAMPLES + 27)
P_WAVE: Final = slice(BEFORE_SAMPLES - 30, BEFORE_SAMPLES - 8)
T_WAVE: Final = slice(BEFORE_SAMPLES + 18, BEFORE_SAMPLES + 56)
LATE: Final = slice(BEFORE_SAMPLES + 6, WIDE_QRS.stop)  # 48 ms and more after the middle
MIN_SIZE_MV: Final = 0.02
LONGEST_S: Final = 3.0
USUAL_S: Final = 0.8  # before there are intervals
SHAPE_NUMBERS: Final = (
    "resemblance",
    "difference",
    "height",
    "area",
    "slope",
    "spread_ms",
    "spread_change_ms",
    "width_ms",
    "width_change_ms",
    "polarity",
    "polarity_change",
    "p_difference",
    "p_resemblance",
    "p_size",
    "t_difference",
    "t_resemblance",
    "usual_p_size",
    "usual_width_ms",
    "late_area",
)
TIME_NUMBERS: Final = (
    "before_s",
    "middle_s",
    "early_to_middle",
    "early_to_mean",
    "early_to_usual",
    "early_to_long",
    "before_to_last",
    "last_to_usual",
    "second_last_to_usual",
    "until_next_s",
    "until_next_to_usual",
    "until_next_to_before",
    "irregularity",
    "shortest_to_middle",
    "longest_to_middle",
)


def shape_numbers(shape: Array, usual: Array) -> Array:
    """Return (beats, leads, SHAPE_NUMBERS).

    shape  (beats, leads, SHAPE_SAMPLES), mV
    usual  the same of the usual beats of their streams
    """
    q, u = _part(shape, QRS), _part(usual, QRS)
    size = np.maximum(_extent(u), MIN_SIZE_MV)
    p, usual_p = _level(_part(shape, P_WAVE)), _level(_part(usual, P_WAVE))
    t, usual_t = _part(shape, T_WAVE), _part(usual, T_WAVE)
    wide, usual_wide = _part(shape, WIDE_QRS), _part(usual, WIDE_QRS)
    spread, width, polarity = _spread_ms(wide), _width_ms(wide), _polarity(q)
    numbers = (
        _resemblance(q, u),
        np.abs(q - u).sum(axis=2) / np.maximum(np.abs(u).sum(axis=2), MIN_SIZE_MV),
        _ratio(_extent(q), _extent(u)),
        _ratio(np.abs(q).sum(axis=2), np.abs(u).sum(axis=2)),
        _ratio(_steepest(q), _steepest(u)),
        spread,
        spread - _spread_ms(usual_wide),
        width,
        width - _width_ms(usual_wide),
        polarity,
        polarity - _polarity(u),
        np.abs(p - usual_p).mean(axis=2) / size,
        _resemblance(p, usual_p),
        (_extent(p) - _extent(usual_p)) / size,
        np.abs(t - usual_t).mean(axis=2) / size,
        _resemblance(t, usual_t),
        _extent(usual_p) / size,
        _width_ms(usual_wide),
        np.abs(_part(shape, LATE)).sum(axis=2) / np.maximum(np.abs(wide).sum(axis=2), MIN_SIZE_MV),
    )
    assert len(numbers) == len(SHAPE_NUMBERS)
    return np.stack(numbers, axis=2)


def time_numbers(
    before_s: Array,
    early_s: Array,
    until_next_s: Array,
    intervals: Array,
    usual: Array,
    long_s: Array,
) -> Array:
    """Return (beats, TIME_NUMBERS).

    before_s      (beats,) s, from the beat before; NaN unknown
    early_s       (beats,) s, from the beat before, or from the last usual beat if that was another;
                  NaN unknown
    until_next_s  (beats,) s
    intervals     (beats, intervals) s, of the beats before, the newest first; NaN unknown
    usual         (beats, intervals) s, between usual beats; NaN unknown
    long_s        (beats,) s, NaN unknown
    """
    middle_s = _known(lower_median(intervals), USUAL_S)
    usual_s = _known(lower_median(usual), middle_s)
    before_s = np.minimum(_known(before_s, usual_s), LONGEST_S)
    early_s = np.minimum(_known(early_s, before_s), LONGEST_S)
    filled = np.where(np.isnan(intervals), middle_s[:, None], intervals)
    filled = np.ascontiguousarray(np.minimum(filled, LONGEST_S))
    mean_s = filled.mean(axis=1)
    numbers = (
        before_s,
        middle_s,
        early_s / middle_s,
        early_s / mean_s,
        early_s / usual_s,
        early_s / _known(long_s, middle_s),
        before_s / filled[:, 0],
        filled[:, 0] / usual_s,
        filled[:, 1] / usual_s,
        until_next_s,
        until_next_s / usual_s,
        until_next_s / before_s,
        np.abs(np.diff(filled, axis=1)).mean(axis=1) / mean_s,
        filled.min(axis=1) / middle_s,
        filled.max(axis=1) / middle_s,
    )
    assert len(numbers) == len(TIME_NUMBERS)
    return np.stack(numbers, axis=1)


def lower_median(values: Array) -> Array:
    """Return (rows,) the lower median of the numbers that are not NaN; NaN if all are."""
    ordered = np.sort(values, axis=1)  # NaN last
    count = np.isfinite(values).sum(axis=1)
    middle: Array = ordered[np.arange(len(values)), np.maximum(count - 1, 0) // 2]
    return middle


def _known(values: Array, otherwise: Array | float) -> Array:
    return np.where(np.isnan(values), otherwise, values)


def _part(shape: Array, part: slice) -> Array:
    # A sum over the last axis of a contiguous array has one order, however many beats there are.
    return np.ascontiguousarray(shape[:, :, part])


def _extent(part: Array) -> Array:
    extent: Array = part.max(axis=2) - part.min(axis=2)
    return extent


def _steepest(part: Array) -> Array:
    steepest: Array = np.abs(np.diff(part, axis=2)).max(axis=2)
    return steepest


def _level(part: Array) -> Array:
    """Return the part without the line from its first to its last quarter's mean."""
    quarter = part.shape[2] // 4
    first = np.ascontiguousarray(part[:, :, :quarter]).mean(axis=2)
    last = np.ascontiguousarray(part[:, :, -quarter:]).mean(axis=2)
    along = np.linspace(0, 1, part.shape[2])
    level: Array = part - first[:, :, None] - (last - first)[:, :, None] * along
    return level


def _ratio(values: Array, usual: Array) -> Array:
    """Return the binary logarithm of the ratio, within 3 of 0."""
    ratio = np.maximum(values, MIN_SIZE_MV) / np.maximum(usual, MIN_SIZE_MV)
    return np.clip(np.log2(ratio), -3, 3)


def _resemblance(part: Array, usual: Array) -> Array:
    """Return the cosine of the angle between two parts; 0 without a signal."""
    product = (part * usual).sum(axis=2)
    size = np.sqrt((part * part).sum(axis=2) * (usual * usual).sum(axis=2))
    cosine: Array = product / np.maximum(size, MIN_SIZE_MV**2)
    return cosine


def _spread_ms(part: Array) -> Array:
    """Return the standard deviation of the time at which the signal changes."""
    change = np.diff(part, axis=2) ** 2
    time_ms = np.arange(change.shape[2]) * (1000.0 / WATCH_HZ)
    total = np.maximum(change.sum(axis=2), 1e-9)
    mean = (change * time_ms).sum(axis=2) / total
    variance = (change * (time_ms - mean[:, :, None]) ** 2).sum(axis=2) / total
    spread: Array = np.sqrt(variance)
    return spread


def _width_ms(part: Array) -> Array:
    """Return the area over the height: the width of a rectangle with both."""
    size = np.abs(part)
    width: Array = size.sum(axis=2) / np.maximum(size.max(axis=2), MIN_SIZE_MV)
    return width * (1000.0 / WATCH_HZ)


def _polarity(part: Array) -> Array:
    """Return 1 for a part that is only positive, -1 for one that is only negative."""
    highest, lowest = part.max(axis=2), part.min(axis=2)
    polarity: Array = (highest + lowest) / np.maximum(highest - lowest, MIN_SIZE_MV)
    return np.clip(polarity, -1, 1)
