"""The trend of ST in each lead: its level every five minutes, and the largest changes.

An ambulatory recorder without direct current moves ST: a high-pass above 0.05 Hz can distort it
(Kligfield et al., Circulation 2007;115:1306). Where the file states such a filter nothing is
reported; where it states none the levels are to be read as changes against the lead's own median.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.holter.waves import Waves

MAX_LOW_CUT_HZ: Final = 0.05


@dataclass(frozen=True, slots=True)
class StLevel:
    """A level and the start of its segment."""

    mv: float
    at_s: float


@dataclass(frozen=True)
class LeadTrend:
    """One lead.

    low_cut_hz  as the file states it; None if it does not
    levels_mv   of each segment, None where it is not measured
    reason      why nothing is measured; of several, that of the most segments
    """

    lead: str
    low_cut_hz: float | None
    levels_mv: tuple[float | None, ...]
    median_mv: float | None = None
    lowest: StLevel | None = None
    highest: StLevel | None = None
    reason: str | None = None


def trends_of(
    waves: Sequence[Waves], leads: Sequence[str], low_cuts_hz: Sequence[float | None]
) -> tuple[LeadTrend, ...]:
    """Return the trend of each lead.

    low_cuts_hz  of each lead; empty where the file states none at all
    """
    found = []
    for row, lead in enumerate(leads):
        low_cut_hz = low_cuts_hz[row] if low_cuts_hz else None
        if low_cut_hz is not None and low_cut_hz > MAX_LOW_CUT_HZ:
            none = (None,) * len(waves)
            found.append(LeadTrend(lead, low_cut_hz, none, reason="high_pass"))
            continue
        found.append(_trend(waves, lead, row, low_cut_hz))
    return tuple(found)


def _trend(waves: Sequence[Waves], lead: str, row: int, low_cut_hz: float | None) -> LeadTrend:
    levels = np.array([each.st_mv[row] for each in waves], np.float64)
    listed = tuple(None if np.isnan(level) else float(level) for level in levels)
    if np.isnan(levels).all():
        # In a segment with levels of other leads this one has no signal around enough beats.
        reasons = [each.reason or "no_signal" for each in waves]
        reason = max(reasons, key=reasons.count, default="no_signal")
        return LeadTrend(lead, low_cut_hz, listed, reason=reason)
    low, high = int(np.nanargmin(levels)), int(np.nanargmax(levels))
    return LeadTrend(
        lead,
        low_cut_hz,
        listed,
        float(np.nanmedian(levels)),
        StLevel(float(levels[low]), waves[low].start_s),
        StLevel(float(levels[high]), waves[high].start_s),
    )
