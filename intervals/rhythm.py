"""Name the rhythm by rules on the measurements, for use without an encoder and to check labels.

A rhythm that has a label has the label's name. Flutter is named if its waves are clear between the
beats. Tachycardias without visible P waves are distinguished by the width of their QRS complexes
alone. A rhythm that the rules cannot name is Undetermined.
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
# A rhythm is irregular if its irregularity, RMSSD over mean RR without ectopic beats, is above this
# limit (Dash et al., Ann Biomed Eng 2009;37:1701-9).
IRREGULARITY_LIMIT: Final = 0.1
# The limit if P waves are surely absent (a choice). Less irregularity is enough then: the other
# rhythms without P waves, junctional and paced ones, vary by a few hundredths only.
IRREGULARITY_LIMIT_WITHOUT_P: Final = 0.05
# In fibrillation, the median change from one interval to the next, over the median interval, is
# between these limits (choices, on PTB-XL folds 1-8). If it is smaller, only a few premature or
# dropped beats make the RMSSD large; if it is larger, alternating premature beats do.
FIBRILLATION_MEDIAN_CHANGE: Final = (0.03, 1.0)
P_SURELY_ABSENT: Final = 0.1  # below this probability of P waves
MIN_INTERVALS: Final = 4  # fewer do not show whether a rhythm is regular
SLOW_PER_MIN, FAST_PER_MIN = 60.0, 100.0  # the usual limits of sinus rhythm
# A QRS complex is wide from this duration on, as in complete bundle branch block (AHA/ACCF/HRS
# 2009, part III).
WIDE_QRS_MS: Final = 120.0
# Ectopic beats are frequent from this share of the beats on, if there are at least MIN_ECTOPIC
# (a choice).
FREQUENT_ECTOPIC_SHARE: Final = 0.1
MIN_ECTOPIC: Final = 2
# Bigeminy: at least this share of the pairs of successive beats is one normal and one ectopic beat.
BIGEMINY_SHARE: Final = 0.8
MIN_BIGEMINY_BEATS: Final = 4


@dataclass(frozen=True)
class Rhythm:
    """A rhythm's name and additional findings.

    confidence  0..1: of a sinus rhythm the probability of P waves, of flutter the probability that
                there are none, of a paced rhythm the share of beats with a spike; of any other
                rhythm 0 where the measure that decided is at its limit, and 1 where it is twice the
                limit or more. None for Undetermined, or if the probability of P is unknown
    """

    name: str
    confidence: float | None = None
    findings: tuple[str, ...] = ()


def name_rhythm(measurements: Measurements, pacing: Pacing) -> Rhythm:
    """Return the rhythm of a measured recording: the first rule that applies names it."""
    rate = measurements.heart_rate_bpm
    if rate is None:
        return Rhythm(UNDETERMINED)
    findings = _ectopic_findings(measurements)
    p_present = measurements.p_present

    if pacing.chamber is not None:
        paced_beats = max(pacing.atrial_beats, pacing.ventricular_beats)
        return Rhythm("Electronic pacemaker", paced_beats / max(1, pacing.beats), findings)
    if measurements.flutter_per_min is not None:
        confidence = None if p_present is None else 1.0 - p_present
        return Rhythm("Atrial flutter", confidence, findings)

    differences, intervals = _differences_and_intervals(measurements)
    irregularity = _irregularity(differences, intervals)
    if measurements.pr_ms is not None:
        if irregularity is not None and irregularity > IRREGULARITY_LIMIT:
            findings = (*findings, "Sinus arrhythmia")
        return Rhythm(_sinus_rhythm_name(rate), p_present, findings)

    limit = IRREGULARITY_LIMIT
    if p_present is not None and p_present < P_SURELY_ABSENT:
        limit = IRREGULARITY_LIMIT_WITHOUT_P
    if (
        irregularity is not None
        and irregularity > limit
        and _changes_as_in_fibrillation(differences, intervals)
    ):
        return Rhythm("Atrial fibrillation", _excess_over(irregularity, limit), findings)
    if rate > FAST_PER_MIN and measurements.qrs_ms is not None:
        width = "Wide" if measurements.qrs_ms >= WIDE_QRS_MS else "Narrow"
        return Rhythm(f"{width}-complex tachycardia", _excess_over(rate, FAST_PER_MIN), findings)
    return Rhythm(UNDETERMINED, None, findings)


def _sinus_rhythm_name(rate: float) -> str:
    """Return the name of a sinus rhythm with `rate` beats per minute."""
    if rate < SLOW_PER_MIN:
        return "Sinus bradycardia"
    if rate > FAST_PER_MIN:
        return "Sinus tachycardia"
    return "Sinus rhythm"


def _irregularity(differences: Seconds, intervals: Seconds) -> float | None:
    """Return RMSSD over the mean interval; None if there are no intervals."""
    if intervals.size == 0:
        return None
    rmssd = np.sqrt(np.mean(np.square(differences)))
    return float(rmssd / intervals.mean())


def _changes_as_in_fibrillation(differences: Seconds, intervals: Seconds) -> bool:
    """Return whether intervals change from beat to beat as in fibrillation."""
    low, high = FIBRILLATION_MEDIAN_CHANGE
    change = np.median(np.abs(differences)) / np.median(intervals)
    return bool(low < change < high)


def _differences_and_intervals(measurements: Measurements) -> tuple[Seconds, Seconds]:
    """Return the differences of successive RR intervals, and the RR intervals.

    They are those between normal beats. If these are too few, because beats have many morphologies,
    they are those between all beats that are not noisy. If these are too few as well, both arrays
    are empty.
    """
    for beat_classes in (("normal",), ("normal", "ectopic", "paced")):
        differences, intervals = _differences_and_intervals_between(measurements, beat_classes)
        if intervals.size >= MIN_INTERVALS and differences.size >= MIN_INTERVALS - 1:
            return differences, intervals
    return np.zeros(0), np.zeros(0)


def _differences_and_intervals_between(
    measurements: Measurements, beat_classes: tuple[str, ...]
) -> tuple[Seconds, Seconds]:
    """Return the differences of successive RR intervals, and the RR intervals.

    Both only between neighbouring beats that all are of one of the classes.
    """
    beats = measurements.fiducials
    times_s = np.array([beat.r for beat in beats])
    is_of_class = np.array([beat.beat_class in beat_classes for beat in beats], np.bool_)
    intervals = np.diff(times_s)
    is_interval = is_of_class[1:] & is_of_class[:-1]
    is_difference = is_interval[1:] & is_interval[:-1]
    return np.diff(intervals)[is_difference], intervals[is_interval]


def _ectopic_findings(measurements: Measurements) -> tuple[str, ...]:
    """Return the finding on ectopic beats, or none: "Bigeminy" or "Frequent ectopic beats".

    Noisy beats are left out.
    """
    classes = [beat.beat_class for beat in measurements.fiducials if beat.beat_class != "noisy"]
    ectopic = classes.count("ectopic")
    if ectopic < MIN_ECTOPIC or ectopic < FREQUENT_ECTOPIC_SHARE * len(classes):
        return ()
    pairs = list(pairwise(classes))
    alternating = sum(earlier != later for earlier, later in pairs)
    if len(classes) >= MIN_BIGEMINY_BEATS and alternating >= BIGEMINY_SHARE * len(pairs):
        return ("Bigeminy",)
    return ("Frequent ectopic beats",)


def _excess_over(value: float, limit: float) -> float:
    """Return the excess over `limit` as a share of it: 0 at the limit or below, at most 1."""
    return float(np.clip((value - limit) / limit, 0.0, 1.0))
