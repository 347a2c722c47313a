"""The part `matrix` of /analyze, and its warnings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.matrix_types import MatrixRow
from analysis.measuring import MeasuredRecord, measure_record
from intervals.matrix.lead_matrix import LeadRow
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord
from tests.intervals.synthetic import record, synthetic

EMPTY = dict.fromkeys(vars(LeadRow()))


def measured(ecg: EcgRecord) -> MeasuredRecord:
    return measure_record(ecg, twelve_leads(ecg), frozenset({"matrix"}))


def matrix_of(ecg: EcgRecord) -> dict[str, MatrixRow]:
    matrix = measured(ecg).matrix
    assert matrix is not None
    return matrix


def without(*leads: str) -> EcgRecord:
    kept = [row for row, lead in enumerate(LEADS) if lead not in leads]
    return EcgRecord(synthetic()[kept].astype(np.float32), 500.0, tuple(LEADS[row] for row in kept))


def test_each_lead_has_a_row_in_the_order_of_leads() -> None:
    answer = measured(record(synthetic()))
    assert answer.matrix is not None
    assert list(answer.matrix) == list(LEADS)
    assert {tuple(row) for row in answer.matrix.values()} == {("derived", *EMPTY)}
    assert answer.matrix["V4"]["r_mv"] == pytest.approx(1.4, abs=0.15)
    assert answer.matrix["V2"]["s_mv"] == pytest.approx(-1.3, abs=0.15)
    assert answer.matrix["II"]["p_mv"] == pytest.approx(0.13, abs=0.015)
    assert answer.matrix["aVR"]["t_mv"] == pytest.approx(-0.25, abs=0.015)
    assert answer.matrix_warnings == ()


def test_derived_leads_are_marked_and_equal_to_sent_ones() -> None:
    sent = matrix_of(record(synthetic()))
    derived = matrix_of(without("III", "aVR", "aVL", "aVF"))
    assert [lead for lead in LEADS if derived[lead]["derived"]] == ["III", "aVR", "aVL", "aVF"]
    assert not any(row["derived"] for row in sent.values())
    for lead in LEADS:
        assert derived[lead]["r_mv"] == pytest.approx(sent[lead]["r_mv"], abs=0.002)
        assert derived[lead]["t_mv"] == pytest.approx(sent[lead]["t_mv"], abs=0.002)


@pytest.mark.parametrize("lost", [("V1",), ("V2", "V5"), ("V1", "V2", "V3", "V4", "V5", "V6")])
def test_a_missing_lead_has_a_row_of_nulls_and_a_warning(lost: tuple[str, ...]) -> None:
    answer = measured(without(*lost))
    assert answer.matrix is not None
    for lead in LEADS:
        is_empty = answer.matrix[lead] == {"derived": False, **EMPTY}
        assert is_empty == (lead in lost)
    assert answer.matrix_warnings == (
        f"matrix: no signal in {', '.join(lost)}; their rows are null",
    )


def test_with_units_unknown_there_is_no_matrix() -> None:
    answer = measured(replace(record(200.0 * synthetic()), units="unknown"))
    assert answer.matrix is None
    assert answer.matrix_warnings == (
        "matrix: the units are unknown; amplitudes are measured in mV",
    )


@pytest.mark.parametrize(("fs", "shortest"), [(100.0, 60), (250.0, 24), (360.0, 17)])
def test_at_a_low_rate_a_warning_names_the_shortest_wave(fs: float, shortest: int) -> None:
    answer = measured(record(synthetic(fs=fs), fs))
    assert answer.matrix_warnings == (
        f"matrix: at {fs:g} Hz the amplitudes of waves shorter than {shortest} ms are inaccurate",
    )


def test_without_beats_there_is_no_matrix() -> None:
    assert measured(record(np.zeros((12, 5000)))).matrix is None


def test_the_matrix_is_measured_on_demand() -> None:
    ecg = record(synthetic())
    answer = measure_record(ecg, twelve_leads(ecg))
    assert answer.matrix is None
    assert answer.matrix_warnings == ()


@pytest.mark.parametrize("part", ["findings", "clinical_analysis"])
def test_findings_are_those_of_the_matrix_whether_it_is_asked_for_or_not(part: str) -> None:
    ecg = record(synthetic() * np.float32(0.1))
    with_matrix = measured(ecg)
    without = measure_record(ecg, twelve_leads(ecg), frozenset({part}))
    assert without.matrix is None
    assert "low_voltage" in [finding.code for finding in without.findings]
    assert without.findings == with_matrix.findings
