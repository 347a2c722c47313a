"""Change a beat's intervals and amplitudes beyond what a collection of recordings holds.

A network that is trained on recordings alone learns how long intervals usually are, and pulls the
extreme ones towards that. Here each part of a beat is resampled by a factor of its own, its marks
move along, and P and T waves become higher or lower.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import CENTRE_SAMPLE, SAMPLE_MS, STRIDE
from training.datasets.annotated import P_OFF, P_ON, QRS_OFF, T_OFF, T_ON

Array = NDArray[np.float64]

# Shares of the beats whose part is changed; the other beats keep it as it was recorded.
QRS_SHARE: Final = 0.25
QT_SHARE: Final = 0.25
PQ_SHARE: Final = 0.25
REST_SHARE: Final = 0.25  # from T to the next P wave: the heart rate
P_HEIGHT_SHARE: Final = 0.3
T_HEIGHT_SHARE: Final = 0.3
NO_P_SHARE: Final = 0.12
# New lengths are drawn from these ranges, evenly, so that none is the usual one. They reach a
# little beyond what is reported.
QRS_MS: Final = (45.0, 215.0)
QT_MS: Final = (240.0, 830.0)
PR_MS: Final = (85.0, 470.0)
# A part is resampled by these factors at most.
FACTORS: Final = (0.5, 2.2)
REST_FACTORS: Final = (0.4, 2.5)
P_FACTORS: Final = (0.7, 1.5)
# Of the longer PQ segments: held at one value, as from one wave to the next without a slope.
HELD_SHARE: Final = 0.5
P_HEIGHTS: Final = (0.3, 2.0)
T_HEIGHTS: Final = (0.2, 5.0)
_FAR: Final = 2000.0  # samples, beyond every window
_INSTANT: Final = 0.01  # samples of the source that a held value is made of


@dataclass(frozen=True, eq=False)
class MarkedBeat:
    """A beat and where its waves are.

    wave          (leads, samples) mV at RATE_HZ, of the window and a margin on either side
    lead_marks    (6, leads) samples of the window: P, QRS and T onsets and offsets, NaN for none
    global_times  (5,) samples of the window: P onset, P offset, QRS onset, QRS offset, T offset
    part_times    (5,) the same of all annotated leads: time is stretched between them
    """

    wave: Array
    lead_marks: Array
    global_times: Array
    part_times: Array


def with_other_heights(beat: MarkedBeat, margin: int, rng: np.random.Generator) -> MarkedBeat:
    """Multiply the height of P and T above the lines between their ends, at random.

    margin  samples of the window's grid that the wave has before it
    """
    wave = beat.wave
    if rng.random() < P_HEIGHT_SHARE:
        gain = _log_uniform(P_HEIGHTS, rng)
        wave = _scaled_between(wave, STRIDE * (beat.lead_marks[[P_ON, P_OFF]] + margin), gain)
    if rng.random() < T_HEIGHT_SHARE:
        gain = _log_uniform(T_HEIGHTS, rng)
        ends = beat.lead_marks[[T_ON, T_OFF]]
        # A part of the leads has no annotated onset of T: it then begins with the ST segment.
        ends[0] = np.where(np.isfinite(ends[0]), ends[0], beat.lead_marks[QRS_OFF])
        if rng.random() < 0.5:
            ends[0] = beat.lead_marks[QRS_OFF]
        wave = _scaled_between(wave, STRIDE * (ends + margin), gain)
    return replace(beat, wave=wave)


def without_p(beat: MarkedBeat, margin: int) -> MarkedBeat:
    """Replace P by the lines between its ends, and remove its marks; `margin` as above."""
    wave = _scaled_between(beat.wave, STRIDE * (beat.lead_marks[[P_ON, P_OFF]] + margin), 0.0)
    lead_marks, global_times = beat.lead_marks.copy(), beat.global_times.copy()
    part_times = beat.part_times.copy()
    for marks in (lead_marks, global_times, part_times):
        marks[[P_ON, P_OFF]] = np.nan
    return MarkedBeat(wave, lead_marks, global_times, part_times)


def random_time_map(beat: MarkedBeat, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return (old, new) samples of the window between which time runs evenly; ascending.

    The centre stays where it is. QRS, ST-T, P, PQ and the rest of the beat each get a factor.
    """
    p_on, p_off, qrs_on, qrs_off, t_off = beat.part_times
    old = [qrs_on, qrs_off]
    qrs_ms = (qrs_off - qrs_on) * SAMPLE_MS
    factors = [_factor(qrs_ms, QRS_MS, QRS_SHARE, rng)]
    if np.isfinite(t_off) and t_off > qrs_off:
        st_t_ms = (t_off - qrs_off) * SAMPLE_MS
        new_qrs_ms = qrs_ms * factors[0]
        usual = (QT_MS[0] - new_qrs_ms, QT_MS[1] - new_qrs_ms)
        old.append(t_off)
        factors.append(_factor(st_t_ms, usual, QT_SHARE, rng))
    old.append(old[-1] + _FAR)
    factors.append(_rest_factor(rng))

    if np.isfinite(p_on) and np.isfinite(p_off) and p_on < p_off < qrs_on:
        before, before_factors = _before_qrs(p_on, p_off, qrs_on, rng)
        old = [*before, *old]
        factors = [*before_factors, *factors]
    else:
        old.insert(0, qrs_on - _FAR)
        factors.insert(0, _rest_factor(rng))

    old_times = np.array(old)
    lengths = np.diff(old_times) * np.array(factors)
    new_times = np.concatenate([[0.0], np.cumsum(lengths)])
    new_times += CENTRE_SAMPLE - np.interp(CENTRE_SAMPLE, old_times, new_times)
    return old_times, new_times


