"""The conduction of flutter waves: whole numbers in a regular rhythm, otherwise variable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intervals.findings.flutter_conduction import flutter_conduction_findings
from intervals.measurements import Measurements
from tests.intervals.made_rhythms import IRREGULAR_S, measurements_of


def flutter(rr_s: list[float], rate: float, per_min: float | None) -> Measurements:
    return replace(measurements_of(rr_s, rate=rate, pr_ms=None), flutter_per_min=per_min)


@pytest.mark.parametrize(
    ("rate", "per_min", "waves"), [(150.0, 300.0, 2), (100.0, 298.0, 3), (72.6, 290.0, 4)]
)
def test_a_regular_rhythm_has_one_number_of_waves(rate: float, per_min: float, waves: int) -> None:
    (finding,) = flutter_conduction_findings(flutter([60 / rate] * 9, rate, per_min))
    assert finding.statement == f"{waves}:1 conduction of the flutter waves"
    assert finding.evidence == {
        "flutter_per_min": per_min,
        "heart_rate_bpm": rate,
        "waves_for_each_beat": float(waves),
    }


@pytest.mark.parametrize("rate", [60.0, 85.0, 110.0])
def test_an_irregular_rhythm_has_variable_conduction(rate: float) -> None:
    (finding,) = flutter_conduction_findings(flutter(IRREGULAR_S, rate, 280.0))
    assert finding.statement == "Variable conduction of the flutter waves"


@pytest.mark.parametrize(
    ("rr_s", "rate", "per_min"),
    [
        ([0.8] * 9, 75.0, None),  # no waves are measured
        ([0.8] * 9, 75.0, 262.0),  # 3.5 waves for each beat
        ([0.24] * 30, 250.0, 250.0),  # one for each beat
        ([0.8] * 2, 75.0, 300.0),  # too few beats to be called regular
    ],
)
def test_what_the_waves_do_not_show_is_not_named(
    rr_s: list[float], rate: float, per_min: float | None
) -> None:
    assert flutter_conduction_findings(flutter(rr_s, rate, per_min)) == ()
