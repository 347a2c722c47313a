"""Heart rate variability by NeuroKit2: segments of five minutes, on normal beats only.

Names and lengths are those of the Task Force (Circulation 1996;93:1043).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analysis.holter.rhythm import Array, Mask, Rhythm, within
from analysis.holter.waves import SEGMENT_S
from intervals.neurokit.loading import NEUROKIT_ERRORS, load, quiet

# A segment is measured if normal intervals make up this share of it (a choice; the Task Force asks
# for as few ectopic and missing beats as possible, without a number).
MIN_NORMAL_SHARE: Final = 0.8
# "At least 18 h of analysable ECG data that includes the whole night" (Task Force, 1996).
MIN_LONG_S: Final = 18 * 3600
MS: Final = 1000.0


@dataclass(frozen=True)
class Segment:
    """Five minutes; values are None with a reason.

    normal_share  of its time that normal intervals make up
    lf_ms2, hf_ms2  power from 0.04 to 0.15 Hz, and to 0.4 Hz
    """

    start_s: float
    normal_share: float
    mean_nn_ms: float | None = None
    sdnn_ms: float | None = None
    rmssd_ms: float | None = None
    pnn50_percent: float | None = None
    lf_ms2: float | None = None
    hf_ms2: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Variability:
    """The segments, and what is measured over the whole recording.

    sdnn_ms        of all normal intervals
    sdann_ms       standard deviation of the segments' means
    sdnn_index_ms  mean of the segments' standard deviations
    reason         why these three are None
    """

    segments: tuple[Segment, ...]
    sdnn_ms: float | None = None
    sdann_ms: float | None = None
    sdnn_index_ms: float | None = None
    reason: str | None = None


def variability_of(rhythm: Rhythm, peak_s: Array) -> Variability:
    """Return the variability of a recording.

    peak_s  (beats,) exact times of the rhythm's beats
    """
    is_normal = _normal_intervals(rhythm)
    intervals_s = np.diff(peak_s, prepend=np.nan)
    is_fibrillation = within(rhythm.beat_s, rhythm.of("atrial_fibrillation"))
    segments = []
    for start_s in np.arange(0, rhythm.duration_s, float(SEGMENT_S)).tolist():
        is_in = (rhythm.beat_s >= start_s) & (rhythm.beat_s < start_s + SEGMENT_S)
        chosen = is_in & is_normal
        share = float(intervals_s[chosen].sum()) / SEGMENT_S
        if (is_in & is_fibrillation).any():
            segments.append(Segment(start_s, share, reason="atrial_fibrillation"))
        elif share < MIN_NORMAL_SHARE:
            segments.append(Segment(start_s, share, reason="few_normal_beats"))
        else:
            segments.append(_segment(start_s, share, intervals_s[chosen], peak_s[chosen]))
    usable = is_normal & ~is_fibrillation
    return _whole(tuple(segments), intervals_s[usable])


def _normal_intervals(rhythm: Rhythm) -> Mask:
    """Return (beats,) whether the interval before a beat lies between two normal ones."""
    normal = rhythm.is_("N")
    follows = np.concatenate([[False], normal[:-1]])
    is_normal: Mask = normal & follows & ~np.isnan(rhythm.interval_s)
    return is_normal


def _segment(start_s: float, share: float, intervals_s: Array, peak_s: Array) -> Segment:
    neurokit = load()
    intervals = {"RRI": intervals_s * MS, "RRI_Time": peak_s}
    try:
        with quiet():
            time = neurokit.hrv_time(intervals)
            power = neurokit.hrv_frequency(intervals, normalize=False)
    except NEUROKIT_ERRORS:
        return Segment(start_s, share, reason="not_measurable")
    return Segment(
        start_s,
        share,
        _value(time, "HRV_MeanNN"),
        _value(time, "HRV_SDNN"),
        _value(time, "HRV_RMSSD"),
        _value(time, "HRV_pNN50"),
        _value(power, "HRV_LF"),
        _value(power, "HRV_HF"),
    )


def _value(table: Any, name: str) -> float | None:
    value = float(table[name].iloc[0])
    return value if np.isfinite(value) else None


def _whole(segments: tuple[Segment, ...], intervals_s: Array) -> Variability:
    if intervals_s.sum() < MIN_LONG_S:
        return Variability(segments, reason="short")
    means = [each.mean_nn_ms for each in segments if each.mean_nn_ms is not None]
    deviations = [each.sdnn_ms for each in segments if each.sdnn_ms is not None]
    if len(means) < 2:
        return Variability(segments, reason="few_normal_beats")
    return Variability(
        segments,
        float(np.std(intervals_s, ddof=1)) * MS,
        float(np.std(means, ddof=1)),
        float(np.mean(deviations)),
    )
