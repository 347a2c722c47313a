"""Whether the recurring wave of a recording is a QRS complex.

Square waves, pulses, steps, and the waves of breath or gait recur as well.

A QRS complex has an onset that can be placed, is neither a spike nor a slow wave, and returns to
the level that it left, except for the ST segment. It is not as smooth and shallow as a P wave.

The limits lie outside of the values of 786 real recordings (LUDB at 500 Hz; PTB-XL folds 1-8 at
100 Hz, a third of them with fibrillation, flutter or tachycardia), and of 19 in 20 of the 236 paced
recordings of those folds, whose spikes smear at 100 Hz. The comments give the extreme values.
"""

from __future__ import annotations

from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_HZ, CENTRE_SAMPLE, SAMPLE_MS, sample_at
from intervals.fiducials import QRS_OFF, QRS_ON, T_OFF, Fiducials

# A complex outside of these is no QRS, whatever the network's probabilities. 40 ms is under the
# 1st percentile of newborns (Rijnbeek 2001); of 495 recordings with a pacemaker, left bundle branch
# block or intraventricular conduction delay in PTB-XL's folds 1-8, none has more than 214 ms.
QRS_RANGE_MS: Final = (40.0, 240.0)
MIN_QRS_SEEN: Final = 0.9  # real recordings have at least 0.96
# Spread of the readings of the onset; real recordings have up to 23 ms.
MAX_ONSET_SPREAD_MS: Final = 40.0
# Level after the complex less the level before it, over its height. Real recordings have up to
# 0.36, an ST segment of that height; paced ones up to 0.6.
MAX_STEP: Final = 0.7
# Time that holds four fifths of the squared slope. The smoothed tip of a spike has 8 to 20 ms, an
# artery's pulse 140 ms. Real recordings have 24 to 112 ms, also a lead alone (except for one
# recording whose spikes are not removed), and paced ones up to 136 ms.
SLOPE_RANGE_MS: Final = (22.0, 138.0)
SLOPE_SHARE: Final = 0.8
# Time that holds nearly all of it: a spike of 16 ms has 32 ms at most, also at 100 Hz. 3,362 real
# recordings of LUDB, PTB-XL, QTDB, CPSC2018 and of four more hospitals have at least 40 ms, LUDB's
# single leads 36 ms.
SHORTEST_SLOPE_MS: Final = 34.0
NEARLY_ALL_SLOPE: Final = 0.95
# The rms slope of the complex over that of the rest of the cycle, which is near 1 in a sine. Real
# recordings have at least 5.6, 98 in 100 paced ones 4.1.
MIN_STEEPNESS: Final = 4.0
# In a ventricular tachycardia the wide complexes follow each other with hardly a rest between them
# (2.4 in a recording at 187 per minute). It is told from other waves by its rate and by slopes that
# are steeper than those of twice the least steep QRS complex (below); a sine of 2 mV at 200 per
# minute has 42 mV/s.
MIN_STEEPNESS_OF_TACHYCARDIA: Final = 2.0
TACHYCARDIA_RR_S: Final = 0.5
TACHYCARDIA_MV_PER_S: Final = 60.0
# Where the rest is long enough, its steepest tenth is left out: a pacing spike before the complex
# is steeper than any complex.
REST_SHARE: Final = 0.9
TRIMMED_FROM_S: Final = 0.2
REST_DISTANCE: Final = 5  # samples between the complex and the rest
# The largest slope over 16 ms of any lead, in mV/s. A P wave of 0.25 mV has 7. Of 3,362 real
# recordings of two leads and more, the least steep complex has 26; of LUDB's single leads 1 in 20
# has under 9 in aVL, under 15 in II. The limits are a choice between them.
SHALLOW_MV_PER_S: Final = 15.0
FEW_LEADS: Final = 6
FEW_LEADS_SHALLOW_MV_PER_S: Final = 8.0
# The rms slope over 16 ms within 60 ms of the centre, over that over 64 ms. P waves have 0.32 to
# 0.40 (Gaussians of 30 and 20 ms), half of the QRS complexes 0.65. A single lead may show a wide
# complex as smooth and as shallow as a P wave: LUDB's lead III of one recording in a hundred.
SMOOTH: Final = 0.55
FEW_LEADS_SMOOTH: Final = 0.45
# Of the cycle. In 717 recordings of PTB-XL, CPSC2018 and other hospitals from 110 per minute on,
# the longest complex takes 0.45; the square waves that pass the other conditions take 0.51 to 0.70.
MAX_CYCLE_SHARE: Final = 0.5
LEVEL_MS: Final = 20.0  # before the onset: the level that a step is measured from
# A T wave's narrowness, as `signals.smooth_waves` has it: at most 0.38; sines of 8 Hz have 0.39.
T_SMOOTH: Final = 0.38
NARROWER_THAN_T: Final = 1.2
_CENTRE: Final = (CENTRE_SAMPLE - 15, CENTRE_SAMPLE + 16)  # 60 ms to either side
_SHORT_HALF: Final = 2  # samples: differences over 16 ms
_LONG_HALF: Final = 8  # differences over 64 ms
AFTER_MS: Final = (8.0, 32.0)  # after the offset: the start of ST
CYCLE_S: Final = 1.1  # where the rate is slower or unknown: about the length of the window
BEFORE_SHARE: Final = 0.35  # of the cycle, before the complex: P, but not the last T


