"""An analysis in the forms of /predict and /classify: which value goes where, and what is null."""

from __future__ import annotations

from typing import Any

import pytest

from errors import BadOption, BadType, MissingField, MissingPart, NoModel, UnderAge
from formats.parts import Part
from server.stages.classify_form import (
    DESCRIPTIONS,
    ClassifyForm,
    classify_options,
    read_classify_form,
)
from server.stages.diagnosis_form import DiagnosisForm
from server.stages.fhir import AUTOMATED
from server.stages.legacy_forms import in_form
from server.stages.predict_form import PredictForm, read_predict_form
from superclasses import SUPERCLASSES
from tests.analysis.deployments import BOTH

ECG = Part("ecg.npy", b"\x93NUMPY and so on")
EVIDENCE = {"spikes": 3, "chamber": "dual", "morphology": 0.25, "label": None}
PACEMAKER = {"present": True, "probability": 0.75, "evidence": EVIDENCE, "visible": False}
SUPERCLASS = {
    "top": "MI",
    "probabilities": {"NORM": 0.1, "MI": 0.6, "STTC": 0.2, "CD": 0.05, "HYP": 0.01},
    "positive": ["MI", "STTC"],
}
CLINICAL = {
    "rhythm": "Sinus rhythm",
    "rhythm_source": "labels",
    "confidence": 0.984,
    "heart_rate": 71.6,
}
RHYTHM = {"clinical_analysis": CLINICAL, "signal_quality": "Good"}


def analysis(**parts: Any) -> Any:
    return {"id": "x", "model": {}, "segments": 1, "warnings": ["quality: so so"], **parts}


def patient(text: str) -> Part:
    return Part("patient.txt", text.encode())


def test_a_prediction_has_the_evidence_and_what_was_sent() -> None:
    answer = in_form(analysis(pacemaker=PACEMAKER), PredictForm("63", "01/11/1984"))
    assert answer == {
        "result": True,
        "pacemaker_result": True,
        "age": "63",
        "recording_date": "01/11/1984",
        "probability": 0.75,
        "evidence": {**EVIDENCE, "visible": False},
        "warnings": ["quality: so so"],
    }
    assert list(answer) == [
        "result",
        "pacemaker_result",
        "age",
        "recording_date",
        "probability",
        "evidence",
        "warnings",
    ]


def test_a_prediction_without_evidence_is_null() -> None:
    answer = in_form(analysis(pacemaker=None), PredictForm(18.5, None))
    assert answer == {
        "result": None,
        "pacemaker_result": None,
        "age": 18.5,
        "recording_date": None,
        "probability": None,
        "evidence": None,
        "warnings": ["quality: so so"],
    }


@pytest.mark.parametrize(
    ("lang", "description"), [("en", "myocardial infarction"), ("de", "Myokardinfarkt")]
)
def test_a_classification_describes_the_most_probable_superclass(
    lang: Any, description: str
) -> None:
    answer = in_form(analysis(superclass=SUPERCLASS, **RHYTHM), ClassifyForm(lang))
    assert answer == {
        "diagnosis": "MI",
        "description": description,
        "probability": 0.6,
        "probabilities": SUPERCLASS["probabilities"],
        "rhythm": "Sinus rhythm",
        "rhythm_source": "labels",
        "rhythm_confidence": 0.984,
        "heart_rate": 71.6,
        "signal_quality": "Good",
        "warnings": ["quality: so so"],
    }


@pytest.mark.parametrize(
    ("lang", "description"), [("en", "no class: too few"), ("de", "keine Klasse: too few")]
)
def test_without_a_superclass_a_classification_gives_the_reason(
    lang: Any, description: str
) -> None:
    warnings = ["quality: so so", "superclass: too few", "superclass: another"]
    parts = analysis(superclass=None, **RHYTHM) | {"warnings": warnings}
    answer: Any = in_form(parts, ClassifyForm(lang))
    values = [answer[name] for name in ("diagnosis", "probability", "probabilities")]
    assert values == [None, None, None]
    assert answer["description"] == description
    assert (answer["rhythm"], answer["heart_rate"]) == ("Sinus rhythm", 71.6)
    report: Any = in_form(parts, DiagnosisForm(lang))
    assert report["conclusion"] is None
    assert [note["text"] for note in report["note"]] == [
        description,
        "Rhythm: Sinus rhythm 98.40% (by labels), 72 beats/min",
        "Signal quality: Good",
        *warnings,
        AUTOMATED,
    ]


