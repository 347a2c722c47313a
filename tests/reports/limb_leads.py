"""Reported cases: limb leads that contradict each other."""

from __future__ import annotations

import pytest

from tests.reports.sending import Check, Reply


def exchanged_rows_are_named(reply: Reply) -> None:
    answer = reply.answered()
    (warning,) = [warning for warning in reply.warnings if warning.startswith("lead_names: ")]
    assert warning.startswith("lead_names: limb leads contradict the others: aVR by ")
    assert ", aVF by " in warning
    assert "all leads agree once aVR and aVF change places" in warning
    assert answer["measurements"]["qrs_axis_deg"] == pytest.approx(51.0, abs=3.0)
    contradicting = [
        finding["lead"]
        for finding in answer["quality"]["findings"]
        if finding["code"] == "limb_lead_contradiction"
    ]
    assert contradicting == ["aVR", "aVF"]


CASES: dict[str, Check] = {"rows_avr_avf_exchanged": exchanged_rows_are_named}
