"""Published reference ranges by age and sex, and the measurements that lie outside of them.

A flag says that a value is out of a stated range, whose source it names; it is no diagnosis. Where no source gives a range
for a patient's age, there is none. An unknown age is taken as an adult's, and the flag says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from signals.record import Patient

AxisWord = Literal["Normal", "Left", "Right", "Extreme"]

ADULT_YEARS: Final = (
    16.0  # the 2009 recommendations speak of adults above 16 years; older guidelines of 18
)

CONDUCTION = "AHA/ACCF/HRS 2009, part III, doi:10.1016/j.jacc.2008.12.013"
REPOLARISATION = "AHA/ACCF/HRS 2009, part IV, doi:10.1016/j.jacc.2008.12.014"
SHORT_QT = "ESC 2022, doi:10.1093/eurheartj/ehac262"
BRADYCARDIA = "ACC/AHA/HRS 2018, doi:10.1016/j.jacc.2018.10.044"
TACHYCARDIA = "ACC/AHA/HRS 2015, doi:10.1016/j.jacc.2015.09.019"
INTERATRIAL = "Bayes de Luna et al., J Electrocardiol 2012;45:445-451"


@dataclass(frozen=True)
class Range:
    """Values that are not remarkable; None where the source has no bound on that side. Both bounds belong to it.

    Values are told to a tenth: where a source says "450 ms or longer", 449.9 is the last that is not.
    """

    low: float | None
    high: float | None
    source: str

    def holds(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Flag:
    name: str
    value: float
    range: Range


def reference_range(name: str, patient: Patient) -> Range | None:
    """The range of one measurement (names as in /analyze) for this patient; None where no source is known."""
    age = ADULT_YEARS + 1 if patient.age_years is None else patient.age_years
    found = _by_age(name, age, patient.sex)
    if found is not None and patient.age_years is None:
        return Range(found.low, found.high, f"{found.source} (age unknown: range of adults)")
    return found


def flags(values: Mapping[str, float | None], patient: Patient) -> list[Flag]:
    """Those of the measured values that are outside of their range, in the order that came."""
    found = []
    for name, value in values.items():
        known = None if value is None or math.isnan(value) else reference_range(name, patient)
        if known is not None and value is not None and not known.holds(value):
            found.append(Flag(name, value, known))
    return found


def axis_word(axis_deg: float, patient: Patient) -> AxisWord:
    """Normal, Left, Right or Extreme: within the range for the age, or to which side of it (AHA/ACCF/HRS 2009, part III)."""
    known = reference_range("qrs_axis_deg", patient)
    assert known is not None and known.low is not None and known.high is not None, (
        "every age has a range of the axis"
    )
    axis = (
        axis_deg + 360.0 if axis_deg <= known.high - 360.0 else axis_deg
    )  # a newborn's 190 degrees is -170
    if known.holds(axis):
        return "Normal"
    if axis_deg < -90.0:
        return "Extreme"
    return "Left" if axis_deg < known.low else "Right"


def _by_age(name: str, age: float, sex: str | None) -> Range | None:
    if name == "qrs_ms":
        return _qrs(age)
    if name == "qrs_axis_deg":
        return _axis(age)
    if age <= ADULT_YEARS:
        return None
    if name.startswith("qtc_"):
        return _qtc(sex)
    return ADULT_RANGES.get(name)


ADULT_RANGES: Final[Mapping[str, Range]] = {
    "heart_rate_bpm": Range(50, 100, f"{BRADYCARDIA} (below 50); {TACHYCARDIA} (above 100)"),
    "pr_ms": Range(120, 200, f"{CONDUCTION} (below 120); {BRADYCARDIA} (above 200)"),
    "p_duration_ms": Range(None, 120, INTERATRIAL),  # more than 120 ms is interatrial block
}


def _qrs(age: float) -> Range:
    # "greater than 110 ms" is abnormal in adults; in children 100 ms (4 to 16 years) and 90 ms (below 4) "or more" are prolonged.
    if age > ADULT_YEARS:
        return Range(None, 110, CONDUCTION)
    return Range(None, 99.9, CONDUCTION) if age >= 4 else Range(None, 89.9, CONDUCTION)


def _qtc(sex: str | None) -> Range | None:
    """Prolonged by the 2009 recommendations: 460 ms or longer in women, 450 in men. Unknown sex: the wider range.

    Short is 360 ms or below, from where the ESC's guideline considers a short-QT syndrome. The 2009 recommendations call
    390 ms or below short, which holds for many healthy people, above all with slow rates: a flag on it would say nothing.
    """
    unsaid = "" if sex in ("male", "female") else " (sex unknown: range of women)"
    high = 449.9 if sex == "male" else 459.9
    return Range(360.1, high, f"{REPOLARISATION} (prolonged); {SHORT_QT} (short){unsaid}")


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


def _axis(age: float) -> Range:
    if age < NEONATE_YEARS:
        return NEONATE_AXIS
    low, high = next((low, high) for below, low, high in AXIS_BY_AGE if age < below)
    return Range(low, high, CONDUCTION)
