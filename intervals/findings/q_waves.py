"""Pathological Q waves by the Fourth Universal Definition of Myocardial Infarction.

The changes of prior infarction: in V2 or V3 a Q wave longer than 20 ms or a QS complex; in two
leads of a group a Q wave of at least 30 ms and 0.1 mV or a QS complex, one of them I, II, aVL, aVF
or V4 to V6. A QS complex in V1 is normal, and a Q wave in aVL may be where the QRS axis is between
60 and 90 degrees (the same source).
"""

from __future__ import annotations

from typing import Final

from intervals.findings.finding import Evidence, Finding
from intervals.findings.lead_groups import CHEST_LEADS, Rows
from intervals.findings.sources import INFARCTION
from intervals.matrix.lead_matrix import LeadRow

GROUPS: Final = (("I", "aVL"), ("II", "III", "aVF"), CHEST_LEADS)
# At least one lead of a group must be one of these.
NAMED: Final = frozenset({"I", "II", "aVL", "aVF", "V4", "V5", "V6"})
LONG_MS: Final = 30.0
DEEP_MV: Final = -0.1
LONG_IN_V2_V3_MS: Final = 20.0
VERTICAL_AXIS_DEG: Final = (60.0, 90.0)


def q_wave_findings(rows: Rows, qrs_axis_deg: float | None) -> tuple[Finding, ...]:
    """Return one finding with all leads that have pathological Q waves, or none."""
    leads = {lead for lead in ("V2", "V3") if _is_long(rows[lead], LONG_IN_V2_V3_MS)}
    leads |= _leads_of_groups(rows, qrs_axis_deg)
    if not leads:
        return ()
    ordered = [lead for lead in rows if lead in leads]
    durations = [rows[lead].q_ms or 0.0 for lead in ordered]
    depths = [rows[lead].q_mv or 0.0 for lead in ordered]
    evidence: Evidence = {
        "leads": ordered,
        "longest_q_ms": round(max(durations), 1),
        "deepest_q_mv": round(min(depths), 3),
    }
    return (Finding("pathological_q", "Pathological Q waves", "abnormal", evidence, INFARCTION),)


def _leads_of_groups(rows: Rows, qrs_axis_deg: float | None) -> set[str]:
    found: set[str] = set()
    for group in GROUPS:
        leads = {lead for lead in group if _is_pathological(rows[lead])}
        if len(leads) >= 2 and leads & NAMED and not _is_of_vertical_heart(group, qrs_axis_deg):
            found |= leads
    return found


def _is_of_vertical_heart(group: tuple[str, ...], qrs_axis_deg: float | None) -> bool:
    """Return whether a Q wave in aVL may be normal."""
    low, high = VERTICAL_AXIS_DEG
    return "aVL" in group and qrs_axis_deg is not None and low <= qrs_axis_deg <= high


def _is_pathological(row: LeadRow) -> bool:
    if row.q_mv is None or row.q_ms is None:
        return False
    return row.r_mv is None or (row.q_ms >= LONG_MS and row.q_mv <= DEEP_MV)


def _is_long(row: LeadRow, limit_ms: float) -> bool:
    if row.q_ms is None:
        return False
    return row.r_mv is None or row.q_ms > limit_ms
