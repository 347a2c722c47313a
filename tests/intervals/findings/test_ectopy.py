"""Ectopic beats as findings: frequent, bigeminy, trigeminy."""

from __future__ import annotations

import pytest

from intervals.beats import BeatClass
from intervals.findings.ectopy import ectopy_findings
from tests.intervals.made_rhythms import measurements_of

TRIGEMINY: list[BeatClass] = ["normal", "normal", "ectopic"]


def statement_of(classes: list[BeatClass]) -> str | None:
    findings = ectopy_findings(measurements_of([0.8] * (len(classes) - 1), classes=classes))
    if not findings:
        return None
    (finding,) = findings
    assert finding.severity == "abnormal"
    assert finding.evidence == {
        "ectopic_beats": classes.count("ectopic"),
        "beats": len(classes) - classes.count("noisy"),
    }
    return finding.statement


@pytest.mark.parametrize(
    ("classes", "statement"),
    [
        (["ectopic"] * 2 + ["normal"] * 18, "Frequent ectopic beats"),
        (["ectopic"] * 2 + ["normal"] * 18 + ["noisy"] * 5, "Frequent ectopic beats"),
        (["ectopic"] * 2 + ["normal"] * 19, None),
        (["ectopic"] + ["normal"] * 4, None),
        # Of ten pairs of neighbours eight or seven are one normal and one ectopic beat.
        (["normal", "ectopic"] * 4 + ["normal"] * 3, "Bigeminy"),
        (["normal", "ectopic"] * 4 + ["ectopic"] * 3, "Frequent ectopic beats"),
        (["normal", "ectopic"] * 2, "Bigeminy"),
        (["ectopic", "normal", "ectopic"], "Frequent ectopic beats"),
        (["normal", "ectopic", "noisy", "normal", "ectopic"], "Bigeminy"),
        (TRIGEMINY * 3, "Trigeminy"),
        (["ectopic", *TRIGEMINY * 2], "Trigeminy"),
        ([*TRIGEMINY * 4, "normal", "normal"], "Trigeminy"),
        (TRIGEMINY * 2, "Frequent ectopic beats"),
        # Every fourth beat: half of the groups of three hold no ectopic beat, or too few do.
        (["normal", "normal", "normal", "ectopic"] * 4, "Frequent ectopic beats"),
        (["normal"] * 6 + ["ectopic"] * 2, "Frequent ectopic beats"),
    ],
)
def test_ectopic_beats_are_named_by_their_pattern(
    classes: list[BeatClass], statement: str | None
) -> None:
    assert statement_of(classes) == statement
