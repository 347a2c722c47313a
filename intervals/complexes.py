"""Whether what recurs is a QRS complex at all: square waves, pulses, steps, waves of breath or gait recur as well.

A complex has a beginning that can be placed, is neither a spike nor a slow wave, and leaves the level where it found it, but
for the ST segment. The limits lie outside of what 786 real recordings have (LUDB at 500 Hz; PTB-XL folds 1-8 at 100 Hz, a third
of them with fibrillation, flutter or tachycardia), and of 19 in 20 of the 236 paced ones of those folds, whose spikes smear at
100 Hz; the comments state the extremes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.beats import BEAT_HZ, BEFORE_S
from intervals.fiducials import QRS_OFF, QRS_ON, Fiducials

# A complex outside of these is no QRS, whatever the network says of it: 40 ms is under the 1st percentile of newborns
# (Rijnbeek 2001); of 495 recordings with a pacemaker, left bundle branch block or IVCD in PTB-XL's folds 1-8 none is over 214 ms.
QRS_RANGE_MS: Final = (40.0, 240.0)
MIN_QRS_SEEN: Final = 0.9  # real: at least 0.96
MAX_ONSET_SPREAD_MS: Final = 40.0  # of the readings of its beginning; real: up to 23 ms
MAX_STEP: Final = 0.7  # level after it less level before, over its height; real: up to 0.36, an ST segment of that height, paced 0.6
# Time in which four fifths of its (squared) slope lie: the smoothed tip of a spike has 16 to 24 ms. Real: 28 to 112 ms, paced to 136;
# an artery's pulse has 140.
SLOPE_RANGE_MS: Final = (26.0, 138.0)
SLOPE_SHARE: Final = 0.8
# Of one lead to six: seen from one side a complex can be as steep as a spike of 16 ms. LUDB's leads alone have 24 ms and more, but for
# one III in a hundred, and one recording whose spikes are not taken out.
FEW_LEADS: Final = 6
FEW_LEADS_SLOPE_MS: Final = 22.0
# Its rms slope over that of the rest of the cycle, which is near 1 in a sine; real: at least 5.6, 98 in 100 paced ones 4.1. Where
# the rest is long enough, its steepest tenth is left out: a pacing spike before the complex is steeper than any.
MIN_STEEPNESS: Final = 4.0
REST_SHARE: Final = 0.9
TRIMMED_FROM_S: Final = 0.2
LEVEL_MS: Final = 20.0  # before the onset
AFTER_MS: Final = (8.0, 32.0)  # after the offset: the start of ST
CYCLE_S: Final = 1.1  # looked at where the rate is slower or unknown: the window's length
BEFORE_SHARE: Final = 0.35  # of the cycle lies before the complex: P, and not the last T


def why_no_complex(beat: NDArray[np.float64], said: Fiducials, rr_s: float | None) -> str | None:
    """The reason why the representative beat (leads, 288) has no QRS complex, None where it has one."""
    onset, offset = said.times[QRS_ON], said.times[QRS_OFF]
    if not (QRS_RANGE_MS[0] <= offset - onset <= QRS_RANGE_MS[1] and said.qrs_seen >= MIN_QRS_SEEN):
        return "no complex has the beginning and the end of a QRS"
    if said.spread[QRS_ON] > MAX_ONSET_SPREAD_MS:
        return "the beginning of a QRS complex cannot be placed"
    start, stop = _sample(onset, beat), _sample(offset, beat)
    if _step(beat, start, stop) > MAX_STEP:
        return "what recurs is a step from one level to another, no QRS complex"
    slope = np.square(np.diff(beat, axis=1)).sum(axis=0)
    width_ms = _slope_ms(slope[max(0, start - 8) : stop + 8])
    few = np.count_nonzero(beat.any(axis=1)) <= FEW_LEADS
    if width_ms < (FEW_LEADS_SLOPE_MS if few else SLOPE_RANGE_MS[0]):
        return "what recurs is narrower than any QRS complex"
    if width_ms > SLOPE_RANGE_MS[1] or _steepness(slope, start, stop, rr_s) < MIN_STEEPNESS:
        return "what recurs is a wave without the steepness of a QRS complex"
    return None


def _sample(time_ms: float, beat: NDArray[np.float64]) -> int:
    return int(min(max(round((time_ms / 1000.0 + BEFORE_S) * BEAT_HZ), 8), beat.shape[1] - 10))


def _step(beat: NDArray[np.float64], start: int, stop: int) -> float:
    ms = BEAT_HZ / 1000.0
    before = beat[:, start - round(LEVEL_MS * ms) : start].mean(axis=1)
    after = beat[:, stop + round(AFTER_MS[0] * ms) : stop + round(AFTER_MS[1] * ms)].mean(axis=1)
    height = np.abs(beat[:, start : stop + 1] - before[:, None]).max(axis=1)
    return float(np.linalg.norm(after - before) / max(float(np.linalg.norm(height)), 1e-12))


def _slope_ms(slope: NDArray[np.float64]) -> float:
    """How long the steepest samples last that hold `SLOPE_SHARE` of the whole."""
    held = np.cumsum(np.sort(slope)[::-1])
    return float((np.count_nonzero(held < SLOPE_SHARE * held[-1]) + 1) * 1000.0 / BEAT_HZ)


def _steepness(slope: NDArray[np.float64], start: int, stop: int, rr_s: float | None) -> float:
    cycle = round(min(CYCLE_S, rr_s if rr_s is not None else CYCLE_S) * BEAT_HZ)
    first = max(0, start - round(BEFORE_SHARE * cycle))
    last = min(slope.size, first + cycle)
    rest = np.sort(
        np.concatenate([slope[first : max(first, start - 5)], slope[min(last, stop + 5) : last]])
    )
    if rest.size >= TRIMMED_FROM_S * BEAT_HZ:
        rest = rest[: round(REST_SHARE * rest.size)]
    inside = float(slope[start - 2 : stop + 2].mean())
    return float(np.sqrt(inside / max(float(rest.mean()), 1e-30))) if rest.size else np.inf
