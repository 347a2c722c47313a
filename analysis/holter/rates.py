"""Heart rates of a long recording, by hour and in all, and its longest intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.holter.rhythm import (
    CLASSES,
    MINUTE_S,
    SLOT_S,
    Array,
    Rhythm,
    total_s,
    touched,
    within,
)

HOUR_S: Final = 3600
# The least and the greatest rate are means of as many intervals in a row; the alarms on the rate
# use as many (docs/watching.md).
RATE_INTERVALS: Final = 8
# An interval from here on is a pause, if the watch has confirmed it (docs/watching.md).
PAUSE_S: Final = 3.0
SILENT: Final = ("pause", "asystole")
UNREADABLE: Final = ("poor_signal",)


@dataclass(frozen=True, slots=True)
class Rate:
    """A mean of RATE_INTERVALS intervals; `at_s` is their beginning."""

    per_min: float
    at_s: float


@dataclass(frozen=True)
class Hour:
    """One hour from the recording's start on, or the whole recording.

    analysed_s  time with a signal that is not noise
    beats       by class, in the order of CLASSES
    """

    start_s: float
    end_s: float
    analysed_s: float
    beats: tuple[int, ...]
    mean_per_min: float | None
    slowest: Rate | None
    fastest: Rate | None


@dataclass(frozen=True, slots=True)
class Pause:
    """An interval without a beat, from one beat to the next."""

    start_s: float
    duration_s: float


@dataclass(frozen=True, eq=False)
class Rates:
    """Hours, the whole, and pauses.

    longest_interval  the longest between two beats without a loss of signal
    """

    whole: Hour
    hours: tuple[Hour, ...]
    pauses: tuple[Pause, ...]
    longest_interval: Pause | None


def rates_of(rhythm: Rhythm) -> Rates:
    """Return the rates of a recording."""
    readable_s = _readable_s(rhythm)
    means = _running_means(rhythm)
    count = max(1, int(np.ceil(rhythm.duration_s / HOUR_S)))
    spans = [
        (hour * float(HOUR_S), min((hour + 1.0) * HOUR_S, rhythm.duration_s))
        for hour in range(count)
    ]
    hours = tuple(_hour(rhythm, means, readable_s, start, end) for start, end in spans)
    whole = _hour(rhythm, means, readable_s, 0.0, rhythm.duration_s)
    return Rates(whole, hours, tuple(_pauses(rhythm)), _longest(rhythm))


def no_signal_s(rhythm: Rhythm) -> float:
    """Return the time without a signal in any lead."""
    return float(np.sum(_slot_lengths_s(rhythm) * (1 - rhythm.known)))


def noise_s(rhythm: Rhythm) -> float:
    """Return the time in which the signal was noise rather than an ECG."""
    return min(total_s(rhythm.of(*UNREADABLE)), rhythm.duration_s - no_signal_s(rhythm))


def _slot_lengths_s(rhythm: Rhythm) -> Array:
    starts = np.arange(rhythm.known.size) * float(SLOT_S)
    lengths_s: Array = np.minimum(starts + SLOT_S, rhythm.duration_s) - starts
    return lengths_s


def _readable_s(rhythm: Rhythm) -> Array:
    """Return (slots,) seconds of each slot that can be read."""
    lengths_s = _slot_lengths_s(rhythm)
    starts = np.arange(rhythm.known.size) * float(SLOT_S)
    ends = starts + lengths_s
    noise = np.zeros(rhythm.known.size)
    for each in rhythm.of(*UNREADABLE):
        slots = slice(int(each.start_s // SLOT_S), int(each.end_s // SLOT_S) + 1)
        shared_s = np.minimum(ends[slots], each.end_s) - np.maximum(starts[slots], each.start_s)
        noise[slots] += np.maximum(shared_s, 0)
    readable: Array = np.clip(lengths_s * rhythm.known - noise, 0, None)
    return readable


def _running_means(rhythm: Rhythm) -> tuple[Array, Array]:
    """Return (rates, start) of each RATE_INTERVALS intervals in a row that can be read."""
    intervals = rhythm.interval_s.copy()
    intervals[within(rhythm.beat_s, rhythm.of(*UNREADABLE))] = np.nan
    if intervals.size <= RATE_INTERVALS:
        return np.zeros(0), np.zeros(0)
    sums = np.convolve(np.nan_to_num(intervals), np.ones(RATE_INTERVALS), "valid")
    unknown = np.convolve(np.isnan(intervals), np.ones(RATE_INTERVALS), "valid") > 0.5
    # The interval before a beat begins with the beat before it; the first beat has none.
    starts = np.concatenate([[np.nan], rhythm.beat_s[: sums.size - 1]])
    is_whole = ~unknown & ~np.isnan(starts) & (sums > 0)
    return MINUTE_S * RATE_INTERVALS / sums[is_whole], starts[is_whole]


def _hour(
    rhythm: Rhythm, means: tuple[Array, Array], readable_s: Array, start_s: float, end_s: float
) -> Hour:
    slots = slice(int(start_s / SLOT_S), int(np.ceil(end_s / SLOT_S)))
    is_in = (rhythm.beat_s >= start_s) & (rhythm.beat_s < end_s)
    counts = np.bincount(rhythm.label[is_in], minlength=len(CLASSES))
    intervals = rhythm.interval_s[is_in & ~np.isnan(rhythm.interval_s)]
    rates, at_s = means
    inside = (at_s >= start_s) & (at_s < end_s)
    rates, at_s = rates[inside], at_s[inside]
    slowest = fastest = None
    if rates.size:
        low, high = int(rates.argmin()), int(rates.argmax())
        slowest = Rate(float(rates[low]), float(at_s[low]))
        fastest = Rate(float(rates[high]), float(at_s[high]))
    mean = MINUTE_S * intervals.size / float(intervals.sum()) if intervals.size else None
    return Hour(
        start_s,
        end_s,
        float(readable_s[slots].sum()),
        tuple(map(int, counts)),
        mean,
        slowest,
        fastest,
    )


def _pauses(rhythm: Rhythm) -> list[Pause]:
    """Return the intervals of PAUSE_S and more during which the watch saw a pause or asystole."""
    long = np.flatnonzero(rhythm.interval_s >= PAUSE_S)
    lengths_s = rhythm.interval_s[long]
    starts_s = rhythm.beat_s[long] - lengths_s
    confirmed = touched(starts_s, starts_s + lengths_s, rhythm.of(*SILENT))
    pairs = zip(starts_s[confirmed].tolist(), lengths_s[confirmed].tolist(), strict=True)
    return [Pause(start_s, length_s) for start_s, length_s in pairs]


def _longest(rhythm: Rhythm) -> Pause | None:
    readable = np.where(within(rhythm.beat_s, rhythm.of(*UNREADABLE)), np.nan, rhythm.interval_s)
    if np.isnan(readable).all():
        return None
    beat = int(np.nanargmax(readable))
    length_s = float(readable[beat])
    return Pause(float(rhythm.beat_s[beat]) - length_s, length_s)
