"""Waves that follow each other at nearly equal intervals, as P waves do.

Sinus intervals vary little from one to the next, whatever the ventricles do (around a QRS complex
by some hundredths, ventriculophasic arrhythmia). Each interval between two waves is tried as the
period; a series takes the wave that is nearest to the expected time, and its period follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.atrial.p_like import HALF_SAMPLES, Waves
from intervals.atrial.remainder import ATRIAL_HZ, Remainder
from signals.order import median

PERIODS_S: Final = (0.33, 1.7)  # 35 to 180 per minute
PERIOD_STEP: Final = 2.0  # samples
MAX_STARTS: Final = 4  # a series begins with one of the first waves
MAX_DEVIATION: Final = 0.12  # of the period, from the expected time
FOLLOWS: Final = 0.3  # share of a new interval in the period that is expected next
# Within so many samples of the expected time, a QRS complex may hide the wave.
HIDDEN_REACH: Final = 5
# Costs of an expected wave that is not found: where a QRS-T was subtracted it may have been
# subtracted with it.
MISSED: Final = 1.0
MISSED_UNDER_T: Final = 0.5
DEVIATION_COST: Final = 2.0
MIN_WAVES: Final = 3
NOWHERE: Final = -1e9  # a place that is near to no expected one


@dataclass(frozen=True, eq=False)
class Series:
    """One series of atrial waves.

    times_s    (waves,) middle of each wave that was expected, from the recording's start
    found      (waves,) whether it was seen; the others are hidden or missed
    missed     how many were not seen where they should be, those under a T wave counted half
    deviation  mean distance of a wave from its expected time, over the period
    others_s   the waves of the same form that are not in the series
    """

    times_s: NDArray[np.float64]
    found: NDArray[np.bool_]
    missed: float
    deviation: float
    others_s: NDArray[np.float64]

    @property
    def period_s(self) -> float:
        """Return the median interval between two waves."""
        return float(median(np.diff(self.times_s)))


@dataclass(frozen=True, eq=False)
class _Tables:
    """What an expected wave meets at each sample; (samples + 1,), the last stands for the end.

    nearest   place of the nearest wave
    likeness  of that wave
    cost      of finding none
    """

    nearest: NDArray[np.float64]
    likeness: NDArray[np.float64]
    cost: NDArray[np.float64]


def best_series(waves: Waves, remainder: Remainder, about_s: float | None = None) -> Series | None:
    """Return the series that explains the waves best; None without one.

    about_s  where it is known, the period; only periods near to it are tried
    """
    period, at = _trials(waves, about_s)
    if period.size == 0:
        return None
    tables = _tables(waves, remainder)
    end = tables.cost.size - 1
    score = waves.likeness[at.astype(np.intp)]
    steps = [at]
    distances = [np.zeros(at.size)]
    while at.min() < end:
        expected = at + period
        sample = np.minimum(expected, end).astype(np.intp)
        nearest = tables.nearest[sample]
        deviation = np.abs(nearest - expected) / period
        is_found = deviation <= MAX_DEVIATION
        gain = tables.likeness[sample] - DEVIATION_COST * deviation
        score = score + np.where(is_found, gain, -tables.cost[sample])
        changed = period + FOLLOWS * (nearest - expected)
        period = np.where(is_found, changed, period)
        at = np.where(is_found, nearest, expected)
        steps.append(at)
        distances.append(deviation)
    best = int(score.argmax())
    times = np.stack(steps)[:, best]
    is_inside = times < end
    return _series_of(times[is_inside], np.stack(distances)[is_inside, best], waves, tables)


def _trials(waves: Waves, about_s: float | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the periods and the first places to try, (trials,) each."""
    places = waves.places.astype(np.float64)
    apart = np.concatenate([np.diff(places), places[2:] - places[:-2]])
    periods = np.concatenate([apart, apart / 2.0, apart / 3.0])
    shortest, longest = (seconds * ATRIAL_HZ for seconds in PERIODS_S)
    if about_s is not None:
        about = about_s * ATRIAL_HZ
        shortest, longest = (1 - MAX_DEVIATION) * about, (1 + MAX_DEVIATION) * about
    periods = periods[(periods >= shortest) & (periods <= longest)]
    periods = np.unique(np.rint(periods / PERIOD_STEP)) * PERIOD_STEP
    starts = places[:MAX_STARTS]
    period = np.repeat(periods, starts.size)
    at = np.tile(starts, periods.size)
    is_early = at < places[0] + 1.5 * period
    return period[is_early], at[is_early]


def _tables(waves: Waves, remainder: Remainder) -> _Tables:
    places = waves.places
    end = remainder.hidden.size - HALF_SAMPLES - 1
    middles = (places[1:] + places[:-1]) // 2
    nearest = places[np.searchsorted(middles, np.arange(end), side="left")]
    hidden_until = np.concatenate([[0], np.cumsum(remainder.hidden)])
    samples = np.arange(end)
    first = np.maximum(samples - HIDDEN_REACH, 0)
    stop = np.minimum(samples + HIDDEN_REACH + 1, hidden_until.size - 1)
    is_hidden = hidden_until[stop] > hidden_until[first]
    missed = np.where(remainder.under_t[:end], MISSED_UNDER_T, MISSED)
    return _Tables(
        nearest=np.append(nearest.astype(np.float64), NOWHERE),
        likeness=np.append(waves.likeness[nearest], 0.0),
        cost=np.append(np.where(is_hidden, 0.0, missed), 0.0),
    )


def _series_of(
    times: NDArray[np.float64],
    deviations: NDArray[np.float64],
    waves: Waves,
    tables: _Tables,
) -> Series | None:
    """Return a series from its places and their deviations; None of fewer than three waves.

    times, deviations  (waves,) the first deviation is 0: nothing was expected before it
    """
    found = deviations <= MAX_DEVIATION
    if found.sum() < MIN_WAVES:
        return None
    others = np.setdiff1d(waves.places, times[found].astype(np.intp))
    return Series(
        times_s=times / ATRIAL_HZ,
        found=found,
        missed=float(tables.cost[times[~found].astype(np.intp)].sum()),
        deviation=float(deviations[found][1:].mean()),
        others_s=others / ATRIAL_HZ,
    )
