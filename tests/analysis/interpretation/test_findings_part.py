"""The part `findings`: the rhythm first, then what the signal shows."""

from __future__ import annotations

import pytest

from analysis.interpretation.findings_part import findings_part
from analysis.interpretation.rhythm_decision import decide_rhythm
from analysis.measuring import MeasuredRecord, measurements_part
from intervals.findings.finding import Finding, code_of
from intervals.findings.rhythm_statement import rhythm_finding
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm
from signals.record import Patient

BIGEMINY = Finding("bigeminy", "Bigeminy", "abnormal", {"ectopic_beats": 5.0}, "a book")


def measured(rate: float, rhythm: Rhythm, *findings: Finding) -> MeasuredRecord:
    part = measurements_part(Measurements(heart_rate_bpm=rate), Patient())
    return MeasuredRecord(part, rhythm=rhythm, findings=findings)


def test_the_rhythm_comes_first_with_its_rate() -> None:
    record = measured(72.0, Rhythm("Sinus rhythm", 0.9), BIGEMINY)
    rhythm, bigeminy = findings_part(decide_rhythm(None, record, None), record, None)
    assert rhythm == {
        "code": "sinus_rhythm",
        "statement": "Sinus rhythm",
        "severity": "normal",
        "evidence": {"heart_rate_bpm": 72.0, "confidence": 0.9},
        "source": "AHA/ACC/HRS 2007, part II (diagnostic statements), Circulation 115:1325",
    }
    assert bigeminy == {
        "code": "bigeminy",
        "statement": "Bigeminy",
        "severity": "abnormal",
        "evidence": {"ectopic_beats": 5.0},
        "source": "a book",
    }


@pytest.mark.parametrize(
    ("rate", "rhythm", "severity"),
    [
        (48.0, "Sinus bradycardia", "abnormal"),
        (140.0, "Sinus tachycardia", "abnormal"),
        (150.0, "Wide-complex tachycardia", "critical"),
        (90.0, "Atrial fibrillation", "abnormal"),
        (70.0, "Undetermined", "technical"),
    ],
)
def test_each_rhythm_has_a_severity_and_a_source(rate: float, rhythm: str, severity: str) -> None:
    record = measured(rate, Rhythm(rhythm))
    (finding,) = findings_part(decide_rhythm(None, record, None), record, None)
    assert (finding["statement"], finding["severity"]) == (rhythm, severity)
    assert finding["evidence"] == {"heart_rate_bpm": rate}
    assert finding["source"] != ""


def test_the_source_of_a_labels_rhythm_is_its_model() -> None:
    finding = rhythm_finding("Atrial fibrillation", None, {"probability": 0.9}, "embedded@1")
    assert finding.source == "label of embedded@1"
    assert rhythm_finding("Atrial fibrillation", None, {}, None).source.startswith(
        "ACC/AHA/ACCP/HRS"
    )


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Sinus rhythm", "sinus_rhythm"),
        ("Wide-complex tachycardia", "wide_complex_tachycardia"),
        ("2:1 AV block", "2_to_1_av_block"),
    ],
)
def test_a_code_is_the_name_in_snake_case(name: str, code: str) -> None:
    assert code_of(name) == code


@pytest.mark.parametrize(
    ("rhythm", "rate_word", "statement"),
    [
        (
            "Atrial fibrillation",
            "Bradycardia",
            "Atrial fibrillation with slow ventricular response",
        ),
        ("Atrial flutter", "Tachycardia", "Atrial flutter with rapid ventricular response"),
        ("Undetermined", "Bradycardia", "Undetermined, bradycardia"),
        ("Electronic pacemaker", "Tachycardia", "Electronic pacemaker, tachycardia"),
        ("Sinus bradycardia", "Bradycardia", "Sinus bradycardia"),
        ("Wide-complex tachycardia", "Tachycardia", "Wide-complex tachycardia"),
        ("Sinus rhythm", None, "Sinus rhythm"),
    ],
)
def test_the_statement_says_whether_the_rhythm_is_slow_or_fast(
    rhythm: str, rate_word: str | None, statement: str
) -> None:
    finding = rhythm_finding(rhythm, rate_word, {}, None)
    assert (finding.code, finding.statement) == (code_of(rhythm), statement)
