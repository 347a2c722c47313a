"""All findings of a recording's signal but its rhythm, in the order of a report."""

from __future__ import annotations

from intervals.findings.av_block import av_block_findings
from intervals.findings.conduction import conduction_findings
from intervals.findings.ectopy import ectopy_findings
from intervals.findings.finding import Finding
from intervals.findings.flutter_conduction import flutter_conduction_findings
from intervals.findings.pauses import Pause, pause_findings
from intervals.findings.runs import run_findings
from intervals.findings.sinus_arrhythmia import sinus_arrhythmia_findings
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm


def recording_findings(
    measurements: Measurements,
    rhythm: Rhythm,
    pauses: tuple[Pause, ...] = (),
    age_years: float | None = None,
) -> tuple[Finding, ...]:
    """Return what the measurements show beside the rhythm."""
    return (
        *pause_findings(pauses),
        *run_findings(measurements),
        *flutter_conduction_findings(measurements),
        *av_block_findings(measurements),
        *conduction_findings(measurements, rhythm, age_years),
        *ectopy_findings(measurements),
        *sinus_arrhythmia_findings(measurements, rhythm),
    )
