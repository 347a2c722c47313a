"""Sinus arrhythmia: sinus rhythm whose intervals vary."""

from __future__ import annotations

from typing import Final

from intervals.findings.finding import Finding
from intervals.findings.sources import IRREGULAR
from intervals.irregularity import IRREGULARITY_LIMIT, irregularity_of
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm

SINUS_ARRHYTHMIA: Final = "Sinus arrhythmia"


def sinus_arrhythmia_findings(measurements: Measurements, rhythm: Rhythm) -> tuple[Finding, ...]:
    """Return the finding, or none: it needs a rhythm that the rules name a sinus rhythm.

    Beats that drop in a block make a rhythm irregular too.
    """
    if not rhythm.name.startswith("Sinus") or measurements.av_conduction is not None:
        return ()
    irregularity = irregularity_of(measurements)
    if irregularity is None or irregularity.rmssd <= IRREGULARITY_LIMIT:
        return ()
    evidence = {"rmssd_over_mean_rr": round(irregularity.rmssd, 3)}
    source = f"{IRREGULAR} (above {IRREGULARITY_LIMIT:g})"
    return (Finding("sinus_arrhythmia", SINUS_ARRHYTHMIA, "normal", evidence, source),)