def why_no_qrs(
    beat: NDArray[np.float64],
    fiducials: Fiducials,
    rr_s: float | None,
    *,
    millivolts: bool = True,
) -> str | None:
    """Return the reason why a representative beat has no QRS complex, None where it has one.

    beat  (leads, 360)
    rr_s  RR interval, None where it is unknown
    millivolts  whether the samples are in mV
    """
    onset_ms = fiducials.times[QRS_ON]
    offset_ms = fiducials.times[QRS_OFF]
    shortest_ms, longest_ms = QRS_RANGE_MS
    # A NaN in either time fails this comparison too.
    has_duration = shortest_ms <= offset_ms - onset_ms <= longest_ms
    if not (has_duration and fiducials.qrs_seen >= MIN_QRS_SEEN):
        return "no complex has the onset and the offset of a QRS complex"
    if rr_s is not None and offset_ms - onset_ms > MAX_CYCLE_SHARE * rr_s * 1000.0:
        return "the recurring wave takes more than half of the cycle, as no QRS complex does"
    if fiducials.spread[QRS_ON] > MAX_ONSET_SPREAD_MS:
        return "the onset of a QRS complex cannot be placed"

    start = _inner_sample(onset_ms, beat)
    stop = _inner_sample(offset_ms, beat)
    if _step(beat, start, stop) > MAX_STEP:
        return "the recurring wave is a step from one level to another, not a QRS complex"

    slope = np.square(np.diff(beat, axis=1)).sum(axis=0)
    near = slope[max(0, start - 8) : stop + 8]
    width_ms = slope_width_ms(near, SLOPE_SHARE)
    shortest_slope_ms, longest_slope_ms = SLOPE_RANGE_MS
    is_spike = slope_width_ms(near, NEARLY_ALL_SLOPE) < SHORTEST_SLOPE_MS
    if width_ms < shortest_slope_ms or is_spike:
        return "the recurring wave is narrower than any QRS complex"
    steepness = _steepness(slope, start, stop, stop + REST_DISTANCE, rr_s)
    is_steep = steepness >= MIN_STEEPNESS
    if millivolts and steepness >= MIN_STEEPNESS_OF_TACHYCARDIA:
        is_steep = is_steep or is_fast_and_steep(beat, rr_s)
    if not is_steep and _is_smooth_t(beat, start, stop, fiducials.times[T_OFF]):
        after_t = sample_at(fiducials.times[T_OFF]) + REST_DISTANCE
        is_steep = _steepness(slope, start, stop, after_t, rr_s) >= MIN_STEEPNESS
    if width_ms > longest_slope_ms or not is_steep:
        return "the recurring wave is not as steep as a QRS complex"
    return None


def why_shallow(beat: NDArray[np.float64]) -> str | None:
    """Return the reason why a representative beat is no more than a P wave, None if it is more.

    beat  (leads, 360) mV
    """
    if not (is_shallow(beat) and _narrowness(beat, *_CENTRE) < _limits(beat)[1]):
        return None
    return "the recurring wave is as smooth and shallow as a P wave; no QRS complex is found"


def is_fast_and_steep(beat: NDArray[np.float64], rr_s: float | None) -> bool:
    """Return whether a beat, (leads, 360) mV, is as steep and comes as fast as in a tachycardia."""
    if rr_s is None or rr_s > TACHYCARDIA_RR_S:
        return False
    return _steepest_mv_per_s(beat) >= TACHYCARDIA_MV_PER_S


def _steepest_mv_per_s(beat: NDArray[np.float64]) -> float:
    """Return the largest slope over 16 ms near the centre of (leads, 360) mV."""
    slope = _differences(beat, _SHORT_HALF, *_CENTRE)
    return float(np.abs(slope).max() * BEAT_HZ / (2 * _SHORT_HALF))