def test_a_report_has_the_confidence_first() -> None:
    parts = analysis(superclass=SUPERCLASS, **RHYTHM)
    parts["clinical_analysis"] = {
        **parts["clinical_analysis"],
        "rhythm": "Undetermined",
        "confidence": None,
        "heart_rate": None,
    }
    report: Any = in_form(parts, DiagnosisForm("de"))
    assert report["conclusion"] == "MI"
    assert [note["text"] for note in report["note"]] == [
        "Confidence: 60.00%",
        "Probabilities: NORM 10.00%, MI 60.00%, STTC 20.00%, CD 5.00%, HYP 1.00%",
        "Rhythm: Undetermined (by labels)",
        "Signal quality: Good",
        "quality: so so",
        AUTOMATED,
    ]
    assert "request_id" not in report


@pytest.mark.parametrize(
    ("lang", "description"),
    [("en", "none of the five classes"), ("de", "keine der fünf Klassen")],
)
def test_without_a_positive_superclass_there_is_no_diagnosis(lang: Any, description: str) -> None:
    rejected = {**SUPERCLASS, "top": None, "positive": []}
    parts = analysis(superclass=rejected, **RHYTHM)
    answer: Any = in_form(parts, ClassifyForm(lang))
    assert (answer["diagnosis"], answer["probability"]) == (None, None)
    assert answer["description"] == description
    assert answer["probabilities"] == SUPERCLASS["probabilities"]
    assert answer["warnings"] == ["quality: so so"]
    report: Any = in_form(parts, DiagnosisForm(lang))
    assert report["conclusion"] is None
    assert report["note"][0]["text"] == description


def test_every_superclass_has_a_description_in_every_language() -> None:
    assert {lang: tuple(words) for lang, words in DESCRIPTIONS.items()} == {
        "en": SUPERCLASSES,
        "de": SUPERCLASSES,
    }


def test_without_a_form_an_analysis_is_unchanged() -> None:
    plain = analysis(superclass=SUPERCLASS)
    assert in_form(plain, None) is plain


def test_the_language_is_english_unless_german_is_asked_for() -> None:
    assert read_classify_form({}) == ClassifyForm("en")
    assert read_classify_form({"lang": "de"}) == ClassifyForm("de")
    with pytest.raises(BadOption, match=r"^lang is 'fr'; allowed are en, de$"):
        read_classify_form({"lang": "fr"})


def test_a_classification_needs_a_model_for_superclasses() -> None:
    with pytest.raises(NoModel, match=r"^no model for superclasses is loaded \(for tests\)$"):
        classify_options(BOTH, judge_unreadable=False)


@pytest.mark.parametrize("age", ["18.01", "19", "120", '"19"', '"63"', "18.5", '" 63 "'])
def test_above_eighteen_is_accepted(age: str) -> None:
    form, files = read_predict_form([ECG, patient(f'\ufeff {{"age": {age}, "nurse": 0}}')], {})
    assert float(form.age) > 18
    assert form.recording_date is None
    assert files == [ECG]


@pytest.mark.parametrize("age", ["18", '"18"', "17.99", "0", '"17"'])
def test_eighteen_and_under_is_refused_with_what_was_sent(age: str) -> None:
    with pytest.raises(UnderAge) as refused:
        read_predict_form([patient(f'{{"age": {age}, "recording_date": "today"}}'), ECG], {})
    years = age.strip('"')
    assert refused.value.detail == f"age is {years}; a result is given above 18 years"
    assert refused.value.extension == {
        "age": years if age.startswith('"') else float(age),
        "recording_date": "today",
    }


