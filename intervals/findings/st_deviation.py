"""ST elevation and depression by the Fourth Universal Definition of Myocardial Infarction.

The definition asks for new deviation at the J point in two contiguous leads, without left
ventricular hypertrophy and bundle branch block. A single recording cannot say that it is new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from intervals.findings.finding import Evidence, Finding, Severity
from intervals.findings.lead_groups import INVERTED_AVR, Rows, contiguous_leads
from intervals.findings.sources import INFARCTION
from signals.record import Patient

# Elevation at J: 0.1 mV, in V2 and V3 by sex and age.
ELEVATION_MV: Final = 0.1
V2_V3_WOMEN_MV: Final = 0.15
V2_V3_MEN_FROM_40_MV: Final = 0.2
V2_V3_MEN_BELOW_40_MV: Final = 0.25
YOUNG_MEN_YEARS: Final = 40.0
# Depression: horizontal or downsloping, 0.05 mV.
DEPRESSION_MV: Final = 0.05
# A choice: a rise of less than 0.01 mV in 80 ms, a tenth of a millimetre on paper, is horizontal.
HORIZONTAL_MV: Final = 0.01


def st_findings(rows: Rows, patient: Patient, *, with_hypertrophy: bool) -> tuple[Finding, ...]:
    """Return the findings on ST.

    with_hypertrophy  the voltages of left ventricular hypertrophy are there, which deviate ST
                      themselves: the definition does not apply, and no finding is critical
    """
    in_v2_v3 = _v2_v3_limit_mv(patient)
    elevated = _deviating(rows, lambda lead, j, _: j >= _limit_mv(lead, in_v2_v3))
    depressed = _deviating(rows, lambda _, j, st80: _is_depressed(j, st80))
    findings = []
    if elevated:
        limits = {"limit_mv": ELEVATION_MV, "limit_v2_v3_mv": in_v2_v3}
        findings.append(_finding("elevation", elevated, limits, with_hypertrophy))
    if depressed:
        limits = {"limit_mv": -DEPRESSION_MV}
        findings.append(_finding("depression", depressed, limits, with_hypertrophy))
    return tuple(findings)


def _v2_v3_limit_mv(patient: Patient) -> float:
    """Return the elevation that V2 and V3 need; of those that are possible, the highest."""
    if patient.sex == "female":
        return V2_V3_WOMEN_MV
    if patient.age_years is not None and patient.age_years >= YOUNG_MEN_YEARS:
        return V2_V3_MEN_FROM_40_MV
    return V2_V3_MEN_BELOW_40_MV


def _limit_mv(lead: str, in_v2_v3: float) -> float:
    return in_v2_v3 if lead in ("V2", "V3") else ELEVATION_MV


def _is_depressed(j_mv: float, st80_mv: float) -> bool:
    return j_mv <= -DEPRESSION_MV and st80_mv < j_mv + HORIZONTAL_MV


def _deviating(rows: Rows, deviates: Callable[[str, float, float], bool]) -> dict[str, float]:
    """Return J in mV of the contiguous leads that deviate by J and ST 80."""
    found = {}
    for lead, row in rows.items():
        if row.j_mv is None or row.st80_mv is None:
            continue
        sign = -1.0 if lead == "aVR" else 1.0
        name = INVERTED_AVR if lead == "aVR" else lead
        if deviates(name, sign * row.j_mv, sign * row.st80_mv):
            found[name] = sign * row.j_mv
    return contiguous_leads(found)


def _finding(
    kind: str, leads: Mapping[str, float], limits: Mapping[str, float], with_hypertrophy: bool
) -> Finding:
    largest = max(leads.values(), key=abs)
    evidence: Evidence = {"leads": list(leads), "largest_j_mv": round(largest, 3), **limits}
    if with_hypertrophy:
        return Finding(
            f"st_{kind}_with_hypertrophy_voltage",
            f"ST {kind} with the voltage of left ventricular hypertrophy",
            "abnormal",
            evidence,
            f"{INFARCTION}: its thresholds, which do not tell ischaemia from hypertrophy",
        )
    severity: Severity = "critical" if kind == "elevation" else "abnormal"
    return Finding(f"st_{kind}", f"ST {kind}", severity, evidence, INFARCTION)
