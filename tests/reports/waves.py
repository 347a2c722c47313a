"""Reported cases: waves that are no QRS complexes."""

from __future__ import annotations

import pytest

from tests.reports.sending import Check, Reply


def _sixty_a_minute(reply: Reply) -> None:
    measurements = reply.answered()["measurements"]
    assert measurements["heart_rate_bpm"] == pytest.approx(60, abs=1)
    assert (measurements["beats"], measurements["ectopic_beats"]) == (10, 0)
    assert not [warning for warning in reply.warnings if "rate" in warning.split(":")[0]]


def tall_t_in_twelve_leads(reply: Reply) -> None:
    _sixty_a_minute(reply)
    assert reply.answered()["clinical_analysis"]["rhythm"] == "Sinus rhythm"


def tall_t_in_one_lead(reply: Reply) -> None:
    _sixty_a_minute(reply)
    rhythm = reply.answered()["clinical_analysis"]["rhythm"]
    assert "tachycardia" not in rhythm and "fibrillation" not in rhythm


def p_waves_without_complexes(reply: Reply) -> None:
    answer = reply.answered()
    measurements = answer["measurements"]
    for name in ("heart_rate_bpm", "qrs_ms", "qt_ms", "pr_ms"):
        assert measurements[name] is None
    assert answer["clinical_analysis"]["rhythm"] == "Undetermined"
    assert answer["labels"] is None
    assert (
        "measurements: the recurring wave is as smooth and shallow as a P wave; no QRS complex is "
        "found; nothing is measured" in reply.warnings
    )
    assert not [warning for warning in reply.warnings if warning.startswith("fs: ")]


CASES: dict[str, Check] = {
    "p_waves_only_70": p_waves_without_complexes,
    "tall_t_12lead_60_sinus_label": tall_t_in_twelve_leads,
    "tall_t_lead_II_60": tall_t_in_one_lead,
}