ALLOWED = "a number of years from 0 to 120"


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        (
            "{}",
            MissingField,
            f"age: missing in the JSON object about the patient; {ALLOWED} is needed",
        ),
        (
            '{"age": true}',
            BadType,
            f"age: found a boolean; it must be {ALLOWED}, or a string of one",
        ),
        (
            '{"age": [63]}',
            BadType,
            f"age: found a list; it must be {ALLOWED}, or a string of one",
        ),
        (
            '{"age": "1_8"}',
            BadType,
            f"age: found a string of 3 characters; it must be {ALLOWED}, or a string of one",
        ),
        (
            '{"age": "٦٣"}',
            BadType,
            f"age: found a string of 2 characters; it must be {ALLOWED}, or a string of one",
        ),
        (
            '{"age": "' + "0" * 63 + '63"}',
            BadType,
            f"age: found a string of 65 characters; it must be {ALLOWED}, or a string of one",
        ),
        ('{"age": "old"}', BadType, f"age: found a string that is no number; it must be {ALLOWED}"),
        (
            '{"age": 120.5}',
            BadType,
            "age: found a number above 120; 0 to 120 years are allowed",
        ),
        (
            '{"age": -0.5}',
            BadType,
            "age: found a number below 0; 0 to 120 years are allowed",
        ),
        ('{"age": "nan"}', BadType, f"age: found a string that is no number; it must be {ALLOWED}"),
        (
            '{"age": 63, "recording_date": 1984}',
            BadType,
            "recording_date: found a number; a string of at most 64 characters is required",
        ),
        (
            '{"age": 63, "recording_date": "' + "0" * 65 + '"}',
            BadType,
            "recording_date: found a string of 65 characters; "
            "a string of at most 64 characters is required",
        ),
    ],
    ids=lambda value: str(value)[:24],
)
def test_odd_patients_are_refused(text: str, kind: Any, detail: str) -> None:
    with pytest.raises(kind) as refused:
        read_predict_form([patient(text), ECG], {})
    assert refused.value.detail == detail


def test_a_date_of_64_characters_and_an_age_of_64_are_returned() -> None:
    age, date = "0" * 62 + "63", "d" * 64
    form, _ = read_predict_form(
        [patient(f'{{"age": "{age}", "recording_date": "{date}"}}'), ECG], {}
    )
    assert form == PredictForm(age, date)


@pytest.mark.parametrize("count", [0, 2])
def test_exactly_one_json_object_is_needed(count: int) -> None:
    with pytest.raises(MissingPart, match=rf"^the form has {count} JSON objects about the patient"):
        read_predict_form([ECG, *[patient('{"age": 63}')] * count], {})


@pytest.mark.parametrize(
    ("fields", "form"),
    [
        ({"age": ["63"]}, PredictForm("63", None)),
        ({"age": ["", "63"], "recording_date": ["today"]}, PredictForm("63", "today")),
        ({"age": [" 19.5 "], "recording_date": [""]}, PredictForm(" 19.5 ", None)),
    ],
)
def test_age_and_date_may_be_fields(fields: dict[str, list[str]], form: PredictForm) -> None:
    assert read_predict_form([ECG], fields) == (form, [ECG])


def test_a_json_object_has_precedence_over_fields() -> None:
    form, _ = read_predict_form([patient('{"age": 63}'), ECG], {"age": ["17"]})
    assert form == PredictForm(63, None)


@pytest.mark.parametrize(
    ("age", "kind"), [("18", UnderAge), ("old", BadType), ("121", BadType), ("", MissingPart)]
)
def test_the_age_of_a_field_is_checked_too(age: str, kind: Any) -> None:
    with pytest.raises(kind):
        read_predict_form([ECG], {"age": [age]})


def test_the_ecg_is_needed_too() -> None:
    with pytest.raises(MissingPart, match=r"^the form has a JSON object .* and no ECG;"):
        read_predict_form([patient('{"age": 63}')], {})
