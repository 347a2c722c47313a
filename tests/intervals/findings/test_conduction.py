"""First-degree block: a PR interval above 200 ms in an adult's sinus rhythm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intervals.findings.conduction import conduction_findings
from intervals.rhythm import Rhythm
from tests.intervals.made_rhythms import measurements_of

SINUS = Rhythm("Sinus rhythm", 0.98)


@pytest.mark.parametrize("pr_ms", [200.1, 240.0, 330.0, 420.0])
def test_a_long_pr_is_a_first_degree_block(pr_ms: float) -> None:
    measurements = measurements_of([0.8] * 9, pr_ms=pr_ms)
    measurements = replace(measurements, uncertainty_ms={"pr_ms": 8.04})
    (finding,) = conduction_findings(measurements, SINUS, 40.0)
    assert finding.code == "1st_degree_atrioventricular_block"
    assert finding.statement == "1st degree atrioventricular block"
    assert finding.evidence == {"pr_ms": pr_ms, "uncertainty_ms": 8.0}


@pytest.mark.parametrize("pr_ms", [None, 120.0, 180.0, 200.0, 200.04])
def test_a_usual_or_unknown_pr_is_no_block(pr_ms: float | None) -> None:
    assert conduction_findings(measurements_of([0.8] * 9, pr_ms=pr_ms), SINUS, None) == ()


def test_children_and_other_rhythms_have_no_first_degree_block_by_this_limit() -> None:
    measurements = measurements_of([0.8] * 9, pr_ms=240.0)
    assert conduction_findings(measurements, SINUS, 10.0) == ()
    for name in ("Atrial flutter", "Electronic pacemaker", "Undetermined"):
        assert conduction_findings(measurements, Rhythm(name), None) == ()
