"""Statements and measurements as lines, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter
from typing import Any, cast, get_args

import pytest

from analysis.answer_types import Analysis, Measurements
from heads.one_lead.model import NAMES
from intervals.findings.sources import STATEMENTS as _SOURCE
from model_store.labels import ecg_fm_labels
from report.measurement_rows import MeasurementRow, measurement_rows
from report.missing import missing_reasons
from report.options import ByHand
from report.statements import Statement, other_statements, rhythm_statement
from report.words import STATEMENTS, WORDS, statement_text
from signal_quality.quality import WORDS as QUALITY_WORDS
from signal_quality.quality import Code
from signals.record import Patient
from superclasses import SUPERCLASSES
from tests.report.pages import good

ROOT = Path(__file__).parents[2]
EMBEDDED = ROOT / "model_store" / "embedded" / "bundle.json"
NO_HAND = ByHand({}, "")
MAN = Patient(63, "male")


def finding(statement: str, severity: str = "abnormal", **evidence: Any) -> dict[str, Any]:
    return {
        "code": "x",
        "statement": statement,
        "severity": severity,
        "evidence": evidence,
        "source": _SOURCE,
    }


def label(name: str, probability: float, *, positive: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "probability": probability,
        "probability_prior_corrected": None,
        "threshold": 0.5,
        "positive": positive,
    }


def answer(
    findings: list[dict[str, Any]], labels: list[dict[str, Any]] | None = None, **clinical: Any
) -> Analysis:
    names = [each["name"] for each in labels or [] if each["positive"]]
    names += [each["statement"] for each in findings[1:]]
    about = {
        "rhythm_source": "rules",
        "heart_rate": 74.4,
        "confidence": 0.9,
        "abnormalities": list(dict.fromkeys(names)),
        **clinical,
    }
    parts = {"findings": findings, "labels": labels, "clinical_analysis": about}
    return cast(Analysis, {**good(), **parts})


def lines(statements: list[Statement]) -> list[str]:
    return [f"{'  ' if each.is_specific else ''}{each.text} | {each.note}" for each in statements]


def test_the_rhythm_has_its_rate_and_its_claimant() -> None:
    sinus = [finding("Sinus rhythm", "normal")]
    by_rules = rhythm_statement(answer(sinus), "en")
    assert (by_rules.text, by_rules.note) == ("Sinus rhythm, 74/min", "rule")
    by_labels = answer(sinus, [], rhythm_source="labels", confidence=0.976)
    assert rhythm_statement(by_labels, "en").note == "0.98, model"
    german = rhythm_statement(by_labels, "de")
    assert (german.text, german.note) == ("Sinusrhythmus, 74/min", "0,98, Modell")


def test_the_most_urgent_statement_is_first() -> None:
    findings = [
        finding("Sinus rhythm", "normal"),
        finding("Sinus arrhythmia", "normal"),
        finding("Pathological Q waves", leads=["II", "III", "aVF"]),
        finding("ST elevation", "critical", leads=["V2", "-aVR"], largest_j_mv=0.254),
        finding("1st degree atrioventricular block", pr_ms=224.4),
    ]
    labels = [
        label("Ischaemia", 0.64),
        label("1st degree atrioventricular block", 0.7),
        label("Infarction", 0.8, positive=False),
    ]
    assert lines(other_statements(answer(findings, labels), "en")) == [
        "ST elevation | V2 −aVR, J 0.25 mV, rule only",
        "Pathological Q waves | II III aVF, rule only",
        "1st degree atrioventricular block | PR 224 ms, 0.70, rule and model",
        "Ischaemia | 0.64, model only",
        "Sinus arrhythmia | rule only",
    ]


def test_a_specific_statement_is_below_the_general_one() -> None:
    labels = [
        label("Anterior infarction", 0.95),
        label("Ischaemia", 0.9),
        label("Infarction", 0.8),
        label("Complete right bundle branch block", 0.6),
    ]
    found = other_statements(answer([finding("Sinus rhythm")], labels), "de")
    assert lines(found) == [
        "Infarkt | 0,80, nur Modell",
        "  Vorderwandinfarkt | 0,95, nur Modell",
        "Ischämie | 0,90, nur Modell",
        "Kompletter Rechtsschenkelblock | 0,60, nur Modell",
    ]


def test_every_label_is_in_the_table() -> None:
    bundle = json.loads(EMBEDDED.read_text(encoding="utf-8"))
    names = {each["name"] for each in bundle["labels"]} | {each.name for each in ecg_fm_labels()}
    assert not names.union(NAMES) - STATEMENTS.keys() - set(SUPERCLASSES)


def test_every_statement_of_the_rules_is_in_german() -> None:
    """The phrases of intervals/findings, as they are written there."""
    for statement in (
        "Atrial fibrillation with rapid ventricular response",
        "Electronic pacemaker, bradycardia",
        "Pause of at least 2.5 s",
        "Asystole: pause of 4.2 s",
        "3:1 conduction of the flutter waves",
        "Run of 5 ectopic beats, 143 per minute, as in ventricular tachycardia",
        "Left ventricular hypertrophy by voltage (Sokolow-Lyon, Cornell)",
        "ST depression with the voltage of left ventricular hypertrophy",
        "2nd degree atrioventricular block, type I",
        "2nd degree atrioventricular block, advanced (3:1)",
        "Low QRS voltage in the limb and chest leads",
    ):
        german = statement_text(statement, "de")
        assert german != statement, statement
        assert not re.search(r"\b(of|with|in the|waves|leads|per)\b", german)
    assert statement_text("Pause of 2.5 s", "de") == "Pause von 2,5 s"
    assert statement_text("A label of one's own", "de") == "A label of one's own"


def test_both_languages_have_the_same_places_to_fill() -> None:
    for key, texts in WORDS.items():
        places = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in texts]
        assert places[0] == places[1], key


def test_every_fault_and_word_of_the_quality_is_in_the_table() -> None:
    assert set(get_args(Code)) <= WORDS.keys()
    assert set(QUALITY_WORDS) <= WORDS.keys()


def measured(**values: float | None) -> Measurements:
    measurements = good()["measurements"]
    assert measurements is not None
    changed = {**measurements, "uncertainty_ms": {"qt_ms": 12.4}, **values}
    return cast(Measurements, changed)


def rows(patient: Patient = MAN, by_hand: ByHand = NO_HAND, **values: Any) -> Any:
    found = measurement_rows(measured(**values), patient, by_hand, "en")
    return {row.field: row for row in found}


@pytest.mark.parametrize(
    ("value", "shown", "outside"),
    [
        (119.9, "119.9", "below"),
        (120.0, "120", None),
        (200.1, "200.1", "above"),
        (230.0, "230", "above"),
    ],
)
def test_a_value_outside_its_range_has_a_side(value: float, shown: str, outside: str) -> None:
    row = rows(pr_ms=value)["pr_ms"]
    assert (row.value, row.outside, row.normal) == (shown, outside, "120–200")


def test_ranges_depend_on_the_patient() -> None:
    assert rows()["qtc_bazett_ms"].normal == "360–450"
    assert rows(Patient(63, "female"))["qtc_bazett_ms"].normal == "360–460"
    assert rows(Patient(0.5, None))["qrs_ms"].normal == "up to 90"
    assert rows(Patient(0.5, None))["pr_ms"].normal == ""


def test_what_was_not_measured_is_a_dash() -> None:
    found = rows(pr_ms=None, p_axis_deg=None, t_axis_deg=-20.0)
    assert found["pr_ms"].value == "–"
    assert found["p_axis_deg"].value == "– / −20"
    nothing = measurement_rows(None, Patient(), NO_HAND, "en")
    assert {row.value for row in nothing} == {"–"}


def test_a_qt_by_hand_gives_the_corrected_qt() -> None:
    found = rows(by_hand=ByHand({"qt_ms": 400.0}, "XY"), heart_rate_bpm=60.0)
    for name in ("qt_ms", "qtc_bazett_ms", "qtc_fridericia_ms"):
        assert (found[name].value, found[name].by_hand) == ("400", True)
        assert found[name].uncertainty == ""
    assert not found["heart_rate_bpm"].by_hand
    kept = rows(by_hand=ByHand({"qt_ms": 400.0, "qtc_bazett_ms": 444.0}, "XY"))
    assert kept["qtc_bazett_ms"].value == "444"


@pytest.mark.parametrize(
    ("warning", "english", "german"),
    [
        (
            "pr_ms: no P waves are found",
            "– PR interval: no P waves are found",
            "– PQ-Zeit: keine P-Wellen gefunden",
        ),
        ("pr_ms, qt_ms: something new", "– PR interval: something new", "– nicht messbar"),
        ("labels: no encoder", "– could not be measured", "– nicht messbar"),
    ],
)
def test_a_dash_has_a_reason(warning: str, english: str, german: str) -> None:
    given = cast(Analysis, {**good(), "warnings": [warning]})
    for lang, expected in (("en", english), ("de", german)):
        found: list[MeasurementRow] = measurement_rows(
            measured(pr_ms=None), Patient(), NO_HAND, cast(Any, lang)
        )
        assert missing_reasons(found, given, cast(Any, lang)) == [expected]
