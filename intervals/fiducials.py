"""From the network's probabilities to times: three readings of each boundary, joined, and how much they spread.

Global boundaries follow LUDB's reference: the 25th percentile of the leads' onsets and the 75th of their offsets. The readings
are the network's distribution for all leads, and the time distribution and the class crossing of each lead, joined so. Their
median counts, each less its own bias: one that went to another wave moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import BEAT_HZ
from intervals.delineator import CENTRE, Delineation
from signals.order import median

NAMES: Final = ("p_onset", "p_offset", "qrs_onset", "qrs_offset", "t_offset")
P_ON, P_OFF, QRS_ON, QRS_OFF, T_OFF = range(5)
MS: Final = 1000.0 / BEAT_HZ  # a sample of the representative beat
_P, _QRS, _T = 1, 2, 3  # rows of Delineation.classes
_CLASS_OF: Final = [_P, _P, _QRS, _QRS, _T]
_IS_ONSET: Final = np.array([True, False, True, False, False])
_SHARE: Final = np.where(_IS_ONSET, 0.25, 0.75)  # of the leads, as LUDB's references are joined
HALF: Final = 0.5
REACH_MS: Final = 60.0  # a class's edge farther from the global time is another wave's


@dataclass(frozen=True, eq=False)
class Fiducials:
    """Boundaries of the representative beat in ms from its centre, and their spread (about a standard deviation) in ms.

    times, spread  (5,) in the order of NAMES
    qrs_seen, t_seen  how clearly the wave stands out: the median over leads of its class's peak probability, 0..1
    """

    times: NDArray[np.float64]
    spread: NDArray[np.float64]
    p_present: float
    qrs_seen: float
    t_seen: float


@dataclass(frozen=True, eq=False)
class Readings:
    """What the network says of each boundary, three times, before bias is removed; ms from the beat's centre.

    times  (3, 5): the distribution for all leads, the leads' distributions, the leads' class crossings; NaN where there is none
    width  (5,) of the distribution for all leads, half of its middle 68 %
    """

    times: NDArray[np.float64]
    width: NDArray[np.float64]
    p_present: float
    qrs_seen: float
    t_seen: float


def fiducials(said: Delineation, bias_ms: NDArray[np.float64] | None = None) -> Fiducials:
    """Read three times and join; `bias_ms` (5, 3) is what each reading of a boundary is off by."""
    return joined(read(said), bias_ms)


def read(said: Delineation) -> Readings:
    """The three readings of each boundary."""
    leads, classes = (
        (said.leads, said.classes)
        if said.alive.all()
        else (said.leads[:, said.alive], said.classes[:, said.alive])
    )
    overall = median_time(said.overall)
    by_lead = np.stack([median_time(leads), _crossings(classes[_CLASS_OF], overall)])
    times = np.concatenate([overall[None], _joined(by_lead)])
    qrs_seen, t_seen = (
        float(median(classes[wave].max(axis=1))) if said.alive.any() else 0.0 for wave in (_QRS, _T)
    )
    return Readings(
        (times - CENTRE) * MS, _deviation(said.overall) * MS, said.p_present, qrs_seen, t_seen
    )


def joined(readings: Readings, bias_ms: NDArray[np.float64] | None = None) -> Fiducials:
    """Their median, each less its own bias (5, 3)."""
    times = readings.times if bias_ms is None else readings.times - bias_ms.T
    middle, deviation = _middle(times)
    return Fiducials(
        middle,
        np.hypot(deviation, readings.width),
        readings.p_present,
        readings.qrs_seen,
        readings.t_seen,
    )


def _middle(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(readings, boundaries), NaN for none -> each boundary's median and standard deviation, NaN without a reading.

    As numpy's nanmedian and nanstd, which take a third of a millisecond for fifteen numbers.
    """
    there = np.isfinite(times)
    count = there.sum(axis=0)
    ordered, column = np.sort(times, axis=0), np.arange(times.shape[1])  # NaN last
    middle = (ordered[(count - 1) // 2, column] + ordered[count // 2, column]) / 2
    known = np.where(count > 0, count, np.nan)
    away = np.where(there, times - np.where(there, times, 0.0).sum(axis=0) / known, 0.0)
    return middle, np.sqrt(np.square(away).sum(axis=0) / known)


def median_time(distribution: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., samples) probabilities over time -> (...) where half of the probability has passed, in fractions of a sample."""
    passed = np.cumsum(distribution, axis=-1, dtype=np.float64)
    half = HALF * passed[..., -1]
    at = np.argmax(passed >= half[..., None], axis=-1)
    which = np.arange(at.size) * passed.shape[-1] + at.ravel()
    upper, own = (of.reshape(-1)[which].reshape(at.shape) for of in (passed, distribution))
    # The probability of sample k is spread over k - 1/2 .. k + 1/2.
    part = (half - (upper - own)) / np.maximum(own, 1e-12)
    return np.asarray(at - HALF + part, np.float64)


def _joined(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., boundaries, leads), NaN for none -> (..., boundaries): the 25th percentile of onsets, the 75th of offsets, NaN of none."""
    if times.shape[-1] == 0:
        return np.full(times.shape[:-1], np.nan)
    ordered = np.sort(times, axis=-1)  # NaN last
    place = _SHARE * np.maximum(np.isfinite(times).sum(axis=-1) - 1, 0)
    below, above = place.astype(np.intp), np.ceil(place).astype(np.intp)
    which = np.arange(place.size).reshape(place.shape) * times.shape[-1]
    first, second = (ordered.reshape(-1)[which + at] for at in (below, above))
    return np.asarray(first + (second - first) * (place - below), np.float64)


def _crossings(probability: NDArray[np.float32], near: NDArray[np.float64]) -> NDArray[np.float64]:
    """(boundaries, leads, samples) of each one's class -> (boundaries, leads) where it passes one half nearest to `near`.

    near  (boundaries,); what lies farther than REACH_MS counts for nothing, NaN where there is nothing
    """
    inside = probability >= HALF
    before, after = inside[..., :-1], inside[..., 1:]
    found = np.full(probability.shape[:2], np.nan)
    boundary, lead, at = np.nonzero((before != after) & (after == _IS_ONSET[:, None, None]))
    left, right = (
        probability[boundary, lead, sample].astype(np.float64) for sample in (at, at + 1)
    )
    places = at + (HALF - left) / (right - left)
    away = np.abs(places - near[boundary])
    # The nearest of each lead is written last, and stays.
    order = np.argsort(-away)
    order = order[away[order] <= REACH_MS / MS]
    found[boundary[order], lead[order]] = places[order]
    return found


def _deviation(distribution: NDArray[np.float32]) -> NDArray[np.float64]:
    """(..., samples) -> (...) half of the distance between the 16th and 84th percentiles, in samples."""
    passed = np.cumsum(distribution, axis=-1, dtype=np.float64)
    total = passed[..., -1:]
    return np.asarray(
        ((passed < 0.84 * total).sum(axis=-1) - (passed < 0.16 * total).sum(axis=-1)) / 2.0,
        np.float64,
    )
