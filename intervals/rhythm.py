"""The rhythm's name, by rules on the measurements: for use without an encoder, and as a check.

The names are those of the labels where there is one. Flutter is named where its waves are clear
between the beats. Tachycardias without visible P waves are distinguished by the width of their QRS
alone. What the rules cannot name is Undetermined.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.measurements import Measurements
from signals.spikes import Pacing

Seconds = NDArray[np.float64]

UNDETERMINED: Final = "Undetermined"
# RMSSD over mean RR of beats that are not ectopic; above it the rhythm is irregular (Dash et al.,
# Ann Biomed Eng 2009;37:1701-9).
IRREGULAR: Final = 0.1
# Without any P wave: junctional and paced rhythms vary by a few hundredths, so that less
# irregularity is enough (a choice).
IRREGULAR_WITHOUT_P: Final = 0.05
# Median change from one interval to the next over the median interval. Below, a few premature or
# dropped beats cause the RMSSD; from a whole interval on, alternating premature beats do (choices,
# on PTB-XL folds 1-8).
CHANGES_OF_FIBRILLATION: Final = (0.03, 1.0)
SURELY_NO_P: Final = 0.1  # probability of P
MIN_INTERVALS: Final = 4  # fewer do not show whether a rhythm is regular
SLOW_PER_MIN, FAST_PER_MIN = 60.0, 100.0  # the usual limits of sinus rhythm
# AHA/ACCF/HRS 2009, part III: complete bundle branch block from there on.
WIDE_QRS_MS: Final = 120.0
# Share of the beats, and at least MIN_ECTOPIC of them (a choice).
FREQUENT_ECTOPY: Final = 0.1
MIN_ECTOPIC: Final = 2
# Share of the pairs of neighbours that are one normal and one ectopic beat.
BIGEMINY: Final = 0.8
MIN_BIGEMINY_BEATS: Final = 4


@dataclass(frozen=True)
class Rhythm:
    """A rhythm and additional findings.

    confidence  0..1: the distance of the deciding measure from its limit; None for no rhythm
    """

    word: str
    confidence: float | None = None
    findings: tuple[str, ...] = ()


def name_rhythm(measurements: Measurements, pacing: Pacing) -> Rhythm:
    """Name the rhythm of a measured recording."""
    rate = measurements.heart_rate_bpm
    if rate is None:
        return Rhythm(UNDETERMINED)
    findings = _ectopy(measurements)
    p_present = measurements.p_present

    if pacing.chamber is not None:
        paced_beats = max(pacing.atrial_beats, pacing.ventricular_beats)
        return Rhythm("Electronic pacemaker", paced_beats / max(1, pacing.beats), findings)
    if measurements.flutter_per_min is not None:
        confidence = None if p_present is None else 1.0 - p_present
        return Rhythm("Atrial flutter", confidence, findings)

    differences, intervals = _enough_intervals(measurements)
    irregularity = _irregularity(differences, intervals)
    if measurements.pr_ms is not None:
        if irregularity is not None and irregularity > IRREGULAR:
            findings = (*findings, "Sinus arrhythmia")
        return Rhythm(_sinus_word(rate), p_present, findings)

    limit = IRREGULAR
    if p_present is not None and p_present < SURELY_NO_P:
        limit = IRREGULAR_WITHOUT_P
    if (
        irregularity is not None
        and irregularity > limit
        and _changes_throughout(differences, intervals)
    ):
        return Rhythm("Atrial fibrillation", _beyond(irregularity, limit), findings)
    if rate > FAST_PER_MIN and measurements.qrs_ms is not None:
        width = "Wide" if measurements.qrs_ms >= WIDE_QRS_MS else "Narrow"
        return Rhythm(f"{width}-complex tachycardia", _beyond(rate, FAST_PER_MIN), findings)
    return Rhythm(UNDETERMINED, None, findings)


def _sinus_word(rate: float) -> str:
    if rate < SLOW_PER_MIN:
        return "Sinus bradycardia"
    if rate > FAST_PER_MIN:
        return "Sinus tachycardia"
    return "Sinus rhythm"


def _irregularity(differences: Seconds, intervals: Seconds) -> float | None:
    """Return RMSSD over the mean interval; None without intervals."""
    if intervals.size == 0:
        return None
    rmssd = np.sqrt(np.mean(np.square(differences)))
    return float(rmssd / intervals.mean())


def _changes_throughout(differences: Seconds, intervals: Seconds) -> bool:
    """Return whether the median change between intervals is that of fibrillation."""
    low, high = CHANGES_OF_FIBRILLATION
    change = np.median(np.abs(differences)) / np.median(intervals)
    return bool(low < change < high)


def _enough_intervals(measurements: Measurements) -> tuple[Seconds, Seconds]:
    """Return differences of successive intervals, and intervals.

    Between normal beats. Where beats of many morphologies leave too few of these, between all beats
    that are not noisy. Empty where these are too few as well.
    """
    for beat_classes in (("normal",), ("normal", "ectopic", "paced")):
        differences, intervals = _intervals_between(measurements, beat_classes)
        if intervals.size >= MIN_INTERVALS and differences.size >= MIN_INTERVALS - 1:
            return differences, intervals
    return np.zeros(0), np.zeros(0)


def _intervals_between(
    measurements: Measurements, beat_classes: tuple[str, ...]
) -> tuple[Seconds, Seconds]:
    """Return differences of successive intervals, and intervals, between beats of the classes."""
    beats = measurements.fiducials
    times_s = np.array([beat.r for beat in beats])
    counts = np.array([beat.beat_class in beat_classes for beat in beats], np.bool_)
    intervals = np.diff(times_s)
    interval_counts = counts[1:] & counts[:-1]
    difference_counts = interval_counts[1:] & interval_counts[:-1]
    return np.diff(intervals)[difference_counts], intervals[interval_counts]


def _ectopy(measurements: Measurements) -> tuple[str, ...]:
    """Return the finding on ectopic beats, if any. Noisy beats are left out."""
    classes = [beat.beat_class for beat in measurements.fiducials if beat.beat_class != "noisy"]
    ectopic = classes.count("ectopic")
    if ectopic < MIN_ECTOPIC or ectopic < FREQUENT_ECTOPY * len(classes):
        return ()
    pairs = list(pairwise(classes))
    alternating = sum(earlier != later for earlier, later in pairs)
    if len(classes) >= MIN_BIGEMINY_BEATS and alternating >= BIGEMINY * len(pairs):
        return ("Bigeminy",)
    return ("Frequent ectopic beats",)


def _beyond(value: float, limit: float) -> float:
    """Return 0 at the limit, rising linearly to 1 at twice the limit and above."""
    return float(np.clip((value - limit) / limit, 0.0, 1.0))
