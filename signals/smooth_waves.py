"""T waves and P waves among the peaks of steepness, which are no beats.

Two complexes that alternate at a fixed distance are a QRS complex and its T wave, or two beats, as
in bigeminy. The amplitude does not decide: in hyperkalaemia T is taller than R. A T wave is
smoother than its QRS complex and follows every beat, and the baseline after it is quiet. A
ventricular extrasystole may be as smooth, but has a T wave of its own. A P wave that is high beside
a low QRS complex is smoother, too, and precedes every beat. The decision is made once, on all leads
and all beats together.

The limits were chosen on LUDB, whose T waves were multiplied by 1 to 4, and on the ventricular
beats of MIT-BIH (DS1) and of the MIT-BIH supraventricular database, on all leads and on each alone.
The comments give the values of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.order import median

WAVES_HZ: Final = 250.0  # rate of the leads and of the peaks

# Half of 16 ms and half of 64 ms: the differences whose ratio is the narrowness of a wave. It is
# 0.25 in a straight line, 0.30 in a Gaussian of 35 ms (a T wave), 0.60 in one of 12 ms (a QRS
# complex).
_SHORT_HALF: Final = 2
_LONG_HALF: Final = 8
# The differences are taken at every second sample within 64 ms of the peak.
_STEP: Final = 2
_HALF_WINDOW: Final = 16

# T waves have 0.28 to 0.36, half of them at most 0.30; QRS complexes 0.34 and more, 19 of 20 at
# least 0.46. Bundle branch block has 0.36 to 0.5, a ventricular beat in 20 less than 0.30.
MAX_T_NARROWNESS: Final = 0.38
# A QRS complex is narrower than its own T wave; by 1.13 in LUDB's widest complexes.
MIN_RATIO: Final = 1.1
# From this ratio on, the T wave may have any narrowness: noise in a single lead adds to it.
CLEAR_RATIO: Final = 1.8
# From this share of smooth peaks on, QRS complexes may be hidden beside higher T waves.
HIDDEN_SHARE: Final = 0.5
# Two peaks that are nearer to each other are one.
SAME_PEAK_S: Final = 0.12

# Distance of T from QRS: 0.22 to 0.40 s in LUDB, about 0.5 s where QT is 0.6 s.
DELAY_S: Final = (0.16, 0.60)
# Distance over the root of the time between beats, both in seconds: 0.25 to 0.40 in T waves.
MAX_RELATIVE_DELAY: Final = 0.55
DELAY_TOLERANCE_S: Final = 0.06
# Of the beats (at least so many), the share that a wave of at least this part of the usual size
# follows at the same distance. Ectopic beats follow some beats only.
MIN_BEATS: Final = 3
FOLLOWED_SHARE: Final = 0.75
FOLLOWED_SIZE: Final = 0.5

# Largest size of what follows T within these times, over T's own: 0.01 to 0.15. Ventricular beats
# have 0.17 to 1.0, their own T wave.
AFTER_S: Final = (0.16, 0.36)
MAX_AFTER: Final = 0.15
# The next P wave is as near as that if the rate is fast: up to 0.37. Ventricular beats with less
# than 0.4 come later than 0.37 s, or 0.38 times the root of the time between beats.
MAX_AFTER_EARLY: Final = 0.40
EARLY_S: Final = 0.30
EARLY_RELATIVE: Final = 0.36
FAST_S: Final = 0.9  # 67 beats a minute and more
# P waves have 0.32 to 0.40 (Gaussians of 30 and 20 ms); their QRS complexes are clearly narrower.
# A P wave may be larger than a low complex, by a factor that is a choice: recordings in which P is
# a peak are rare (record 101 of MIT-BIH, on its second lead alone). It precedes every beat by at
# most about 0.45 s, which no ectopic beat does.
MAX_P_NARROWNESS: Final = 0.45
MIN_P_RATIO: Final = 1.3
MAX_P_SIZE: Final = 2.0
P_BEFORE_S: Final = (0.16, 0.45)
# The samples before the next beat that belong to it.
_NEXT_BEAT_S: Final = 0.1


@dataclass(frozen=True, eq=False)
class Waves:
    """The leads that show the waves, and how much each counts.

    signal   (leads, samples) at WAVES_HZ
    weights  (leads,) of squared differences
    """

    signal: NDArray[np.float32]
    weights: NDArray[np.float32]


def without_smooth_waves(
    peaks: NDArray[np.intp], waves: Waves, narrow_peaks: Callable[[], NDArray[np.intp]]
) -> NDArray[np.intp]:
    """Return the peaks without T and P waves, and with the beats that T waves have hidden.

    peaks         (n,) samples at WAVES_HZ, ascending
    narrow_peaks  returns peaks as `peaks`, of narrow waves only; called if there may be T waves
    """
    narrow = narrowness(peaks, waves)
    is_hiding = np.count_nonzero(narrow < MAX_T_NARROWNESS) >= HIDDEN_SHARE * peaks.size
    if is_hiding or _resemble_t(peaks, narrow).any():
        candidates = _union(peaks, narrow_peaks())
        narrow_candidates = narrowness(candidates, waves)
        are_t = _t_waves(candidates, narrow_candidates, waves)
        if are_t is not None:
            peaks, narrow = candidates[~are_t], narrow_candidates[~are_t]
    return peaks[~_p_waves(peaks, narrow, waves)]


def narrowness(peaks: NDArray[np.intp], waves: Waves) -> NDArray[np.float64]:
    """Return (n,) the rms difference over 16 ms near each peak, over that over 64 ms."""
    reach = _HALF_WINDOW + _LONG_HALF
    places = peaks[:, None] + np.arange(-reach, reach + 1, _STEP)
    np.clip(places, 0, waves.signal.shape[1] - 1, out=places)
    around = waves.signal[:, places]
    steps = _LONG_HALF // _STEP
    skipped = (_LONG_HALF - _SHORT_HALF) // _STEP
    long = around[:, :, 2 * steps :] - around[:, :, : -2 * steps]
    near = around[:, :, skipped:-skipped]
    short_steps = _SHORT_HALF // _STEP
    short = near[:, :, 2 * short_steps :] - near[:, :, : -2 * short_steps]
    long_squares = waves.weights @ np.vecdot(long, long)
    short_squares = waves.weights @ np.vecdot(short, short)
    ratio = np.sqrt(short_squares / np.maximum(long_squares, np.float32(1e-30)))
    return np.asarray(ratio, np.float64)


def _resemble_t(peaks: NDArray[np.intp], narrow: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (n - 1,) whether each peak but the first is smooth and follows a narrower one."""
    distance_s = np.diff(peaks) / WAVES_HZ
    ratio = narrow[:-1] / np.maximum(narrow[1:], 1e-12)
    is_smooth = (narrow[1:] < MAX_T_NARROWNESS) & (ratio > MIN_RATIO) | (ratio > CLEAR_RATIO)
    shortest_s, longest_s = DELAY_S
    return np.asarray(is_smooth & (distance_s > shortest_s) & (distance_s < longest_s))


