"""Runs of ectopic beats: three and more in a row, faster than 100 per minute."""

from __future__ import annotations

import pytest

from intervals.beats import BeatClass
from intervals.findings.runs import run_findings
from tests.intervals.made_rhythms import measurements_of

NORMAL: BeatClass = "normal"
ECTOPIC: BeatClass = "ectopic"


@pytest.mark.parametrize(
    ("beats", "rr_s", "rate"), [(3, 0.4, 150), (4, 0.33, 182), (7, 0.5, 120), (5, 0.59, 102)]
)
def test_a_fast_run_is_named_with_its_length_and_rate(beats: int, rr_s: float, rate: int) -> None:
    classes = [NORMAL] * 4 + [ECTOPIC] * beats + [NORMAL] * 4
    intervals = [0.8] * 3 + [0.45] + [rr_s] * (beats - 1) + [1.0] + [0.8] * 3
    (finding,) = run_findings(measurements_of(intervals, classes=classes))
    assert (finding.code, finding.severity) == ("run_of_ectopic_beats", "critical")
    assert finding.statement == (
        f"Run of {beats} ectopic beats, {rate} per minute, as in ventricular tachycardia"
    )
    assert finding.evidence["from_s"] == pytest.approx(3.35, abs=0.06)
    assert finding.evidence["runs"] == 1.0


@pytest.mark.parametrize(
    ("classes", "rr_s"),
    [
        ([NORMAL, ECTOPIC, ECTOPIC, NORMAL], 0.4),  # a couplet
        ([NORMAL, ECTOPIC] * 4, 0.4),  # bigeminy
        ([NORMAL, ECTOPIC, ECTOPIC, ECTOPIC, NORMAL], 0.6),  # not above 100 per minute
        ([NORMAL, ECTOPIC, "noisy", ECTOPIC, NORMAL], 0.4),
        ([NORMAL] * 8, 0.35),  # the rhythm itself is fast
    ],
)
def test_couplets_slow_escape_beats_and_noise_are_no_run(
    classes: list[BeatClass], rr_s: float
) -> None:
    intervals = [rr_s] * (len(classes) - 1)
    assert run_findings(measurements_of(intervals, classes=classes)) == ()


def test_the_longest_of_two_runs_is_named() -> None:
    classes = [NORMAL, *[ECTOPIC] * 3, NORMAL, *[ECTOPIC] * 4, NORMAL]
    (finding,) = run_findings(measurements_of([0.4] * 9, classes=classes))
    assert (finding.evidence["beats"], finding.evidence["runs"]) == (4.0, 2.0)
