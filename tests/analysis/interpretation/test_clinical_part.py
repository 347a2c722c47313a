"""The rhythm and the abnormalities in words, from labels and from rules."""

from __future__ import annotations

import pytest

from analysis.answer_types import ClinicalAnalysis
from analysis.interpretation.clinical_part import NEVER_ABNORMALITIES, clinical_analysis_part
from analysis.interpretation.rhythm_decision import LEADING_RHYTHMS, decide_rhythm
from analysis.labels import JoinedLabel
from analysis.measuring import MeasuredRecord, measurements_part
from intervals.findings.finding import Finding, code_of
from intervals.measurements import Measurements
from intervals.rhythm import Rhythm
from model_store.labels import ecg_fm_labels
from signals.record import Patient

LABELS = ecg_fm_labels()


def labelled(*positive: str) -> list[JoinedLabel]:
    """ECG-FM's labels; the named ones are positive, each with a probability of its own."""
    return [
        JoinedLabel(label, 0.9 - index / 100 if label.name in positive else 0.1, None, 0.5)
        for index, label in enumerate(LABELS)
    ]


def part_of(labels: list[JoinedLabel] | None, measured: MeasuredRecord) -> ClinicalAnalysis:
    return clinical_analysis_part(decide_rhythm(labels, measured, None), labels, measured)


def interpreted(*positive: str) -> ClinicalAnalysis:
    """Return the part of a recording of which nothing is measured."""
    return part_of(labelled(*positive), MeasuredRecord())


@pytest.mark.parametrize(
    ("positive", "rhythm"),
    [
        (["Sinus rhythm"], "Sinus rhythm"),
        (["Sinus rhythm", "Bradycardia"], "Sinus bradycardia"),
        (["Sinus rhythm", "Tachycardia"], "Sinus tachycardia"),
        (["Sinus rhythm", "Tachycardia", "Bradycardia"], "Sinus rhythm"),
        (["Sinus rhythm", "Atrial fibrillation"], "Atrial fibrillation"),
        (["Atrial fibrillation", "Atrial flutter"], "Atrial flutter"),
        (["Atrial fibrillation", "Tachycardia"], "Atrial fibrillation"),
        (
            ["Ventricular tachycardia", "Supraventricular tachycardia with aberrancy"],
            "Ventricular tachycardia",
        ),
        (list(LEADING_RHYTHMS), "Electronic pacemaker"),
        (["Tachycardia"], "Undetermined"),
        (["Infarction"], "Undetermined"),
        ([], "Undetermined"),
    ],
)
def test_the_rhythm_is_the_first_that_counts(positive: list[str], rhythm: str) -> None:
    assert interpreted(*positive)["rhythm"] == rhythm


def test_the_confidence_is_the_probability_of_the_label_that_names_the_rhythm() -> None:
    index = {label.name: number for number, label in enumerate(LABELS)}
    for positive, naming in (
        (("Sinus rhythm", "Tachycardia"), "Sinus rhythm"),
        (("Sinus rhythm", "Atrial flutter"), "Atrial flutter"),
    ):
        expected = 0.9 - index[naming] / 100
        assert interpreted(*positive)["confidence"] == expected
    assert interpreted()["confidence"] is None


@pytest.mark.parametrize(
    ("positive", "abnormalities"),
    [
        (
            ("Sinus rhythm", "Infarction", "Right bundle branch block"),
            ["Right bundle branch block", "Infarction"],
        ),
        (("Atrial fibrillation", "Atrial flutter", "Sinus rhythm"), ["Atrial fibrillation"]),
        (("Sinus rhythm", "Bradycardia"), []),
        (("Sinus rhythm", "Bradycardia", "Tachycardia"), ["Tachycardia", "Bradycardia"]),
        (("Atrial fibrillation", "Tachycardia"), ["Tachycardia"]),
        (("Sinus rhythm", "Poor data quality", "Accessory pathway conduction"), []),
    ],
)
def test_abnormalities_are_the_other_positive_labels(
    positive: tuple[str, ...], abnormalities: list[str]
) -> None:
    assert interpreted(*positive)["abnormalities"] == abnormalities


def test_the_rules_name_only_labels_that_ecg_fm_has() -> None:
    assert {"Poor data quality", "Accessory pathway conduction"} == NEVER_ABNORMALITIES
    used = {*LEADING_RHYTHMS, *NEVER_ABNORMALITIES, "Sinus rhythm", "Bradycardia", "Tachycardia"}
    assert used <= {label.name for label in LABELS}


MEASUREMENTS = Measurements(
    heart_rate_bpm=61.0, qrs_ms=92.0, qt_ms=402.0, pr_ms=164.0, qrs_axis_deg=-40.0
)
RULES = Rhythm("Sinus rhythm", 0.75)
FINDINGS = tuple(
    Finding(code_of(name), name, "abnormal", {}, "a book")
    for name in ("Sinus arrhythmia", "Bigeminy")
)
MEASURED = MeasuredRecord(
    measurements_part(MEASUREMENTS, Patient()),
    axis_deviation="Left",
    rhythm=RULES,
    findings=FINDINGS,
)
NUMBERS = {"heart_rate": 61.0, "qrs_duration": 92.0, "qt_interval": 402.0, "pr_interval": 164.0}


def test_words_come_from_the_labels_and_numbers_from_the_measurements() -> None:
    part = part_of(labelled("Sinus rhythm", "Infarction"), MEASURED)
    assert part == {
        "rhythm": "Sinus rhythm",
        "rhythm_source": "labels",
        **NUMBERS,
        "axis_deviation": "Left",
        "abnormalities": ["Infarction", "Sinus arrhythmia", "Bigeminy"],
        "confidence": 0.9 - 0.01,
        "physiological_parameters": {**NUMBERS, "qrs_axis": -40.0},
    }
    assert list(part) == [
        "rhythm",
        "rhythm_source",
        *NUMBERS,
        "axis_deviation",
        "abnormalities",
        "confidence",
        "physiological_parameters",
    ]


def test_without_labels_the_words_come_from_the_rules() -> None:
    part = part_of(None, MEASURED)
    assert (part["rhythm"], part["confidence"]) == ("Sinus rhythm", 0.75)
    assert part["abnormalities"] == ["Sinus arrhythmia", "Bigeminy"]
    assert part["rhythm_source"] == "rules"


def test_without_labels_and_rules_the_rhythm_is_undetermined() -> None:
    part = part_of(None, MeasuredRecord())
    assert (part["rhythm"], part["rhythm_source"]) == ("Undetermined", "rules")
    assert (part["confidence"], part["abnormalities"]) == (None, [])
    assert set(part["physiological_parameters"].values()) == {None}
    assert part["axis_deviation"] is None
