"""Q, R, S and R' of one lead: the parts of the QRS complex between crossings of the baseline.

A part is a wave by the criteria of IEC 60601-2-51:2003, annex GG.5 (IEC 60601-2-25:2011, FF.5):
two opposite slopes with a turning point between them, at least 30 uV from the reference level for
at least 6 ms, and at least 12 ms long. Peaks below 20 uV were not seen reliably even by the CSE
study's cardiologists (the same clause), so a slope counts from 20 uV.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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


def qrs_waves(complex_mv: Sequence[float], sample_ms: float) -> QrsWaves:
    """Return the waves of a complex.

    complex_mv  from the QRS onset to its end, about the baseline
    """
    waves = _joined(_waves(complex_mv, sample_ms))
    is_down = bool(waves) and waves[0].peak_mv < 0
    names = ("q", "r", "s", "r2") if is_down else ("r", "s", "r2")
    return QrsWaves(**dict(zip(names, waves, strict=False)))


def _waves(values: Sequence[float], sample_ms: float) -> list[Wave]:
    """Return the parts between crossings of zero that are waves, in their order."""
    waves = []
    start = 0
    for index in range(1, len(values) + 1):
        if index == len(values) or (values[index] > 0) != (values[start] > 0):
            wave = _wave_of(values, start, index, sample_ms)
            if wave is not None:
                waves.append(wave)
            start = index
    return waves


def _wave_of(values: Sequence[float], start: int, stop: int, sample_ms: float) -> Wave | None:
    """Return the part from sample `start` to before `stop` as a wave; None if it is none."""
    sizes = [abs(value) for value in values[start:stop]]
    peak = max(sizes)
    at = sizes.index(peak)
    fall = peak - max(min(sizes[: at + 1]), min(sizes[at:]))
    if peak < MIN_AMPLITUDE_MV or fall < MIN_SLOPE_MV:
        return None
    if time_above_ms(sizes, MIN_AMPLITUDE_MV, sample_ms) < MIN_ABOVE_MS:
        return None
    start_ms = max(_foot(sizes) + start, _crossing(values, start)) * sample_ms
    from_end = _foot(sizes[::-1])
    stop_ms = min(stop - 1 - from_end, _crossing(values, stop)) * sample_ms
    if stop_ms - start_ms < MIN_DURATION_MS:
        return None
    return Wave(peak if values[start + at] > 0 else -peak, start_ms, stop_ms)


def time_above_ms(sizes: Sequence[float], limit: float, sample_ms: float) -> float:
    """Return for how long the part is at or above a limit around its peak, ms."""
    peak = sizes.index(max(sizes))
    first = last = peak
    while first > 0 and sizes[first - 1] >= limit:
        first -= 1
    while last + 1 < len(sizes) and sizes[last + 1] >= limit:
        last += 1
    before = (sizes[first] - limit) / (sizes[first] - sizes[first - 1]) if first > 0 else 0.0
    after = 0.0
    if last + 1 < len(sizes):
        after = (sizes[last] - limit) / (sizes[last] - sizes[last + 1])
    return (last - first + before + after) * sample_ms


def _foot(sizes: Sequence[float]) -> float:
    """Return the sample at which a part rises from the baseline, in fractions of a sample.

    It is where the line through the samples about MIN_SLOPE_MV meets the baseline. What is before
    it is isoelectric in this lead, although the complex has begun in others. May be before the
    first sample; a part that begins above MIN_SLOPE_MV begins at its first sample.
    """
    above = next(index for index, size in enumerate(sizes) if size >= MIN_SLOPE_MV)
    if above == 0:
        return -1.0
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
