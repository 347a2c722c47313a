"""Early repolarisation by Macfarlane et al. 2015: an end-QRS notch in two contiguous leads.

The peak of the notch is at least 0.1 mV in two contiguous leads other than V1 to V3, and QRS is
shorter than 120 ms, which `matrix_findings` ensures. The ST segment is described with it: a
horizontal or falling one carries the higher risk (the same source).
"""

from __future__ import annotations

from typing import Final

from intervals.findings.finding import Evidence, Finding
from intervals.findings.lead_groups import Rows, contiguous_leads
from intervals.findings.sources import EARLY_REPOLARISATION
from intervals.findings.st_deviation import HORIZONTAL_MV
from intervals.matrix.lead_matrix import LeadRow

LEADS: Final = ("I", "II", "III", "aVL", "aVF", "V4", "V5", "V6")
MIN_NOTCH_MV: Final = 0.1


def early_repolarisation_findings(rows: Rows) -> tuple[Finding, ...]:
    """Return one finding with all leads that have the notch, or none."""
    peaks = {
        lead: rows[lead].jp_mv or 0.0 for lead in LEADS if (rows[lead].jp_mv or 0.0) >= MIN_NOTCH_MV
    }
    leads = contiguous_leads(peaks)
    if not leads:
        return ()
    rising = sum(_st_rises(rows[lead]) for lead in leads)
    st = "ascending" if rising > len(leads) / 2 else "horizontal or descending"
    evidence: Evidence = {
        "leads": list(leads),
        "highest_notch_mv": round(max(leads.values()), 3),
        "leads_with_ascending_st": rising,
    }
    statement = f"Early repolarisation with {st} ST segment"
    code = f"early_repolarisation_{st.replace(' ', '_')}_st"
    return (Finding(code, statement, "normal", evidence, EARLY_REPOLARISATION),)


def _st_rises(row: LeadRow) -> bool:
    if row.j_mv is None or row.st80_mv is None:
        return False
    return row.st80_mv - row.j_mv >= HORIZONTAL_MV
