"""From the network's probabilities to times: three readings of each boundary, joined, and how much they spread.

Global boundaries follow LUDB's reference: the 25th percentile of the leads' onsets and the 75th of their offsets. The readings
are the network's distribution for all leads, and the time distribution and the class crossing of each lead, joined so. Their
median counts, each less its own bias: one that went to another wave moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import BEAT_HZ
from intervals.delineator import CENTRE, Delineation

NAMES: Final = ("p_onset", "p_offset", "qrs_onset", "qrs_offset", "t_offset")
P_ON, P_OFF, QRS_ON, QRS_OFF, T_OFF = range(5)
MS: Final = 1000.0 / BEAT_HZ  # a sample of the representative beat
_P, _QRS, _T = 1, 2, 3  # rows of Delineation.classes
_CLASS_OF: Final = (_P, _P, _QRS, _QRS, _T)
_IS_ONSET: Final = (True, False, True, False, False)
HALF: Final = 0.5
REACH_MS: Final = 60.0  # a class's edge farther from the global time is another wave's


@dataclass(frozen=True, eq=False)
class Fiducials:
    """Boundaries of the representative beat in ms from its centre, and their spread (about a standard deviation) in ms.

    times, spread  (5,) in the order of NAMES
    readings  (3, 5) what they were joined from, their bias not removed
    width  (5,) how wide the network's distribution for all leads is, half of its middle 68 %
    qrs_seen, t_seen  how clearly the wave stands out: the median over leads of its class's peak probability, 0..1
    """

    times: NDArray[np.float64]
    spread: NDArray[np.float64]
    readings: NDArray[np.float64]
    width: NDArray[np.float64]
    p_present: float
    qrs_seen: float
    t_seen: float


def fiducials(said: Delineation, bias_ms: NDArray[np.float64] | None = None) -> Fiducials:
    """Join the three readings; `bias_ms` (5, 3) is what each of them is off by."""
    leads = said.leads[:, said.alive]
    overall, lead_times = median_time(said.overall), median_time(leads)
    readings = np.full((3, len(NAMES)), np.nan)
    for index in range(len(NAMES)):
        crossings = _crossings(said.classes[_CLASS_OF[index]][said.alive], float(overall[index]), onset=_IS_ONSET[index])
        readings[:, index] = overall[index], _joined(lead_times[index], index), _joined(crossings, index)
    qrs_seen, t_seen = (float(np.median(said.classes[wave][said.alive].max(axis=1))) if said.alive.any() else 0.0 for wave in (_QRS, _T))
    nothing = np.zeros(len(NAMES))
    readings = (readings - CENTRE) * MS
    raw = Fiducials(nothing, nothing, readings, _deviation(said.overall) * MS, said.p_present, qrs_seen, t_seen)
    return without_bias(raw, np.zeros((len(NAMES), 3)) if bias_ms is None else bias_ms)


def without_bias(found: Fiducials, bias_ms: NDArray[np.float64]) -> Fiducials:
    """Joined anew, each reading less its own bias (5, 3)."""
    readings = found.readings - bias_ms.T
    spread = np.hypot(np.nanstd(readings, axis=0), found.width)
    return replace(found, times=np.nanmedian(readings, axis=0), spread=spread)


def median_time(distribution: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., samples) probabilities over time -> (...) where half of the probability has passed, in fractions of a sample."""
    passed = np.cumsum(distribution, axis=-1, dtype=np.float64)
    at = np.argmax(passed >= HALF * passed[..., -1:], axis=-1)[..., None]
    upper = np.take_along_axis(passed, at, -1)
    own = np.take_along_axis(distribution, at, -1)
    # The probability of sample k is spread over k - 1/2 .. k + 1/2.
    part = (HALF * passed[..., -1:] - (upper - own)) / np.maximum(own, 1e-12)
    return np.asarray((at - HALF + part)[..., 0], np.float64)


def _joined(times: NDArray[np.float64], index: int) -> float:
    there = times[np.isfinite(times)]
    if there.size == 0:
        return float("nan")
    place = (0.25 if _IS_ONSET[index] else 0.75) * (there.size - 1)  # as numpy's percentiles, at a tenth of their cost
    ordered = np.sort(there)
    below = ordered[int(place)]
    return float(below + (ordered[min(int(place) + 1, there.size - 1)] - below) * (place - int(place)))


def _crossings(probability: NDArray[np.float32], near: float, *, onset: bool) -> NDArray[np.float64]:
    """(leads, samples) of one class -> (leads,) where it passes one half nearest to `near`, NaN where it doesn't near it."""
    inside = probability >= HALF
    change = inside[:, 1:] & ~inside[:, :-1] if onset else inside[:, :-1] & ~inside[:, 1:]
    found = np.full(len(probability), np.nan)
    lead, at = np.nonzero(change)
    left, right = probability[lead, at].astype(np.float64), probability[lead, at + 1].astype(np.float64)
    places = at + (HALF - left) / (right - left)
    away = np.abs(places - near)
    # The nearest of each lead is written last, and stays.
    order = np.argsort(-away)
    order = order[away[order] <= REACH_MS / MS]
    found[lead[order]] = places[order]
    return found


def _deviation(distribution: NDArray[np.float32]) -> NDArray[np.float64]:
    """(..., samples) -> (...) half of the distance between the 16th and 84th percentiles, in samples."""
    passed = np.cumsum(distribution, axis=-1, dtype=np.float64)
    total = passed[..., -1:]
    return np.asarray(((passed < 0.84 * total).sum(axis=-1) - (passed < 0.16 * total).sum(axis=-1)) / 2.0, np.float64)
