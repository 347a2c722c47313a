"""Contiguous leads: neighbours on the chest, and in the order of the limb leads' directions.

The order of the limb leads is aVL, I, inverted aVR, II, aVF, III (Fourth Universal Definition of
Myocardial Infarction; AHA/ACCF/HRS 2009, part VI). Inverted aVR is named "-aVR".
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from intervals.matrix.lead_matrix import LeadRow, Matrix
from signals.leads import LEADS

Rows = Mapping[str, LeadRow]
"""Lead -> row of the matrix."""

CHEST_LEADS: Final = LEADS[6:]
INVERTED_AVR: Final = "-aVR"
CONTIGUOUS: Final = (
    *pairwise(("aVL", "I", INVERTED_AVR, "II", "aVF", "III")),
    *pairwise(CHEST_LEADS),
)


def rows_of(matrix: Matrix) -> Rows:
    """Return the matrix by lead."""
    return dict(zip(LEADS, matrix.rows, strict=True))


def contiguous_leads(leads: Mapping[str, float]) -> dict[str, float]:
    """Return the leads that have a contiguous lead among them, in the order of CONTIGUOUS."""
    pairs = [pair for pair in CONTIGUOUS if pair[0] in leads and pair[1] in leads]
    return {lead: leads[lead] for pair in pairs for lead in pair}
