"""Reported cases: filler taken for a signal or for a measurement."""

from __future__ import annotations

import pytest

from signals.leads import LEADS
from tests.reports.sending import Check, Reply


def edf_filled_to_the_end_of_its_record(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["measurements"]["beats"] == 10
    assert answer["measurements"]["ectopic_beats"] == 0
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    assert {len(lead) for lead in answer["signal"]["data"]} == {2500}
    assert any("from 10.00 to 13.00 s" in warning for warning in reply.warnings)


def half_a_second_of_the_lowest_code(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    assert answer["signal_quality"] != "Unreadable"
    for lead in answer["signal"]["data"]:
        missing = [index for index, value in enumerate(lead) if value is None]
        assert missing == list(range(missing[0], missing[0] + 124))
        assert missing[0] / 250 == pytest.approx(4.0, abs=0.01)
    assert any("from 4.00 to 4.50 s" in warning for warning in reply.warnings)


def one_lead_among_zeros(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["measurements"]["beats"] == 10
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    flat = ", ".join(lead for lead in LEADS if lead != "II")
    assert f"signal: {flat} constant throughout; counted as missing" in reply.warnings


def six_flat_chest_leads(reply: Reply) -> None:
    answer = reply.answered()
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(60, abs=0.5)
    assert answer["measurements"]["qrs_ms"] == pytest.approx(100, abs=10)
    assert answer["signal_quality"] == "Poor"
    flat = {
        finding["lead"]
        for finding in answer["quality"]["findings"]
        if finding["code"] == "flat_line"
    }
    assert flat == set(LEADS[6:])
    limbs = {answer["quality"]["leads"][lead]["word"] for lead in LEADS[:6]}
    assert limbs == {"Excellent"}
    assert "V1, V2, V3, V4, V5 and V6" in answer["quality"]["recommendation"]


def muse_codes_for_not_measured(reply: Reply) -> None:
    measurements = reply.answered()["reported"]["measurements"]
    assert measurements == {"heart_rate_bpm": 60.0, "qrs_ms": 100.0}


def aecg_code_for_not_measured(reply: Reply) -> None:
    assert reply.answered()["reported"]["measurements"] == {"qrs_ms": 96.0}


CASES: dict[str, Check] = {
    "aecg_qt_29999": aecg_code_for_not_measured,
    "muse_sentinel_measurements": muse_codes_for_not_measured,
    "edf_last_record_filled_dmin": edf_filled_to_the_end_of_its_record,
    "muse_minus32768_half_second": half_a_second_of_the_lowest_code,
    "patch_lead_II_among_zeros": one_lead_among_zeros,
    "six_flat_chest_leads": six_flat_chest_leads,
}
