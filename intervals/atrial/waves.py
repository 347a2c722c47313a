"""The P waves of a recording, found by their form and their rhythm, whatever the ventricles do.

The delineator looks for P waves in the mean beat, in which those that are not conducted vanish.
Here the form that recurs on all leads is looked for in what is left without the ventricles
(`remainder`), and of the waves of that form the series of nearly equal intervals (`series`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.atrial.p_like import (
    HALF_SAMPLES,
    Patches,
    Waves,
    commonest_form,
    matching_waves,
)
from intervals.atrial.remainder import ATRIAL_HZ, Remainder
from intervals.atrial.series import Series, best_series

# A longer recording is judged in windows of this length: a rhythm may change within it.
WINDOW_S: Final = 15.0
# Waves of the series' form that are not in it count as others if they are this much alike and high.
CLEARLY_ALIKE: Final = 0.7
CLEARLY_HIGH: Final = 0.5
SHOWS_P: Final = 0.5  # a lead shows the waves if they are this share of the largest lead's


@dataclass(frozen=True, eq=False)
class AtrialWaves:
    """The atrial waves of one window.

    from_s, to_s  the window
    heights   (waves of the series,) height over the mean wave's; of what is hidden it is noise
    others    how many clear waves of the same form are not in the series
    leads     rows of the recording on which the waves are highest
    """

    from_s: float
    to_s: float
    series: Series
    heights: NDArray[np.float64]
    others: int
    leads: tuple[int, ...]


def find_atrial_waves(remainder: Remainder) -> Iterator[AtrialWaves]:
    """Yield the series of each window that has one."""
    samples = remainder.hidden.size
    for start, stop in _windows(samples):
        found = _waves_of(_cut(remainder, start, stop))
        if found is not None:
            yield _moved(found, start / ATRIAL_HZ)


def _windows(samples: int) -> list[tuple[int, int]]:
    """Return windows of equal length, none longer than WINDOW_S, that cover all samples."""
    count = max(1, -(-samples // round(WINDOW_S * ATRIAL_HZ)))
    edges = np.linspace(0, samples, count + 1).astype(int).tolist()
    return list(pairwise(edges))


def _cut(remainder: Remainder, start: int, stop: int) -> Remainder:
    return replace(
        remainder,
        wave=remainder.wave[:, start:stop],
        hidden=remainder.hidden[start:stop],
        under_t=remainder.under_t[start:stop],
    )


def _waves_of(remainder: Remainder) -> AtrialWaves | None:
    """Return the series of atrial waves of one window, from its start."""
    samples = remainder.hidden.size
    if samples <= 4 * HALF_SAMPLES:
        return None
    patches = Patches(remainder)
    form = commonest_form(patches)
    waves = None if form is None else matching_waves(patches, form)
    if waves is None:
        return None
    waves = matching_waves(patches, patches.mean_of(waves.places))
    series = None if waves is None else best_series(waves, remainder)
    if series is None:
        return None
    # Once more with the form of the series alone, without what was like it by chance.
    form = patches.mean_of(_places(series.times_s[series.found]))
    waves = matching_waves(patches, form)
    series = None if waves is None else best_series(waves, remainder, series.period_s)
    if waves is None or series is None:
        return None
    return AtrialWaves(
        from_s=0.0,
        to_s=samples / ATRIAL_HZ,
        series=_later(series, _middle_of(form, len(remainder.wave)) / ATRIAL_HZ),
        heights=waves.height[_places(series.times_s)],
        others=_clear_others(waves, series),
        leads=_leads_of(form, remainder.rows),
    )


def _places(times_s: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.rint(times_s * ATRIAL_HZ).astype(np.intp)


def _clear_others(waves: Waves, series: Series) -> int:
    others = _places(series.others_s)
    is_clear = (waves.likeness[others] > CLEARLY_ALIKE) & (waves.height[others] > CLEARLY_HIGH)
    return int(is_clear.sum())


def _leads_of(form: NDArray[np.float64], rows: NDArray[np.intp]) -> tuple[int, ...]:
    spans = np.ptp(form.reshape(rows.size, -1), axis=1)
    return tuple(rows[spans >= SHOWS_P * spans.max()].tolist())


def _middle_of(form: NDArray[np.float64], leads: int) -> int:
    """Return where a form is highest, in samples from the middle of what is compared."""
    energy = np.square(form).reshape(leads, -1).sum(axis=0)
    return int(energy.argmax()) - HALF_SAMPLES


def _moved(waves: AtrialWaves, seconds: float) -> AtrialWaves:
    """Return the waves with times from the recording's start, not from the window's."""
    series = _later(waves.series, seconds)
    return replace(waves, from_s=seconds, to_s=waves.to_s + seconds, series=series)


def _later(series: Series, seconds: float) -> Series:
    times_s, others_s = series.times_s + seconds, series.others_s + seconds
    return replace(series, times_s=times_s, others_s=others_s)
