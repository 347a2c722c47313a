"""All findings of a recording's signal but its rhythm, in the order of a report."""

from __future__ import annotations

from intervals.findings.ectopy import ectopy_findings
from intervals.findings.finding import Finding
from intervals.findings.pauses import Pause, pause_findings
from intervals.findings.sinus_arrhythmia import sinus_arrhythmia_findings
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm


def recording_findings(
    measurements: Measurements, rhythm: Rhythm, pauses: tuple[Pause, ...] = ()
) -> tuple[Finding, ...]:
    """Return what the measurements show beside the rhythm."""
    return (
        *pause_findings(pauses),
        *ectopy_findings(measurements),
        *sinus_arrhythmia_findings(measurements, rhythm),
    )
