"""Findings on amplitudes, on matrices made by hand: each threshold from both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from intervals.findings.finding import Finding
from intervals.findings.matrix_findings import HIDDEN_CODES, matrix_findings, not_hidden
from intervals.matrix.lead_matrix import LeadRow, Matrix
from intervals.measurements import Measurements
from signals.leads import LEADS
from signals.record import Patient

MAN, WOMAN = Patient(60.0, "male"), Patient(60.0, "female")
YOUNG_MAN = Patient(36.0, "male")
NARROW = Measurements(qrs_ms=92.0, qrs_axis_deg=40.0)
LEVEL = {"j_mv": 0.0, "st40_mv": 0.0, "st60_mv": 0.0, "st80_mv": 0.0}
# R and S of a normal recording, mV.
R = (0.7, 1.0, 0.4, None, 0.3, 0.7, 0.2, 0.4, 0.7, 1.3, 1.4, 1.1)
S = (-0.1, -0.1, -0.1, None, -0.2, -0.1, -0.9, -1.2, -0.7, -0.4, -0.2, -0.1)


def matrix_with(**leads: dict[str, Any]) -> Matrix:
    """Return a normal matrix with these values in these leads; "aVR_" and so on are leads, too."""
    rows = []
    for lead, r, s in zip(LEADS, R, S, strict=True):
        row = LeadRow(r_mv=r, r_ms=40.0, s_mv=s, s_ms=30.0, **LEVEL)
        if r is None:
            row = LeadRow(q_mv=-0.9, q_ms=80.0, **LEVEL)
        rows.append(replace(row, **leads.get(lead, {})))
    return Matrix(tuple(rows))


def st(j: float, st80: float | None = None) -> dict[str, Any]:
    return {"j_mv": j, "st80_mv": j if st80 is None else st80}


def q(ms: float, mv: float = -0.15) -> dict[str, Any]:
    return {"q_ms": ms, "q_mv": mv}


QS: dict[str, Any] = {"q_mv": -0.8, "q_ms": 70.0, "r_mv": None, "r_ms": None, "s_mv": None}


def found(
    patient: Patient = MAN,
    measurements: Measurements = NARROW,
    *,
    paced: bool = False,
    **leads: dict[str, Any],
) -> dict[str, Finding]:
    findings = matrix_findings(matrix_with(**leads), measurements, patient, paced=paced)
    return {finding.code: finding for finding in findings}


def leads_of(finding: Finding) -> object:
    return finding.evidence["leads"]


@pytest.mark.parametrize("patient", [MAN, WOMAN, YOUNG_MAN, Patient(), Patient(17.0, "female")])
def test_a_normal_matrix_has_no_findings(patient: Patient) -> None:
    assert found(patient) == {}


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        ({"II": st(0.1), "aVF": st(0.1)}, ["II", "aVF"]),
        ({"aVF": st(0.15), "III": st(0.2), "II": st(0.12)}, ["II", "aVF", "III"]),
        ({"V4": st(0.11), "V5": st(0.3)}, ["V4", "V5"]),
        ({"I": st(0.1), "aVL": st(0.1)}, ["aVL", "I"]),
        ({"I": st(0.1), "aVR": st(-0.1)}, ["I", "-aVR"]),
    ],
)
def test_st_elevation_of_0_1_mv_in_two_contiguous_leads(
    leads: dict[str, Any], expected: list[str]
) -> None:
    finding = found(**leads)["st_elevation"]
    assert leads_of(finding) == expected
    assert finding.severity == "critical"
    assert "doi" in finding.source


@pytest.mark.parametrize(
    "leads",
    [
        {"II": st(0.099), "aVF": st(0.099)},
        {"II": st(0.3)},
        {"II": st(0.3), "V4": st(0.3)},  # not contiguous
        {"I": st(0.3), "II": st(0.3)},  # inverted aVR is between them
        {"III": st(0.3), "V1": st(0.3)},
        {"V1": st(0.3), "V3": st(0.3)},
    ],
)
def test_no_st_elevation_below_the_limit_or_in_leads_that_are_not_contiguous(
    leads: dict[str, Any],
) -> None:
    assert "st_elevation" not in found(**leads)


@pytest.mark.parametrize(
    ("patient", "limit"),
    [
        (WOMAN, 0.15),
        (Patient(30.0, "female"), 0.15),
        (Patient(None, "female"), 0.15),
        (MAN, 0.2),
        (Patient(40.0, "male"), 0.2),
        (Patient(39.9, "male"), 0.25),
        (Patient(None, "male"), 0.25),
        (Patient(), 0.25),
        (Patient(70.0, None), 0.2),
    ],
)
def test_v2_and_v3_have_limits_by_sex_and_age(patient: Patient, limit: float) -> None:
    assert "st_elevation" not in found(patient, V2=st(limit - 0.001), V3=st(limit - 0.001))
    finding = found(patient, V2=st(limit), V3=st(limit))["st_elevation"]
    assert leads_of(finding) == ["V2", "V3"]
    assert finding.evidence["limit_v2_v3_mv"] == limit


def test_st_depression_is_horizontal_or_downsloping() -> None:
    assert leads_of(found(V5=st(-0.05), V6=st(-0.06, -0.1))["st_depression"]) == ["V5", "V6"]
    assert "st_depression" not in found(V5=st(-0.049), V6=st(-0.049))
    assert "st_depression" not in found(V5=st(-0.1, 0.0), V6=st(-0.1, -0.02))
    assert "st_depression" not in found(V5=st(-0.1), V3=st(-0.1))


def test_elevation_and_its_mirror_are_both_said() -> None:
    findings = found(II=st(0.2), aVF=st(0.25), III=st(0.3), I=st(-0.1), aVL=st(-0.2))
    assert leads_of(findings["st_elevation"]) == ["II", "aVF", "III"]
    assert leads_of(findings["st_depression"]) == ["aVL", "I"]
    assert findings["st_elevation"].evidence["largest_j_mv"] == 0.3


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        ({"II": q(30.0, -0.1), "aVF": q(30.0, -0.1)}, ["II", "aVF"]),
        ({"III": QS, "aVF": q(35.0)}, ["III", "aVF"]),
        ({"I": q(30.0), "aVL": q(40.0)}, ["I", "aVL"]),
        ({"V5": q(30.0), "V6": q(30.0)}, ["V5", "V6"]),
        ({"V2": q(20.1, -0.04)}, ["V2"]),
        ({"V3": QS}, ["V3"]),
        ({"V1": QS, "V2": QS, "V4": QS}, ["V1", "V2", "V4"]),
    ],
)
def test_pathological_q_waves(leads: dict[str, Any], expected: list[str]) -> None:
    finding = found(**leads)["pathological_q"]
    assert leads_of(finding) == expected
    assert finding.severity == "abnormal"


@pytest.mark.parametrize(
    "leads",
    [
        {"II": q(29.9), "aVF": q(29.9)},
        {"II": q(30.0, -0.099), "aVF": q(30.0, -0.099)},
        {"II": q(40.0)},
        {"III": QS},
        {"V1": QS},
        {"V2": q(20.0)},
        {"I": q(40.0), "II": q(40.0)},  # not one group
    ],
)
def test_q_waves_that_are_not_pathological(leads: dict[str, Any]) -> None:
    assert "pathological_q" not in found(**leads)


def test_q_in_avl_is_normal_where_the_axis_is_vertical() -> None:
    leads = {"I": q(35.0), "aVL": q(35.0)}
    assert "pathological_q" in found(**leads)
    vertical = replace(NARROW, qrs_axis_deg=75.0)
    assert "pathological_q" not in found(MAN, vertical, **leads)


@pytest.mark.parametrize(
    ("patient", "leads", "criteria"),
    [
        (MAN, {"V1": {"s_mv": -2.1}}, "Sokolow-Lyon"),  # 2.1 + 1.4
        (MAN, {"V6": {"r_mv": 2.6}}, "Sokolow-Lyon"),  # 0.9 + 2.6
        (MAN, {"V1": {**QS, "q_mv": -2.2}}, "Sokolow-Lyon"),
        (MAN, {"aVL": {"r_mv": 1.2}, "V3": {"s_mv": -1.7}}, "Cornell"),
        (WOMAN, {"aVL": {"r_mv": 0.9}, "V3": {"s_mv": -1.2}}, "Cornell"),
        (WOMAN, {"aVL": {"r_mv": 1.4}, "V1": {"s_mv": -2.2}}, "Sokolow-Lyon, Cornell"),
    ],
)
def test_left_ventricular_hypertrophy(
    patient: Patient, leads: dict[str, Any], criteria: str
) -> None:
    finding = found(patient, **leads)["left_ventricular_hypertrophy_voltage"]
    assert finding.statement == f"Left ventricular hypertrophy by voltage ({criteria})"


@pytest.mark.parametrize(
    ("patient", "leads"),
    [
        (MAN, {"V1": {"s_mv": -2.09}}),
        (MAN, {"aVL": {"r_mv": 1.2}, "V3": {"s_mv": -1.6}}),  # 2.8 is not above 2.8
        (WOMAN, {"aVL": {"r_mv": 0.8}, "V3": {"s_mv": -1.2}}),
        (Patient(60.0, None), {"aVL": {"r_mv": 0.9}, "V3": {"s_mv": -1.2}}),  # the men's limit
        (Patient(34.0, "male"), {"V1": {"s_mv": -3.0}}),
    ],
)
def test_no_left_ventricular_hypertrophy(patient: Patient, leads: dict[str, Any]) -> None:
    assert "left_ventricular_hypertrophy_voltage" not in found(patient, **leads)


def test_with_the_voltage_of_hypertrophy_st_is_not_critical_and_q_not_said() -> None:
    findings = found(V1={"s_mv": -2.5}, II=st(0.2), aVF=st(0.2), V5=st(-0.1), V6=st(-0.1), V2=QS)
    assert set(findings) == {
        "st_elevation_with_hypertrophy_voltage",
        "st_depression_with_hypertrophy_voltage",
        "left_ventricular_hypertrophy_voltage",
    }
    assert {finding.severity for finding in findings.values()} == {"abnormal"}


def test_low_voltage_needs_all_leads_of_its_group() -> None:
    limb = {lead: {"r_mv": 0.3, "s_mv": -0.199, "q_mv": None} for lead in LEADS[:6]}
    chest = {lead: {"r_mv": 0.6, "s_mv": -0.399} for lead in LEADS[6:]}
    assert found(**limb)["low_voltage"].statement == "Low QRS voltage in the limb leads"
    assert found(**chest)["low_voltage"].statement == "Low QRS voltage in the chest leads"
    both = found(**limb, **chest)["low_voltage"]
    assert both.statement == "Low QRS voltage in the limb and chest leads"
    assert both.evidence == {"largest_limb_qrs_mv": 0.499, "largest_chest_qrs_mv": 0.999}
    assert "low_voltage" not in found(**{**limb, "II": {"r_mv": 0.31, "s_mv": -0.19}})
    assert "low_voltage" not in found(**{**limb, "II": {"j_mv": None}})


@pytest.mark.parametrize(
    ("heights", "code"),
    [
        ((0.1, 0.2, 0.3, 0.5), "poor_r_progression"),
        ((0.1, 0.2, 0.1, 0.5), "reversed_r_progression"),
        ((0.2, 0.1, 0.3, 0.5), "reversed_r_progression"),
        ((0.1, 0.2, 0.3, 0.2), "reversed_r_progression"),
        ((0.1, 0.2, 0.31, 0.5), None),
        ((0.2, 0.5, 0.9, 0.8), None),
    ],
)
def test_r_progression(heights: tuple[float, ...], code: str | None) -> None:
    leads = {lead: {"r_mv": height} for lead, height in zip(LEADS[6:10], heights, strict=True)}
    findings = found(**leads)
    assert set(findings) == (set() if code is None else {code})


EVERYTHING: dict[str, Any] = {
    "II": st(0.2) | q(40.0),
    "aVF": st(0.2) | q(40.0),
    "V5": st(-0.1),
    "V6": st(-0.1),
    "V3": {"r_mv": 0.1},
}


def test_what_hides_the_criteria_hides_the_findings() -> None:
    shown = {"st_elevation", "st_depression", "pathological_q", "reversed_r_progression"}
    assert set(found(**EVERYTHING)) == shown
    assert found(MAN, replace(NARROW, qrs_ms=120.0), **EVERYTHING) == {}
    assert found(MAN, replace(NARROW, qrs_ms=None), **EVERYTHING) == {}
    assert found(paced=True, **EVERYTHING) == {}
    assert found(Patient(10.0, "male"), **EVERYTHING) == {}


@pytest.mark.parametrize(
    "label",
    [
        "Left bundle branch block",
        "Complete left bundle branch block",
        "Right bundle branch block",
        "Wolff-Parkinson-White pattern",
        "Electronic pacemaker",
    ],
)
def test_a_label_hides_them_too_but_not_other_findings(label: str) -> None:
    findings = list(found(**EVERYTHING).values())
    assert {finding.code for finding in findings} <= HIDDEN_CODES
    other = Finding("bigeminy", "Bigeminy", "abnormal", {}, "")
    assert not_hidden([other, *findings], ["Sinus rhythm", label]) == (other,)
    assert not_hidden([other, *findings], ["Sinus rhythm"]) == (other, *findings)


def test_missing_chest_leads_leave_the_other_findings() -> None:
    empty = dict.fromkeys(vars(LeadRow()))
    missing = dict.fromkeys(LEADS[6:], empty)
    assert set(found(**missing, II=st(0.2), aVF=st(0.2))) == {"st_elevation"}
    assert found(**dict.fromkeys(LEADS, empty)) == {}


def test_leads_that_contradict_others_are_left_out() -> None:
    matrix = matrix_with(II=st(0.2), aVF=st(0.2), V5=st(0.2), V6=st(0.2))
    doubtful = {"I", "II", "III", "aVF"}
    (finding,) = matrix_findings(matrix, NARROW, MAN, paced=False, doubtful=doubtful)
    assert leads_of(finding) == ["V5", "V6"]


def test_uncertain_leads_are_left_out() -> None:
    elevated = matrix_with(II=st(0.2), aVF=st(0.2), V5=st(0.2), V6=st(0.2))
    (finding,) = matrix_findings(replace(elevated, uncertain=("V6",)), NARROW, MAN)
    assert leads_of(finding) == ["II", "aVF"]


def test_without_a_matrix_there_are_no_findings() -> None:
    assert matrix_findings(None, NARROW, MAN, paced=False) == ()


NOTCH = {"jp_mv": 0.1}


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        ({"II": NOTCH, "aVF": NOTCH}, ["II", "aVF"]),
        ({"V4": NOTCH, "V5": NOTCH, "V6": NOTCH}, ["V4", "V5", "V6"]),
        ({"I": NOTCH, "aVL": NOTCH}, ["aVL", "I"]),
        ({"II": NOTCH, "aVF": {"jp_mv": 0.099}}, None),
        ({"V3": NOTCH, "V4": NOTCH}, None),
        ({"I": NOTCH, "V6": NOTCH}, None),
    ],
)
def test_early_repolarisation_needs_two_contiguous_leads(
    leads: dict[str, dict[str, Any]], expected: list[str] | None
) -> None:
    finding = found(**leads).get("early_repolarisation_horizontal_or_descending_st")
    assert (None if finding is None else leads_of(finding)) == expected


def test_the_st_segment_of_early_repolarisation_is_described() -> None:
    rising = {**NOTCH, **st(0.05, 0.12)}
    assert "early_repolarisation_ascending_st" in found(V5=rising, V6=rising)
    wide = replace(NARROW, qrs_ms=121.0)
    assert not found(MAN, wide, V5=rising, V6=rising)