def is_shallow(beat: NDArray[np.float64]) -> bool:
    """Return whether no QRS complex is as flat as this representative beat, (leads, 360) mV."""
    return _steepest_mv_per_s(beat) < _limits(beat)[0]


def _limits(beat: NDArray[np.float64]) -> tuple[float, float]:
    """Return the limits of the slope, mV/s, and of the narrowness."""
    if np.count_nonzero(beat.any(axis=1)) <= FEW_LEADS:
        return FEW_LEADS_SHALLOW_MV_PER_S, FEW_LEADS_SMOOTH
    return SHALLOW_MV_PER_S, SMOOTH


def _narrowness(beat: NDArray[np.float64], start: int, stop: int) -> float:
    """Return the rms slope over 16 ms at these samples, over that over 64 ms."""
    short = np.linalg.norm(_differences(beat, _SHORT_HALF, start, stop))
    long = np.linalg.norm(_differences(beat, _LONG_HALF, start, stop))
    return float(short / max(float(long), 1e-12))


def _differences(
    beat: NDArray[np.float64], half: int, start: int, stop: int
) -> NDArray[np.float64]:
    """Return the differences at these samples, between those `half` samples to either side."""
    before = beat[:, start - half : stop - half]
    return np.asarray(beat[:, start + half : stop + half] - before)


def _inner_sample(time_ms: float, beat: NDArray[np.float64]) -> int:
    """Return the sample of a time, kept away from the window's ends for the means around it."""
    return int(min(max(sample_at(time_ms), 8), beat.shape[1] - 10))


def _step(beat: NDArray[np.float64], start: int, stop: int) -> float:
    """Return the change of level from before to after the complex, over its height.

    Both are Euclidean norms over leads.
    """
    before_start = start - round(LEVEL_MS / SAMPLE_MS)
    after_start = stop + round(AFTER_MS[0] / SAMPLE_MS)
    after_stop = stop + round(AFTER_MS[1] / SAMPLE_MS)
    before = beat[:, before_start:start].mean(axis=1)
    after = beat[:, after_start:after_stop].mean(axis=1)

    from_level = beat[:, start : stop + 1] - before[:, None]
    height = np.abs(from_level).max(axis=1)
    step = np.linalg.norm(after - before)
    return float(step / max(float(np.linalg.norm(height)), 1e-12))


def slope_width_ms(slope: NDArray[np.float64], share: float) -> float:
    """Return how long the steepest samples last that hold this share of the squared slope."""
    cumulative = np.cumsum(np.sort(slope)[::-1])
    samples = np.count_nonzero(cumulative < share * cumulative[-1]) + 1
    return float(samples * 1000.0 / BEAT_HZ)


def _is_smooth_t(beat: NDArray[np.float64], start: int, stop: int, t_off_ms: float) -> bool:
    """Return whether the complex is followed by a T wave that is smoother than it and than any.

    A tall T wave may be as steep as a quarter of the complex, but it remains smooth.
    """
    if not isfinite(t_off_ms):
        return False
    t_stop = min(sample_at(t_off_ms), beat.shape[1] - _LONG_HALF)
    t_start = stop + _LONG_HALF
    if t_stop <= t_start:
        return False
    of_t = _narrowness(beat, t_start, t_stop)
    return of_t < T_SMOOTH and _narrowness(beat, start, stop) > NARROWER_THAN_T * of_t


def _steepness(
    slope: NDArray[np.float64], start: int, stop: int, after: int, rr_s: float | None
) -> float:
    """Return the rms slope of the complex over that of the rest of the cycle.

    slope  (samples,) squared, summed over leads
    after  the first sample of the rest after the complex
    """
    cycle_s = CYCLE_S if rr_s is None else min(CYCLE_S, rr_s)
    cycle = round(cycle_s * BEAT_HZ)
    first = max(0, start - round(BEFORE_SHARE * cycle))
    last = min(slope.size, first + cycle)

    before = slope[first : max(first, start - REST_DISTANCE)]
    following = slope[min(last, after) : last]
    rest = np.sort(np.concatenate([before, following]))
    if rest.size == 0:
        return np.inf
    if rest.size >= TRIMMED_FROM_S * BEAT_HZ:
        kept = round(REST_SHARE * rest.size)
        rest = rest[:kept]

    mean_inside = float(slope[start - 2 : stop + 2].mean())
    mean_rest = float(rest.mean())
    return float(np.sqrt(mean_inside / max(mean_rest, 1e-30)))
