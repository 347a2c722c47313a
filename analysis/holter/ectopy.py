"""Ectopic beats of a long recording: isolated ones, couplets, runs, bigeminy and trigeminy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.holter.rhythm import MINUTE_S, Array, Mask, Rhythm, within

# Three beats in a row are a run; two are a couplet (ACC/AHA/ESC terms).
MIN_RUN_BEATS: Final = 3
# As many ectopic beats in a row with the same number of others between them.
MIN_REPEATS: Final = 3


@dataclass(frozen=True, slots=True)
class Run:
    """Ectopic beats in a row. `rate_per_min` is the mean of the intervals between them."""

    start_s: float
    end_s: float
    beats: int
    rate_per_min: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """A time of bigeminy or trigeminy; `beats` are the ectopic ones."""

    start_s: float
    end_s: float
    beats: int


@dataclass(frozen=True)
class Ectopy:
    """Ectopic beats of one origin.

    beats     all of them, those of couplets and runs included
    runs      by time
    couplets  start of each, seconds
    """

    beats: int
    isolated: int
    couplets: tuple[float, ...]
    runs: tuple[Run, ...]
    bigeminy: tuple[Pattern, ...]
    trigeminy: tuple[Pattern, ...]

    @property
    def longest_run(self) -> Run | None:
        return max(self.runs, key=lambda run: (run.beats, run.rate_per_min), default=None)

    @property
    def fastest_run(self) -> Run | None:
        return max(self.runs, key=lambda run: run.rate_per_min, default=None)


def ventricular(rhythm: Rhythm) -> Ectopy:
    """Return the ventricular ectopic beats: class V."""
    return _ectopy(rhythm, rhythm.is_("V"))


def supraventricular(rhythm: Rhythm) -> Ectopy:
    """Return the supraventricular ectopic beats: class S, outside of atrial fibrillation.

    In fibrillation no beat is early: its intervals have no usual length.
    """
    fibrillates = within(rhythm.beat_s, rhythm.of("atrial_fibrillation"))
    return _ectopy(rhythm, rhythm.is_("S") & ~fibrillates)


def _ectopy(rhythm: Rhythm, is_ectopic: Mask) -> Ectopy:
    sequences = list(_sequences(rhythm, is_ectopic))
    starts = [rhythm.beat_s[first] for first, last in sequences if last - first == 1]
    runs = [
        _run(rhythm.beat_s[first : last + 1])
        for first, last in sequences
        if last - first + 1 >= MIN_RUN_BEATS
    ]
    return Ectopy(
        int(is_ectopic.sum()),
        sum(first == last for first, last in sequences),
        tuple(map(float, starts)),
        tuple(runs),
        tuple(_patterns(rhythm, _isolated(is_ectopic), is_ectopic, others=1)),
        tuple(_patterns(rhythm, _isolated(is_ectopic), is_ectopic, others=2)),
    )


def _run(times_s: Array) -> Run:
    span_s = float(times_s[-1] - times_s[0])
    rate = MINUTE_S * (times_s.size - 1) / span_s
    return Run(float(times_s[0]), float(times_s[-1]), int(times_s.size), rate)


def _sequences(rhythm: Rhythm, is_ectopic: Mask) -> Iterator[tuple[int, int]]:
    """Return first and last beat of each row of ectopic beats; lost signal separates rows."""
    follows = ~np.isnan(rhythm.interval_s)
    continues = is_ectopic[1:] & is_ectopic[:-1] & follows[1:]
    begins = is_ectopic & ~np.concatenate([[False], continues])
    ends = is_ectopic & ~np.concatenate([continues, [False]])
    pairs = zip(np.flatnonzero(begins).tolist(), np.flatnonzero(ends).tolist(), strict=True)
    yield from pairs


def _isolated(is_ectopic: Mask) -> Mask:
    """Return which beats are ectopic, between two that are not."""
    around = np.concatenate([[False], is_ectopic, [False]])
    isolated: Mask = is_ectopic & ~around[:-2] & ~around[2:]
    return isolated


def _patterns(rhythm: Rhythm, is_single: Mask, is_ectopic: Mask, others: int) -> Iterator[Pattern]:
    """Return where every `others` + 1st beat is a single ectopic one, MIN_REPEATS and more."""
    step = others + 1
    follows = ~np.isnan(rhythm.interval_s)
    repeats = np.zeros(is_ectopic.size, np.bool_)  # whether the next ectopic beat is `step` on
    last = is_ectopic.size - step
    if last <= 0:
        return
    repeats[:last] = is_single[:last] & is_single[step:]
    for between in range(1, step):
        repeats[:last] &= ~is_ectopic[between : last + between]
    for after in range(1, step + 1):
        repeats[:last] &= follows[after : last + after]
    place = 0
    starts = np.flatnonzero(repeats)
    while place < starts.size:
        first = beat = int(starts[place])
        count = 1
        while beat < repeats.size and repeats[beat]:
            beat += step
            count += 1
        if count >= MIN_REPEATS:
            yield Pattern(float(rhythm.beat_s[first]), float(rhythm.beat_s[beat]), count)
        place = int(np.searchsorted(starts, beat))
