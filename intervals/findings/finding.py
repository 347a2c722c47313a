"""One statement of a report, with its evidence and the source of its criterion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["normal", "abnormal", "critical", "technical"]
"""Critical findings need attention at once; technical ones are about the recording."""

Evidence = Mapping[str, float | list[str]]
"""Numbers by name, with the unit at the name's end (`pause_s`), and lists of leads."""


@dataclass(frozen=True)
class Finding:
    """One statement about a recording.

    code       in snake case; the same for every recording with this finding
    statement  a phrase as in a report
    evidence   what was measured
    source     where the criterion is published; a choice of this program is named as such
    """

    code: str
    statement: str
    severity: Severity
    evidence: Evidence
    source: str


def code_of(name: str) -> str:
    """Return a name in snake case: "1st-degree AV block" gives "1st_degree_av_block"."""
    return "_".join(name.lower().replace("-", " ").replace(":", " to ").split())