def _union(peaks: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return all peaks, ascending; of those that are nearly at the same time, that of `peaks`."""
    if others.size == 0:
        return peaks
    after = np.searchsorted(peaks, others)
    next_peaks = peaks[np.minimum(after, peaks.size - 1)]
    last_peaks = peaks[np.maximum(after - 1, 0)]
    distance = np.minimum(np.abs(others - next_peaks), np.abs(others - last_peaks))
    return np.sort(np.concatenate([peaks, others[distance > SAME_PEAK_S * WAVES_HZ]]))


def _t_waves(
    peaks: NDArray[np.intp], narrow: NDArray[np.float64], waves: Waves
) -> NDArray[np.bool_] | None:
    """Return (n,) which peaks are T waves, None if the smooth waves are not the beats' T waves."""
    distance_s = np.diff(peaks) / WAVES_HZ
    resemble = _resemble_t(peaks, narrow)
    if not resemble.any():
        return None
    delay_s = float(median(distance_s[resemble]))
    at_delay = np.abs(distance_s - delay_s) < DELAY_TOLERANCE_S
    are_t = np.zeros(peaks.size, np.bool_)
    are_t[1:] = at_delay & (narrow[:-1] > MIN_RATIO * narrow[1:])
    if np.count_nonzero(are_t) < FOLLOWED_SHARE * np.count_nonzero(resemble):
        return None

    beats, t_waves = peaks[~are_t], peaks[are_t]
    size = _sizes(waves)
    t_sizes = _largest_near(size, t_waves)
    if not _every_beat_is_followed(beats, delay_s, size, float(median(t_sizes))):
        return None
    following = _sizes_after(size, t_waves, beats) / np.maximum(t_sizes, 1e-12)
    cycle_s = float(median(np.diff(beats))) / WAVES_HZ
    return are_t if _is_quiet(float(median(following)), delay_s, cycle_s) else None


def _p_waves(
    peaks: NDArray[np.intp], narrow: NDArray[np.float64], waves: Waves
) -> NDArray[np.bool_]:
    """Return (n,) which peaks are P waves; none are unless every beat has one."""
    are_p = np.zeros(peaks.size, np.bool_)
    distance_s = np.diff(peaks) / WAVES_HZ
    is_smooth = (narrow[:-1] < MAX_P_NARROWNESS) & (narrow[1:] > MIN_P_RATIO * narrow[:-1])
    resemble = is_smooth & (distance_s > P_BEFORE_S[0]) & (distance_s < P_BEFORE_S[1])
    if np.count_nonzero(resemble) < MIN_BEATS:
        return are_p
    before_s = float(median(distance_s[resemble]))
    are_p[:-1] = resemble & (np.abs(distance_s - before_s) < DELAY_TOLERANCE_S)
    if not are_p.any():
        # The median of distances of two kinds lies between them.
        return are_p
    beats, p_waves = peaks[~are_p], peaks[are_p]
    size = _sizes(waves)
    p_size = float(median(_largest_near(size, p_waves)))
    beat_sizes = _largest_near(size, beats)
    has_room = np.diff(beats) > (before_s + _NEXT_BEAT_S) * WAVES_HZ
    expected = beats[1:][has_room] - round(before_s * WAVES_HZ)
    if expected.size < MIN_BEATS or p_size > MAX_P_SIZE * float(median(beat_sizes)):
        return np.zeros_like(are_p)
    is_preceded = _largest_near(size, expected) > FOLLOWED_SIZE * p_size
    return are_p if is_preceded.mean() >= FOLLOWED_SHARE else np.zeros_like(are_p)


def _is_quiet(following: float, delay_s: float, cycle_s: float) -> bool:
    """Return whether so little follows the waves, at their distance from the beats, as follows T.

    following  size of what follows, over that of the waves
    """
    relative_delay = delay_s / np.sqrt(cycle_s)
    if relative_delay > MAX_RELATIVE_DELAY:
        return False
    is_early = delay_s < EARLY_S or (cycle_s < FAST_S and relative_delay < EARLY_RELATIVE)
    return following <= (MAX_AFTER_EARLY if is_early else MAX_AFTER)


def _sizes(waves: Waves) -> NDArray[np.float64]:
    """Return (samples,) how much all leads change within 64 ms about each sample."""
    signal = waves.signal
    change = signal[:, 2 * _LONG_HALF :] - signal[:, : -2 * _LONG_HALF]
    size = np.zeros(signal.shape[1])
    size[_LONG_HALF:-_LONG_HALF] = np.sqrt(waves.weights @ np.square(change))
    return size


def _every_beat_is_followed(
    beats: NDArray[np.intp], delay_s: float, size: NDArray[np.float64], usual_size: float
) -> bool:
    """Return whether nearly every beat is followed by a wave at this distance.

    The last beat, and beats that the next one follows too soon, do not count.
    """
    has_room = np.diff(beats) > (delay_s + _NEXT_BEAT_S) * WAVES_HZ
    if np.count_nonzero(has_room) < MIN_BEATS:
        return False
    expected = beats[:-1][has_room] + round(delay_s * WAVES_HZ)
    is_followed = _largest_near(size, expected) > FOLLOWED_SIZE * usual_size
    return bool(is_followed.mean() >= FOLLOWED_SHARE)


def _largest_near(size: NDArray[np.float64], places: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (n,) the largest size within DELAY_TOLERANCE_S of each place."""
    reach = round(DELAY_TOLERANCE_S * WAVES_HZ)
    near = np.clip(places[:, None] + np.arange(-reach, reach + 1), 0, size.size - 1)
    return np.asarray(size[near].max(axis=1))


def _sizes_after(
    size: NDArray[np.float64], t_waves: NDArray[np.intp], beats: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return (n,) the largest size after each T wave and before the next beat, 0 without a time."""
    first, last = (round(time_s * WAVES_HZ) for time_s in AFTER_S)
    next_beats = np.append(beats, size.size)[np.searchsorted(beats, t_waves)]
    stops = np.minimum(t_waves + last, next_beats - round(_NEXT_BEAT_S * WAVES_HZ))
    spans = zip((t_waves + first).tolist(), stops.tolist(), strict=True)
    return np.array([size[start:stop].max() if start < stop else 0.0 for start, stop in spans])
