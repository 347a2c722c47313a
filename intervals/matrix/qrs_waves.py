"""Q, R, S and R' of one lead: the parts of the QRS complex between crossings of the baseline.

A part is a wave by the criteria of IEC 60601-2-51:2003, annex GG.5 (IEC 60601-2-25:2011, FF.5):
two opposite slopes with a turning point between them, at least 30 uV from the reference level for
at least 6 ms, and at least 12 ms long. Peaks below 20 uV were not seen reliably even by the CSE
study's cardiologists (the same clause), so a slope counts from 20 uV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

MIN_AMPLITUDE_MV: Final = 0.03
MIN_ABOVE_MS: Final = 6.0
MIN_DURATION_MS: Final = 12.0
MIN_SLOPE_MV: Final = 0.02


@dataclass(frozen=True)
class Wave:
    """One wave: its signed peak in mV, and when it starts and stops, ms from the first sample."""

    peak_mv: float
    start_ms: float
    stop_ms: float

    @property
    def duration_ms(self) -> float:
        """Return the time from start to stop, ms."""
        return self.stop_ms - self.start_ms


@dataclass(frozen=True)
class QrsWaves:
    """The waves of one lead; None for a wave that the complex does not have.

    A complex that is only negative (QS) is a Q without an R, as GE's 12SL writes it.
    """

    q: Wave | None = None
    r: Wave | None = None
    s: Wave | None = None
    r2: Wave | None = None


def qrs_waves(complexes_mv: NDArray[np.float64], sample_ms: float) -> list[QrsWaves]:
    """Return the waves of each lead's complex.

    complexes_mv  (leads, samples) from the QRS onset to its end, about the baseline
    """
    return [_named(_joined(waves)) for waves in _waves(complexes_mv, sample_ms)]


def _named(waves: Sequence[Wave]) -> QrsWaves:
    """Return waves that alternate in direction as Q, R, S and R'."""
    is_down = bool(waves) and waves[0].peak_mv < 0
    names = ("q", "r", "s", "r2") if is_down else ("r", "s", "r2")
    return QrsWaves(**dict(zip(names, waves, strict=False)))


def _waves(complexes: NDArray[np.float64], sample_ms: float) -> list[list[Wave]]:
    """Return each lead's parts between crossings of zero that are waves, in their order."""
    leads, samples = complexes.shape
    is_up = complexes > 0
    begins_part = np.ones((leads, samples), np.bool_)
    np.not_equal(is_up[:, 1:], is_up[:, :-1], out=begins_part[:, 1:])
    # Places in the leads one after another. Most parts are noise, and far too low for waves.
    starts = np.flatnonzero(begins_part)
    stops = np.append(starts[1:], complexes.size)
    is_high = np.maximum.reduceat(np.abs(complexes).ravel(), starts) >= MIN_AMPLITUDE_MV
    values = complexes.tolist()
    waves: list[list[Wave]] = [[] for _ in values]
    for start, stop in zip(starts[is_high].tolist(), stops[is_high].tolist(), strict=True):
        lead, first = divmod(start, samples)
        wave = _wave_of(values[lead], first, stop - lead * samples, sample_ms)
        if wave is not None:
            waves[lead].append(wave)
    return waves


def _wave_of(values: Sequence[float], start: int, stop: int, sample_ms: float) -> Wave | None:
    """Return the part from sample `start` to before `stop` as a wave; None if it is none.

    Its peak is at least MIN_AMPLITUDE_MV.
    """
    is_up = values[start] > 0
    sizes = values[start:stop] if is_up else [-value for value in values[start:stop]]
    peak = max(sizes)
    at = sizes.index(peak)
    fall = peak - max(min(sizes[: at + 1]), min(sizes[at:]))
    if fall < MIN_SLOPE_MV or not stays_above(sizes, at, sample_ms):
        return None
    start_ms = max(_foot(sizes) + start, _crossing(values, start)) * sample_ms
    from_end = _foot(sizes[::-1])
    stop_ms = min(stop - 1 - from_end, _crossing(values, stop)) * sample_ms
    if stop_ms - start_ms < MIN_DURATION_MS:
        return None
    return Wave(peak if is_up else -peak, start_ms, stop_ms)


def stays_above(sizes: Sequence[float], peak: int, sample_ms: float) -> bool:
    """Return whether the sizes around sample `peak` stay high long enough for a wave.

    That is MIN_AMPLITUDE_MV for MIN_ABOVE_MS; between two samples, the size is on a line.
    """
    limit = MIN_AMPLITUDE_MV
    # So many whole intervals are enough, whatever follows.
    enough = ceil(MIN_ABOVE_MS / sample_ms)
    first = last = peak
    while first > 0 and sizes[first - 1] >= limit:
        first -= 1
        if peak - first >= enough:
            return True
    while last + 1 < len(sizes) and sizes[last + 1] >= limit:
        last += 1
        if last - first >= enough:
            return True
    before = (sizes[first] - limit) / (sizes[first] - sizes[first - 1]) if first > 0 else 0.0
    after = 0.0
    if last + 1 < len(sizes):
        after = (sizes[last] - limit) / (sizes[last] - sizes[last + 1])
    return (last - first + before + after) * sample_ms >= MIN_ABOVE_MS


def _foot(sizes: Sequence[float]) -> float:
    """Return the sample at which a part rises from the baseline, in fractions of a sample.

    It is where the line through the samples about MIN_SLOPE_MV meets the baseline. What is before
    it is isoelectric in this lead, although the complex has begun in others. May be before the
    first sample; a part that begins above MIN_SLOPE_MV begins at its first sample.
    """
    if sizes[0] >= MIN_SLOPE_MV:
        return -1.0
    above = 1
    while sizes[above] < MIN_SLOPE_MV:
        above += 1
    rise = sizes[above] - sizes[above - 1]
    return above - sizes[above] / rise


def _crossing(values: Sequence[float], after: int) -> float:
    """Return where the values cross zero before sample `after`; the first or last sample else."""
    if after in (0, len(values)):
        return float(min(after, len(values) - 1))
    before_value, after_value = values[after - 1], values[after]
    return after - after_value / (after_value - before_value)


def _joined(waves: Sequence[Wave]) -> list[Wave]:
    """Join neighbours of one direction: what lies between them is no wave."""
    joined: list[Wave] = []
    for wave in waves:
        if joined and (joined[-1].peak_mv > 0) == (wave.peak_mv > 0):
            last = joined.pop()
            peak = max(last.peak_mv, wave.peak_mv, key=abs)
            wave = Wave(peak, last.start_ms, wave.stop_ms)
        joined.append(wave)
    return joined
