"""What the heights of the QRS complex say: hypertrophy, low voltage, progression of R."""

from __future__ import annotations

from typing import Final

from intervals.findings.finding import Finding
from intervals.findings.lead_groups import CHEST_LEADS, Rows
from intervals.findings.sources import HYPERTROPHY, LOW_VOLTAGE, R_PROGRESSION, REVERSED_R
from intervals.matrix.lead_matrix import LeadRow
from signals.limb_leads import LIMB_LEADS
from signals.record import Patient

# S in V1 and the larger R of V5 and V6 (Sokolow and Lyon, Am Heart J 1949;37:161).
SOKOLOW_LYON_MV: Final = 3.5
# R in aVL and S in V3 (Casale et al., Circulation 1987;75:565).
CORNELL_MEN_MV: Final = 2.8
CORNELL_WOMEN_MV: Final = 2.0
# The recommendations do not apply voltage criteria to younger people.
HYPERTROPHY_YEARS: Final = 35.0
LOW_LIMB_MV: Final = 0.5
LOW_CHEST_MV: Final = 1.0
SMALL_R_IN_V3_MV: Final = 0.3


def hypertrophy_findings(rows: Rows, patient: Patient) -> tuple[Finding, ...]:
    """Return left ventricular hypertrophy by voltage, with the criteria that are met, or none."""
    if patient.age_years is not None and patient.age_years < HYPERTROPHY_YEARS:
        return ()
    evidence: dict[str, float | list[str]] = {}
    criteria = []
    sokolow = _sum(_s_depth(rows["V1"]), _largest(_r_height(rows["V5"]), _r_height(rows["V6"])))
    if sokolow is not None and sokolow >= SOKOLOW_LYON_MV:
        criteria.append("Sokolow-Lyon")
        evidence |= {"sokolow_lyon_mv": round(sokolow, 3), "sokolow_lyon_limit_mv": SOKOLOW_LYON_MV}
    limit = CORNELL_WOMEN_MV if patient.sex == "female" else CORNELL_MEN_MV
    cornell = _sum(_r_height(rows["aVL"]), _s_depth(rows["V3"]))
    if cornell is not None and cornell > limit:
        criteria.append("Cornell")
        evidence |= {"cornell_mv": round(cornell, 3), "cornell_limit_mv": limit}
    if not criteria:
        return ()
    statement = f"Left ventricular hypertrophy by voltage ({', '.join(criteria)})"
    finding = Finding(
        "left_ventricular_hypertrophy_voltage", statement, "abnormal", evidence, HYPERTROPHY
    )
    return (finding,)


def low_voltage_findings(rows: Rows) -> tuple[Finding, ...]:
    """Return low voltage in the limb leads, the chest leads or both; it needs all six of them."""
    limb = _largest_span(rows, LIMB_LEADS)
    chest = _largest_span(rows, CHEST_LEADS)
    evidence: dict[str, float | list[str]] = {}
    where = []
    if limb is not None and limb < LOW_LIMB_MV:
        where.append("limb")
        evidence["largest_limb_qrs_mv"] = round(limb, 3)
    if chest is not None and chest < LOW_CHEST_MV:
        where.append("chest")
        evidence["largest_chest_qrs_mv"] = round(chest, 3)
    if not where:
        return ()
    statement = f"Low QRS voltage in the {' and '.join(where)} leads"
    return (Finding("low_voltage", statement, "abnormal", evidence, LOW_VOLTAGE),)


def r_progression_findings(rows: Rows) -> tuple[Finding, ...]:
    """Return poor progression of R, or none; it is called reversed if R falls on its way to V4.

    Without the small R in V3, a fall is not a finding: R of V4 is often a little lower than V3's.
    """
    heights = [_r_height(rows[lead]) for lead in CHEST_LEADS[:4]]
    if any(height is None for height in heights):
        return ()
    v1, v2, v3, v4 = (height or 0.0 for height in heights)
    if v3 > SMALL_R_IN_V3_MV:
        return ()
    names = ("r_v1_mv", "r_v2_mv", "r_v3_mv", "r_v4_mv")
    evidence = {
        name: round(height, 3) for name, height in zip(names, (v1, v2, v3, v4), strict=True)
    }
    if v2 < v1 or v3 < v2 or v4 < v3:
        code, statement, source = (
            "reversed_r_progression",
            "Reversed R-wave progression",
            REVERSED_R,
        )
    else:
        code, statement, source = "poor_r_progression", "Poor R-wave progression", R_PROGRESSION
    return (Finding(code, statement, "abnormal", evidence, source),)


def _has_complex(row: LeadRow) -> bool:
    return row.q_mv is not None or row.r_mv is not None


def _r_height(row: LeadRow) -> float | None:
    """Return the larger of R and R', 0 without an R; None without a complex."""
    if not _has_complex(row):
        return None
    return max(row.r_mv or 0.0, row.r2_mv or 0.0)


def _s_depth(row: LeadRow) -> float | None:
    """Return the depth of S, or of the whole complex if it is QS; None without a complex."""
    if not _has_complex(row):
        return None
    if row.r_mv is None:
        return abs(row.q_mv or 0.0)
    return abs(row.s_mv or 0.0)


def _largest_span(rows: Rows, leads: tuple[str, ...]) -> float | None:
    """Return the largest height from peak to peak; None unless all leads have a signal."""
    if any(rows[lead].j_mv is None for lead in leads):
        return None
    spans = []
    for lead in leads:
        row = rows[lead]
        up = max(row.r_mv or 0.0, row.r2_mv or 0.0)
        down = min(row.q_mv or 0.0, row.s_mv or 0.0)
        spans.append(up - down)
    return max(spans)


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def _largest(*values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None
