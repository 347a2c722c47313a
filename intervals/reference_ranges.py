"""Published reference ranges by age and sex, and flags on measurements outside of them.

A flag says that a value is outside of a stated range, whose source it names; it is no diagnosis.
Where no source gives a range for a patient's age, there is none. An unknown age counts as an
adult's, and the flag says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from signals.record import Patient

AxisDeviation = Literal["Normal", "Left", "Right", "Extreme"]

# The 2009 recommendations speak of adults above 16 years, older guidelines of 18.
ADULT_YEARS: Final = 16.0
# A QRS complex of an adult is wide from this duration on, as in complete bundle branch block
# (AHA/ACCF/HRS 2009, part III).
WIDE_QRS_MS: Final = 120.0

CONDUCTION = "AHA/ACCF/HRS 2009, part III, doi:10.1016/j.jacc.2008.12.013"
REPOLARISATION = "AHA/ACCF/HRS 2009, part IV, doi:10.1016/j.jacc.2008.12.014"
SHORT_QT = "ESC 2022, doi:10.1093/eurheartj/ehac262"
BRADYCARDIA = "ACC/AHA/HRS 2018, doi:10.1016/j.jacc.2018.10.044"
TACHYCARDIA = "ACC/AHA/HRS 2015, doi:10.1016/j.jacc.2015.09.019"
INTERATRIAL = "Bayes de Luna et al., J Electrocardiol 2012;45:445-451"


def is_child(age_years: float | None) -> bool:
    """Return whether the limits of adults do not apply; an unknown age counts as an adult's."""
    return age_years is not None and age_years <= ADULT_YEARS


@dataclass(frozen=True)
class Range:
    """Unremarkable values; None where the source has no bound on that side.

    Both bounds belong to the range. Values are reported to a tenth: where a source says "450 ms or
    longer", 449.9 is the last unremarkable one.
    """

    low: float | None
    high: float | None
    source: str

    def holds(self, value: float) -> bool:
        """Return whether a value is within the range."""
        if self.low is not None and value < self.low:
            return False
        return self.high is None or value <= self.high


@dataclass(frozen=True)
class Flag:
    """A measurement outside of its reference range."""

    name: str
    value: float
    range: Range


def reference_range(name: str, patient: Patient) -> Range | None:
    """Return the range of a measurement, named as in /analyze, for this patient.

    None where no source is known.
    """
    if patient.age_years is not None:
        return _range_at(name, patient.age_years, patient.sex)
    adult_range = _range_at(name, ADULT_YEARS + 1, patient.sex)
    if adult_range is None:
        return None
    return replace(adult_range, source=f"{adult_range.source} (age unknown: range of adults)")


def flags(values: Mapping[str, float | None], patient: Patient) -> list[Flag]:
    """Return a flag for each value outside of its range, in the order of `values`.

    None and NaN are not flagged.
    """
    flagged = []
    for name, value in values.items():
        if value is None or math.isnan(value):
            continue
        reference = reference_range(name, patient)
        if reference is not None and not reference.holds(value):
            flagged.append(Flag(name, value, reference))
    return flagged


def axis_deviation(axis_deg: float, patient: Patient) -> AxisDeviation:
    """Return Normal, Left, Right or Extreme for an axis in -180..180 degrees.

    Normal is within the range for the age, Left and Right are the side of it, Extreme is left of
    -90 degrees (AHA/ACCF/HRS 2009, part III).
    """
    reference = reference_range("qrs_axis_deg", patient)
    assert reference is not None and reference.low is not None and reference.high is not None, (
        "every age has a range of the axis"
    )
    # A newborn's range extends beyond 180 degrees: its 190 degrees are measured as -170.
    wraps = axis_deg <= reference.high - 360.0
    if reference.holds(axis_deg + 360.0 if wraps else axis_deg):
        return "Normal"
    if axis_deg < -90.0:
        return "Extreme"
    return "Left" if axis_deg < reference.low else "Right"


def _range_at(name: str, age: float, sex: str | None) -> Range | None:
    if name == "qrs_ms":
        return _qrs_range(age)
    if name == "qrs_axis_deg":
        return _axis_range(age)
    if age <= ADULT_YEARS:
        return None
    if name.startswith("qtc_"):
        return _qtc_range(sex)
    return ADULT_RANGES.get(name)


ADULT_RANGES: Final[Mapping[str, Range]] = {
    "heart_rate_bpm": Range(50, 100, f"{BRADYCARDIA} (below 50); {TACHYCARDIA} (above 100)"),
    "pr_ms": Range(120, 200, f"{CONDUCTION} (below 120); {BRADYCARDIA} (above 200)"),
    "p_duration_ms": Range(None, 120, INTERATRIAL),  # more than 120 ms is interatrial block
}


def _qrs_range(age: float) -> Range:
    """Return the range of the QRS duration.

    In adults "greater than 110 ms" is abnormal. In children, 100 ms "or more" (4 to 16 years) and
    90 ms "or more" (below 4 years) are prolonged.
    """
    if age > ADULT_YEARS:
        return Range(None, 110, CONDUCTION)
    return Range(None, 99.9 if age >= 4 else 89.9, CONDUCTION)


def _qtc_range(sex: str | None) -> Range:
    """Return an adult's range of the corrected QT.

    By the 2009 recommendations, 460 ms or longer in women and 450 ms or longer in men is prolonged;
    unknown sex: the wider range. 360 ms or below is short, from where the ESC's guideline considers
    a short-QT syndrome. The 2009 recommendations call 390 ms or below short, which holds for many
    healthy people, above all at slow rates: such a flag would mean nothing.
    """
    sex_note = "" if sex in ("male", "female") else " (sex unknown: range of women)"
    high = 449.9 if sex == "male" else 459.9
    return Range(360.1, high, f"{REPOLARISATION} (prolonged); {SHORT_QT} (short){sex_note}")


# Upper age in years (exclusive), lowest and highest normal frontal axis in degrees.
AXIS_BY_AGE: Final = (
    (1.0, 10, 120),
    (5.0, 5, 100),
    (8.0, 0, 140),
    (ADULT_YEARS, 0, 120),
    (math.inf, -30, 90),
)
NEONATE_YEARS: Final = 1 / 12
NEONATE_AXIS: Final = Range(30, 190, CONDUCTION)


def _axis_range(age: float) -> Range:
    """Return the range of the QRS axis; every age has one."""
    if age < NEONATE_YEARS:
        return NEONATE_AXIS
    low, high = next((low, high) for below, low, high in AXIS_BY_AGE if age < below)
    return Range(low, high, CONDUCTION)