def _before_qrs(
    p_on: float, p_off: float, qrs_on: float, rng: np.random.Generator
) -> tuple[list[float], list[float]]:
    """Return the old times before the QRS onset, and the factors of the parts up to it."""
    pq = qrs_on - p_off
    p_factor = _log_uniform(P_FACTORS, rng) if rng.random() < PQ_SHARE else 1.0
    pq_factor = 1.0
    if rng.random() < PQ_SHARE:
        new_pq = rng.uniform(*PR_MS) / SAMPLE_MS - p_factor * (p_off - p_on)
        new_pq = max(new_pq, 0.0)
        if new_pq > pq and (pq < 2 or rng.random() < HELD_SHARE):
            middle = p_off + pq / 2
            hold = (new_pq - pq) / _INSTANT
            old = [p_on - _FAR, p_on, p_off, middle - _INSTANT / 2, middle + _INSTANT / 2]
            return old, [_rest_factor(rng), p_factor, 1.0, hold, 1.0]
        pq_factor = new_pq / pq if pq > 0 else 1.0
    old = [p_on - _FAR, p_on, p_off]
    return old, [_rest_factor(rng), p_factor, pq_factor]


def _factor(
    length_ms: float, new_ms: tuple[float, float], share: float, rng: np.random.Generator
) -> float:
    """Return the factor that gives a random new length; 1 for the beats that keep theirs."""
    if rng.random() >= share or length_ms <= 0:
        return 1.0
    low, high = FACTORS
    return float(np.clip(rng.uniform(*new_ms) / length_ms, low, high))


def _rest_factor(rng: np.random.Generator) -> float:
    return _log_uniform(REST_FACTORS, rng) if rng.random() < REST_SHARE else 1.0


def _log_uniform(limits: tuple[float, float], rng: np.random.Generator) -> float:
    low, high = np.log(limits)
    return float(np.exp(rng.uniform(low, high)))


def _scaled_between(wave: Array, ends: Array, gain: float) -> Array:
    """Multiply each lead between its two ends, (2, leads), above the line that joins them."""
    scaled = wave.copy()
    last = wave.shape[1] - 1
    for lead, (start, stop) in enumerate(ends.T):
        if not (np.isfinite(start) and np.isfinite(stop)):
            continue
        first_sample = int(np.clip(round(start), 0, last))
        last_sample = int(np.clip(round(stop), 0, last))
        if last_sample <= first_sample:
            continue
        part = slice(first_sample, last_sample + 1)
        samples = last_sample - first_sample + 1
        line = np.linspace(wave[lead, first_sample], wave[lead, last_sample], samples)
        scaled[lead, part] = line + gain * (wave[lead, part] - line)
    return scaled
