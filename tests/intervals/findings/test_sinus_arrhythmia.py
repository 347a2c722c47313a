"""Sinus arrhythmia: a sinus rhythm whose intervals vary by more than a tenth."""

from __future__ import annotations

import pytest

from intervals.findings.recording import recording_findings
from intervals.findings.sinus_arrhythmia import sinus_arrhythmia_findings
from intervals.rhythm import Rhythm
from tests.intervals.made_rhythms import IRREGULAR_S, alternating_intervals, measurements_of

SINUS = Rhythm("Sinus rhythm", 0.98)


@pytest.mark.parametrize(
    ("ratio", "value"), [(0.0995, None), (0.1015, 0.101), (0.2, 0.2), (0.3, 0.3)]
)
def test_a_sinus_rhythm_that_varies_by_more_than_a_tenth(ratio: float, value: float | None) -> None:
    findings = sinus_arrhythmia_findings(measurements_of(alternating_intervals(ratio)), SINUS)
    assert [finding.statement for finding in findings] == ["Sinus arrhythmia"] * (value is not None)
    assert [finding.evidence["rmssd_over_mean_rr"] for finding in findings] == (
        [] if value is None else [pytest.approx(value, abs=0.001)]
    )


def test_an_irregularity_at_the_limit_is_regular() -> None:
    """Exact in binary: differences of 1/16 s over a mean of 10/16 s."""
    assert sinus_arrhythmia_findings(measurements_of([0.59375, 0.65625] * 4), SINUS) == ()


@pytest.mark.parametrize(
    "name", ["Atrial fibrillation", "Electronic pacemaker", "Undetermined", "Atrial flutter"]
)
def test_other_irregular_rhythms_are_no_sinus_arrhythmia(name: str) -> None:
    assert sinus_arrhythmia_findings(measurements_of(IRREGULAR_S), Rhythm(name)) == ()


def test_ectopic_beats_and_arrhythmia_are_both_findings() -> None:
    measurements = measurements_of(IRREGULAR_S, classes=["normal"] * 8 + ["ectopic"] * 2)
    findings = recording_findings(measurements, SINUS)
    statements = [finding.statement for finding in findings]
    assert statements == ["Frequent ectopic beats", "Sinus arrhythmia"]
