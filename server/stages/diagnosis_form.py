"""/diagnosis, as the clients of an earlier German service call it: a file, a FHIR DiagnosticReport.

The service and its clients (an EKG-Diagnose-Client in Python) are public student projects: one part
`file`, a zip of a .hea and its .dat or the CSV of a watch; the answer has `conclusion`, one of
PTB-XL's classes, and `note`, [{"text": "Confidence: 62.79%"}]. `note` is an element of a
DiagnosticReport from FHIR R5 on. FHIR has no element for warnings, so they are notes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import TypedDict

from analysis import answer_types
from server.stages import fhir
from server.stages.classify_form import (
    Classification,
    ClassifyForm,
    Language,
    classification,
    read_classify_form,
)


@dataclass(frozen=True)
class DiagnosisForm:
    """What the report needs from the request, other than the recording."""

    lang: Language


class Note(TypedDict):
    """A FHIR Annotation."""

    text: str


class DiagnosticReport(TypedDict):
    """/diagnosis' answer, a FHIR DiagnosticReport (R5)."""

    resourceType: Literal["DiagnosticReport"]
    status: Literal["preliminary"]
    """No person has confirmed it."""
    category: list[dict[str, Any]]
    """EC, electrocardiac."""
    code: dict[str, Any]
    conclusion: str | None
    """The superclass, as `diagnosis` of /classify; null with the reason in the first note."""
    note: list[Note]
    """`Confidence: 62.79%`, then the probabilities, the rhythm, the quality and every warning."""


def read_diagnosis_form(values: Mapping[str, object]) -> DiagnosisForm:
    """Raises BadOption."""
    return DiagnosisForm(read_classify_form(values).lang)


def diagnostic_report(analysis: answer_types.Analysis, form: DiagnosisForm) -> DiagnosticReport:
    """Return an analysis with the parts of /classify as a DiagnosticReport."""
    classified = classification(analysis, ClassifyForm(form.lang))
    return {
        "resourceType": "DiagnosticReport",
        "status": "preliminary",
        "category": [fhir.ELECTROCARDIAC],
        "code": {"text": "ECG analysis"},
        "conclusion": classified["diagnosis"],
        "note": [{"text": text} for text in _notes(classified)],
    }


def _notes(classified: Classification) -> list[str]:
    first = str(classified["description"])
    if classified["diagnosis"] is not None and classified["probability"] is not None:
        first = f"Confidence: {classified['probability']:.2%}"
    notes = [first]
    if classified["probabilities"]:
        each = [f"{name} {value:.2%}" for name, value in classified["probabilities"].items()]
        notes.append(f"Probabilities: {', '.join(each)}")
    notes.append(_rhythm(classified))
    notes.append(f"Signal quality: {classified['signal_quality']}")
    return [*notes, *classified["warnings"], fhir.AUTOMATED]


def _rhythm(classified: Classification) -> str:
    heart_rate = classified["heart_rate"]
    rate = "" if heart_rate is None else f", {heart_rate:.0f} beats/min"
    source, confidence = classified["rhythm_source"], classified["rhythm_confidence"]
    # By rules the confidence is not a probability.
    probability = "" if source == "rules" or confidence is None else f" {confidence:.2%}"
    return f"Rhythm: {classified['rhythm']}{probability} (by {source}){rate}"
