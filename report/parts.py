"""The parts of an analysis that a report shows."""

from __future__ import annotations

from typing import Final

PARTS: Final = frozenset(
    {"clinical_analysis", "findings", "labels", "pacemaker", "measurements", "quality"}
)
