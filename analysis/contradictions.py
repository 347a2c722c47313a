"""Where the labels and the measurements of one recording cannot both be right: warnings, as neither is proof.

An interval contradicts a label only where its uncertainty leaves room for no other reading. What may well be is not called a
contradiction: flutter waves that look like P, a pacemaker without spikes that the leads show, block of a higher degree with a
normal PR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from analysis.labels import JoinedLabel
from analysis.measuring import Measured

# The usual limits of 60 and 100 /min, with 10 to spare (a choice), as a rate may change within a recording and label and rate
# look at different parts of it. Ventricular tachycardia is faster than 100 /min (AHA/ACC/HRS 2017, doi:10.1016/j.jacc.2017.10.054).
RATES_OF_LABELS: Final = {
    "Tachycardia": (90.0, float("inf")),
    "Ventricular tachycardia": (90.0, float("inf")),
    "Supraventricular tachycardia with aberrancy": (90.0, float("inf")),
    "Bradycardia": (0.0, 70.0),
}
# Label -> measurement, the value from which on it can be true, and in words. AHA/ACCF/HRS 2009, part III (doi:10.1016/j.jacc.2008.12.013):
# incomplete bundle branch block from 110 ms on in adults, and the labels do not tell it from complete block (120 ms). First-degree
# block: PR above 200 ms (ACC/AHA/HRS 2018, doi:10.1016/j.jacc.2018.10.044).
WIDE: Final = ("qrs_ms", 110.0, "bundle branch block, also incomplete, begins at 110 ms in adults")
INTERVALS_OF_LABELS: Final = {
    "Left bundle branch block": WIDE,
    "Right bundle branch block": WIDE,
    "Bifascicular block": WIDE,
    "1st degree atrioventricular block": (
        "pr_ms",
        200.0,
        "first-degree block is a PR above 200 ms in adults",
    ),
}
SHOWN: Final = {"qrs_ms": "QRS duration", "pr_ms": "PR interval"}
AF, FLUTTER, PACED, SINUS = (
    "Atrial fibrillation",
    "Atrial flutter",
    "Electronic pacemaker",
    "Sinus rhythm",
)


def contradictions(labels: Sequence[JoinedLabel] | None, measured: Measured | None) -> list[str]:
    """Sentences for the answer's `warnings`; none without labels or measurements."""
    if labels is None or measured is None or measured.measurements is None:
        return []
    positive = {joined.label.name for joined in labels if joined.positive}
    known = {joined.label.name for joined in labels}
    return [
        *_of_rate(positive, measured),
        *_of_intervals(positive, measured),
        *_of_rhythm(positive, known, measured),
    ]


def _of_rate(positive: set[str], measured: Measured) -> Iterator[str]:
    rate = measured.number("heart_rate_bpm")
    for name, (low, high) in RATES_OF_LABELS.items():
        if rate is not None and name in positive and not low <= rate <= high:
            yield f"labels: {name} is positive and the measured rate is {rate:.0f} per minute"


def _of_intervals(positive: set[str], measured: Measured) -> Iterator[str]:
    assert measured.measurements is not None
    flagged = {
        flag["name"] for flag in measured.measurements["flags"]
    }  # by the age's own limits, lower in children
    for name, (field, limit, reason) in INTERVALS_OF_LABELS.items():
        value, width = measured.number(field), measured.measurements["uncertainty_ms"].get(field)
        if (
            name in positive
            and value is not None
            and width is not None
            and value + width < limit
            and field not in flagged
        ):
            yield f"labels: {name} is positive and the measured {SHOWN[field]} is {value:.0f} ms (+-{width:.0f}); {reason}"


def _of_rhythm(positive: set[str], known: set[str], measured: Measured) -> Iterator[str]:
    if measured.rhythm is None:
        return
    word, findings = measured.rhythm.word, measured.rhythm.findings
    pr = measured.number("pr_ms")
    if (
        AF in positive
        and word.startswith("Sinus")
        and pr is not None
        and "Sinus arrhythmia" not in findings
    ):
        yield f"labels: {AF} is positive, yet a P wave stands before the QRS complexes (PR {pr:.0f} ms) and the rhythm is regular"
    if SINUS in positive and AF not in positive and word == AF:
        yield f"labels: {SINUS} is positive, yet the measured rhythm is irregular without P waves, as in atrial fibrillation"
    if SINUS in positive and FLUTTER not in positive and word == FLUTTER:
        yield f"labels: {SINUS} is positive, yet the measured atrial waves are those of atrial flutter"
    if PACED in known and PACED not in positive and word == PACED:
        yield f"labels: {PACED} is not positive, yet pacing spikes stand before the beats"
