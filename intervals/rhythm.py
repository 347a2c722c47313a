"""Name the rhythm by rules on the measurements, for use without an encoder and to check labels.

A rhythm that has a label has the label's name. Flutter is named if its waves are clear between the
beats. Tachycardias without visible P waves are distinguished by the width of their QRS complexes
alone. A rhythm that the rules cannot name is Undetermined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from intervals.irregularity import (
    IRREGULARITY_LIMIT,
    Seconds,
    differences_and_intervals,
    irregularity,
)
from intervals.measurements import Measurements
from signals.spikes import Pacing

UNDETERMINED: Final = "Undetermined"
# The limit if P waves are surely absent (a choice). Less irregularity is enough then: the other
# rhythms without P waves, junctional and paced ones, vary by a few hundredths only.
IRREGULARITY_LIMIT_WITHOUT_P: Final = 0.05
# In fibrillation, the median change from one interval to the next, over the median interval, is
# between these limits (choices, on PTB-XL folds 1-8). If it is smaller, only a few premature or
# dropped beats make the RMSSD large; if it is larger, alternating premature beats do.
FIBRILLATION_MEDIAN_CHANGE: Final = (0.03, 1.0)
P_SURELY_ABSENT: Final = 0.1  # below this probability of P waves
SLOW_PER_MIN, FAST_PER_MIN = 60.0, 100.0  # the usual limits of sinus rhythm
# A QRS complex is wide from this duration on, as in complete bundle branch block (AHA/ACCF/HRS
# 2009, part III).
WIDE_QRS_MS: Final = 120.0


@dataclass(frozen=True)
class Rhythm:
    """A rhythm's name.

    confidence  0..1: of a sinus rhythm the probability of P waves, of flutter the probability that
                there are none, of a paced rhythm the share of beats with a spike; of any other
                rhythm 0 where the measure that decided is at its limit, and 1 where it is twice the
                limit or more. None for Undetermined, or if the probability of P is unknown
    """

    name: str
    confidence: float | None = None


def name_rhythm(measurements: Measurements, pacing: Pacing) -> Rhythm:
    """Return the rhythm of a measured recording: the first rule that applies names it."""
    rate = measurements.heart_rate_bpm
    if rate is None:
        return Rhythm(UNDETERMINED)
    p_present = measurements.p_present

    if pacing.chamber is not None:
        paced_beats = max(pacing.atrial_beats, pacing.ventricular_beats)
        return Rhythm("Electronic pacemaker", paced_beats / max(1, pacing.beats))
    if measurements.flutter_per_min is not None:
        confidence = None if p_present is None else 1.0 - p_present
        return Rhythm("Atrial flutter", confidence)

    if measurements.pr_ms is not None:
        return Rhythm(_sinus_rhythm_name(rate), p_present)
    differences, intervals = differences_and_intervals(measurements)
    change = irregularity(differences, intervals)

    limit = IRREGULARITY_LIMIT
    if p_present is not None and p_present < P_SURELY_ABSENT:
        limit = IRREGULARITY_LIMIT_WITHOUT_P
    if (
        change is not None
        and change > limit
        and _changes_as_in_fibrillation(differences, intervals)
    ):
        return Rhythm("Atrial fibrillation", _excess_over(change, limit))
    if rate > FAST_PER_MIN and measurements.qrs_ms is not None:
        width = "Wide" if measurements.qrs_ms >= WIDE_QRS_MS else "Narrow"
        return Rhythm(f"{width}-complex tachycardia", _excess_over(rate, FAST_PER_MIN))
    return Rhythm(UNDETERMINED)


def _sinus_rhythm_name(rate: float) -> str:
    """Return the name of a sinus rhythm with `rate` beats per minute."""
    if rate < SLOW_PER_MIN:
        return "Sinus bradycardia"
    if rate > FAST_PER_MIN:
        return "Sinus tachycardia"
    return "Sinus rhythm"


def _changes_as_in_fibrillation(differences: Seconds, intervals: Seconds) -> bool:
    """Return whether intervals change from beat to beat as in fibrillation."""
    low, high = FIBRILLATION_MEDIAN_CHANGE
    change = np.median(np.abs(differences)) / np.median(intervals)
    return bool(low < change < high)


def _excess_over(value: float, limit: float) -> float:
    """Return the excess over `limit` as a share of it: 0 at the limit or below, at most 1."""
    return float(np.clip((value - limit) / limit, 0.0, 1.0))
