"""Rhythm in words, by rules on the measurements: for use without an encoder, and to check its labels against.

Words are those of the labels where there is one. Flutter is named where its waves are clear between the beats; tachycardias
without visible P waves are told apart by the width of their QRS alone; what the rules cannot name is Undetermined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.measurements import Measurements
from signals.spikes import Pacing

UNDETERMINED: Final = "Undetermined"
# RMSSD over mean RR of beats that are not ectopic; above it the rhythm is irregular (Dash et al., Ann Biomed Eng 2009;37:1701-9).
IRREGULAR: Final = 0.1
# Without any P wave: junctional and paced rhythms keep time to a few hundredths, so that less irregularity is enough (a choice).
IRREGULAR_WITHOUT_P: Final = 0.05
# Median change from one interval to the next over the median interval. Below, a few premature or dropped beats make the RMSSD;
# at a whole interval and more, premature beats by turns do (choices, on PTB-XL folds 1-8).
CHANGES_OF_FIBRILLATION: Final = (0.03, 1.0)
SURELY_NO_P: Final = 0.1  # probability of P
MIN_INTERVALS: Final = 4  # fewer say nothing of regularity
SLOW_PER_MIN, FAST_PER_MIN = 60.0, 100.0  # the usual limits of sinus rhythm
WIDE_QRS_MS: Final = (
    120.0  # AHA/ACCF/HRS 2009, part III: complete bundle branch block from there on
)
FREQUENT_ECTOPY: Final = 0.1  # of the beats, and at least two: a choice
BIGEMINY: Final = 0.8  # of the pairs of neighbours that are one normal and one ectopic beat


@dataclass(frozen=True)
class Rhythm:
    """The word, how far what it was decided by lies from its limit (0..1, None for no rhythm), and findings beside it."""

    word: str
    confidence: float | None = None
    findings: tuple[str, ...] = ()


def rhythm(found: Measurements, pacing: Pacing) -> Rhythm:
    """Name the rhythm of a measured recording."""
    rate = found.heart_rate_bpm
    if rate is None:
        return Rhythm(UNDETERMINED)
    findings = _ectopy(found)
    if pacing.chamber is not None:
        beats = max(pacing.atrial_beats, pacing.ventricular_beats)
        return Rhythm("Electronic pacemaker", beats / max(1, pacing.beats), findings)
    if found.flutter_per_min is not None:
        return Rhythm(
            "Atrial flutter", None if found.p_present is None else 1.0 - found.p_present, findings
        )
    irregular = irregularity(found)
    if found.pr_ms is not None:
        return _sinus(rate, irregular, findings, found)
    limit = (
        IRREGULAR_WITHOUT_P
        if found.p_present is not None and found.p_present < SURELY_NO_P
        else IRREGULAR
    )
    if irregular is not None and irregular > limit and _changes_throughout(found):
        return Rhythm("Atrial fibrillation", _beyond(irregular, limit), findings)
    if rate > FAST_PER_MIN and found.qrs_ms is not None:
        word = (
            "Wide-complex tachycardia"
            if found.qrs_ms >= WIDE_QRS_MS
            else "Narrow-complex tachycardia"
        )
        return Rhythm(word, _beyond(rate, FAST_PER_MIN), findings)
    return Rhythm(UNDETERMINED, None, findings)


def irregularity(found: Measurements) -> float | None:
    """RMSSD over the mean of the intervals between neighbouring normal beats; None with too few beats."""
    successive, intervals = _enough_intervals(found)
    return (
        float(np.sqrt(np.mean(np.square(successive))) / intervals.mean())
        if intervals.size
        else None
    )


def _changes_throughout(found: Measurements) -> bool:
    successive, intervals = _enough_intervals(found)
    low, high = CHANGES_OF_FIBRILLATION
    return bool(
        intervals.size and low < np.median(np.abs(successive)) / np.median(intervals) < high
    )


def _enough_intervals(found: Measurements) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differences and intervals of normal beats; with the ectopic ones where beats of many forms follow each other; else none."""
    for of_normal in (True, False):
        successive, intervals = _intervals(found, of_normal=of_normal)
        if intervals.size >= MIN_INTERVALS and successive.size >= MIN_INTERVALS - 1:
            return successive, intervals
    return np.zeros(0), np.zeros(0)


def _intervals(
    found: Measurements, *, of_normal: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differences of successive intervals, and the intervals, in s, between beats that are normal, or at least not noisy."""
    classes = ("normal",) if of_normal else ("normal", "ectopic", "paced")
    times = np.array([beat.r for beat in found.fiducials])
    counted = np.array([beat.beat_class in classes for beat in found.fiducials], np.bool_)
    intervals = np.diff(times)
    between = counted[1:] & counted[:-1]
    pairs = between[1:] & between[:-1]
    return np.diff(intervals)[pairs], intervals[between]


def _sinus(
    rate: float, irregular: float | None, findings: tuple[str, ...], found: Measurements
) -> Rhythm:
    if irregular is not None and irregular > IRREGULAR:
        findings = (*findings, "Sinus arrhythmia")
    confidence = found.p_present
    if rate < SLOW_PER_MIN:
        return Rhythm("Sinus bradycardia", confidence, findings)
    return Rhythm(
        "Sinus tachycardia" if rate > FAST_PER_MIN else "Sinus rhythm", confidence, findings
    )


def _ectopy(found: Measurements) -> tuple[str, ...]:
    classes = [beat.beat_class for beat in found.fiducials if beat.beat_class != "noisy"]
    ectopic = classes.count("ectopic")
    if ectopic < 2 or ectopic < FREQUENT_ECTOPY * len(classes):
        return ()
    alternating = sum(one != other for one, other in zip(classes[1:], classes, strict=False))
    return (
        ("Bigeminy",)
        if len(classes) > 3 and alternating >= BIGEMINY * (len(classes) - 1)
        else ("Frequent ectopic beats",)
    )


def _beyond(value: float, limit: float) -> float:
    """0 at the limit, 1 at twice the limit and above."""
    return float(np.clip((value - limit) / limit, 0.0, 1.0))
