"""Warnings where the labels and the measurements of one recording cannot both be right.

A warning does not say which of the two is wrong.

An interval contradicts a label only if it still does so with its uncertainty added. Combinations
that occur in practice are not called contradictions: flutter waves that look like P waves, a
pacemaker whose spikes the leads do not show, a block of higher degree with a normal PR interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from analysis.answer_types import NumberName
from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord


@dataclass(frozen=True)
class _LowerLimit:
    """The smallest value of one measurement with which a label can be right.

    shown_as  the measurement's name in the warning
    limit_ms  that value in milliseconds
    reason    a clause of the warning that explains the limit
    """

    measurement: NumberName
    shown_as: str
    limit_ms: float
    reason: str


# Lowest and highest heart rate per minute with which a label can be right: the usual limits of 60
# and 100 /min with a margin of 10 (a choice), because a rate may change within a recording, and
# label and measurement do not use the same part of it. Ventricular tachycardia is faster than
# 100 /min (AHA/ACC/HRS 2017, doi:10.1016/j.jacc.2017.10.054).
_RATES_OF_LABELS: Final = {
    "Tachycardia": (90.0, float("inf")),
    "Ventricular tachycardia": (90.0, float("inf")),
    "Supraventricular tachycardia with aberrancy": (90.0, float("inf")),
    "Bradycardia": (0.0, 70.0),
}
# AHA/ACCF/HRS 2009, part III (doi:10.1016/j.jacc.2008.12.013): incomplete bundle branch block
# begins at 110 ms in adults, and the labels do not separate it from complete block (120 ms).
_WIDE_QRS: Final = _LowerLimit(
    "qrs_ms",
    "QRS duration",
    110.0,
    "bundle branch block, also incomplete, begins at 110 ms in adults",
)
# First-degree block: PR above 200 ms (ACC/AHA/HRS 2018, doi:10.1016/j.jacc.2018.10.044).
_LONG_PR: Final = _LowerLimit(
    "pr_ms", "PR interval", 200.0, "first-degree block is a PR above 200 ms in adults"
)
_INTERVALS_OF_LABELS: Final = {
    "Left bundle branch block": _WIDE_QRS,
    "Right bundle branch block": _WIDE_QRS,
    "Bifascicular block": _WIDE_QRS,
    "1st degree atrioventricular block": _LONG_PR,
}


def contradictions(
    labels: Sequence[JoinedLabel] | None, measured: MeasuredRecord | None
) -> list[str]:
    """Return the warnings, each "labels: sentence"; none if labels or measurements are missing.

    labels  all labels that the encoder has, positive or not
    """
    if labels is None or measured is None or measured.measurements is None:
        return []
    positive = {joined.label.name for joined in labels if joined.positive}
    return [
        *_of_rate(positive, measured),
        *_of_intervals(positive, measured),
    ]


def _of_rate(positive: set[str], measured: MeasuredRecord) -> Iterator[str]:
    rate = measured.number("heart_rate_bpm")
    if rate is None:
        return
    for name, (low, high) in _RATES_OF_LABELS.items():
        if name in positive and not low <= rate <= high:
            yield f"labels: {name} is positive, but the measured rate is {rate:.0f} per minute"


def _of_intervals(positive: set[str], measured: MeasuredRecord) -> Iterator[str]:
    assert measured.measurements is not None
    # A flagged value is outside the reference range for the patient's age. It is not compared,
    # because the limits here are those of adults, and those of children are lower.
    flagged = {flag["name"] for flag in measured.measurements["flags"]}
    uncertainties = measured.measurements["uncertainty_ms"]
    for name, lower in _INTERVALS_OF_LABELS.items():
        if name not in positive or lower.measurement in flagged:
            continue
        value = measured.number(lower.measurement)
        uncertainty = uncertainties.get(lower.measurement)
        if value is None or uncertainty is None:
            continue
        if value + uncertainty < lower.limit_ms:
            yield (
                f"labels: {name} is positive, but the measured {lower.shown_as} is "
                f"{value:.0f} ms (+-{uncertainty:.0f}); {lower.reason}"
            )
