"""The two upload forms of earlier services: a pacemaker yes or no for an adult, and the superclass of one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from analysis import answer_types
from analysis.deployment import Deployment
from analysis.options import AnalyzeOptions
from errors import BadOption, BadType, MissingField, NoModel, UnderAge

ADULT_YEARS: Final = 18
MAX_AGE_YEARS: Final = 120
MAX_TEXT_CHARS: Final = 64  # of what is echoed
Language = Literal["en", "de"]
DESCRIPTIONS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "NORM": "normal ECG",
        "MI": "myocardial infarction",
        "STTC": "ST/T change",
        "CD": "conduction disturbance",
        "HYP": "hypertrophy",
    },
    "de": {
        "NORM": "normales EKG",
        "MI": "Myokardinfarkt",
        "STTC": "ST/T-Änderung",
        "CD": "Leitungsstörung",
        "HYP": "Hypertrophie",
    },
}


class PredictionEvidence(answer_types.PacemakerEvidence):
    visible: bool
    """Whether the recording can show pacing spikes at all."""


class Prediction(TypedDict):
    """/predict's answer."""

    result: bool | None
    age: float | str
    """As sent."""
    recording_date: str | None
    """As sent."""
    probability: float | None
    evidence: PredictionEvidence | None
    """As `pacemaker.evidence` of /analyze, and whether spikes can be seen."""
    warnings: list[str]


class Classification(TypedDict):
    """/classify's answer."""

    diagnosis: str
    description: str | None
    probability: float
    probabilities: dict[str, float]
    warnings: list[str]


@dataclass(frozen=True)
class PredictOptions(AnalyzeOptions):
    """/predict: an analysis of the pacemaker alone, for somebody whose age was sent; both are echoed as they were sent."""

    age: int | float | str = 0
    recording_date: str | None = None


@dataclass(frozen=True)
class ClassifyOptions(AnalyzeOptions):
    """/classify: an analysis of the superclass alone."""

    lang: Language = "en"


def predict_options(about: Mapping[str, Any]) -> PredictOptions:
    """From the JSON text beside the ECG. Raises MissingField, BadType, and UnderAge, which carries what is echoed."""
    age, date = about.get("age"), about.get("recording_date")
    if age is None:
        raise MissingField(
            "age is missing in the JSON text; a number of years from 0 to 120 is needed",
            loc=("age",),
        )
    years = _years(age)
    if date is not None and (not isinstance(date, str) or len(date) > MAX_TEXT_CHARS):
        raise BadType(
            f"recording_date must be a text of at most {MAX_TEXT_CHARS} characters",
            loc=("recording_date",),
        )
    if years < ADULT_YEARS:
        raise UnderAge(
            f"age is {years:g}; a result is given from {ADULT_YEARS} years on",
            loc=("age",),
            extension={"age": age, "recording_date": date},
        )
    return PredictOptions(include=frozenset({"pacemaker"}), age=age, recording_date=date)


def _years(age: object) -> float:
    text = isinstance(age, str) and len(age) <= MAX_TEXT_CHARS and age.isascii() and "_" not in age
    if isinstance(age, bool) or not (isinstance(age, int | float) or text):
        raise BadType(
            f"age must be a number of years from 0 to {MAX_AGE_YEARS}, or a text of one",
            loc=("age",),
        )
    try:
        years = float(age)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        raise BadType(
            f"age must be a number of years from 0 to {MAX_AGE_YEARS}; the text is none",
            loc=("age",),
        ) from None
    if not 0 <= years <= MAX_AGE_YEARS:  # NaN is not either
        raise BadType(f"age must lie from 0 to {MAX_AGE_YEARS} years", loc=("age",))
    return years


def classify_options(values: Mapping[str, object], deployment: Deployment) -> ClassifyOptions:
    """Raises BadOption; NoModel where nothing that is loaded knows superclasses."""
    lang = values.get("lang", "en")
    if lang not in DESCRIPTIONS:
        shown = repr(lang[:MAX_TEXT_CHARS]) if isinstance(lang, str) else "no text"
        raise BadOption(f"lang is {shown}; allowed are {', '.join(DESCRIPTIONS)}", loc=("lang",))
    if deployment.superclass_role() is None and deployment.superclass_head() is None:
        raise NoModel(f"no model for superclasses is loaded ({deployment.reason})")
    return ClassifyOptions(include=frozenset({"superclass"}), requires_model=True, lang=lang)


def upload_answer(
    answer: answer_types.Analysis, options: AnalyzeOptions
) -> answer_types.Analysis | Prediction | Classification:
    """An analysis in the form that its route answers in; /analyze's own is left as it is."""
    if isinstance(options, PredictOptions):
        return _prediction(answer, options)
    return _classification(answer, options.lang) if isinstance(options, ClassifyOptions) else answer


def _prediction(answer: answer_types.Analysis, options: PredictOptions) -> Prediction:
    found = answer["pacemaker"]
    return {
        "result": None if found is None else found["present"],
        "age": options.age,
        "recording_date": options.recording_date,
        "probability": None if found is None else found["probability"],
        "evidence": None if found is None else {**found["evidence"], "visible": found["visible"]},
        "warnings": answer["warnings"],
    }


def _classification(answer: answer_types.Analysis, lang: Language) -> Classification:
    found = answer["superclass"]
    assert found is not None, "/classify requires a model. This is a bug."
    top = found["top"]
    return {
        "diagnosis": top,
        "description": DESCRIPTIONS[lang].get(top),  # a head of one's own may know others
        "probability": found["probabilities"][top],
        "probabilities": found["probabilities"],
        "warnings": answer["warnings"],
    }
