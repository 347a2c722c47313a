"""/classify, the upload form of an earlier service: the superclass of one file.

The superclass needs six leads. The answer about fewer leads, such as those of a watch, has the
rhythm by rules and the quality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from typing_extensions import TypedDict

from analysis import answer_types
from analysis.deployment import Deployment
from analysis.options import AnalyzeOptions
from errors import NoModel
from server.stages.option_values import choose
from signal_quality.quality import QualityWord

Language = Literal["en", "de"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
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
# The description without a superclass, followed by the reason, which is in English as all warnings
# are.
NO_ANSWER: Final[dict[Language, str]] = {"en": "no class", "de": "keine Klasse"}
# The description if no superclass reaches its threshold.
NO_CLASS: Final[dict[Language, str]] = {
    "en": "none of the five classes",
    "de": "keine der fünf Klassen",
}
PARTS: Final = frozenset({"superclass", "clinical_analysis", "quality"})


@dataclass(frozen=True)
class ClassifyForm:
    """What the answer needs from the request, other than the recording."""

    lang: Language


class Classification(TypedDict):
    """/classify's answer."""

    diagnosis: str | None
    """The most probable superclass that reaches its threshold; null with the reason in
    `description` where there is none."""
    description: str | None
    probability: float | None
    """Of `diagnosis`; null without one."""
    probabilities: dict[str, float] | None
    rhythm: str
    """As `clinical_analysis.rhythm` of /analyze."""
    rhythm_source: Literal["labels", "rules"]
    rhythm_confidence: float | None
    """As `clinical_analysis.confidence` of /analyze."""
    heart_rate: float | None
    """Beats per minute."""
    signal_quality: QualityWord | None
    warnings: list[str]


def read_classify_form(values: Mapping[str, object]) -> ClassifyForm:
    """Raises BadOption."""
    return ClassifyForm(choose("lang", values.get("lang"), LANGUAGES) or "en")


def classify_options(deployment: Deployment, *, judge_unreadable: bool) -> AnalyzeOptions:
    """Return the options of an analysis of the superclass, the rhythm and the quality.

    Raises NoModel if nothing loaded gives superclasses.
    """
    if deployment.superclass_role() is None and deployment.superclass_head() is None:
        raise NoModel(f"no model for superclasses is loaded ({deployment.reason})")
    return AnalyzeOptions(include=PARTS, requires_model=True, judge_unreadable=judge_unreadable)


def classification(analysis: answer_types.Analysis, form: ClassifyForm) -> Classification:
    """Return an analysis with PARTS in the form of /classify."""
    superclass = analysis["superclass"]
    clinical = analysis["clinical_analysis"]
    assert clinical is not None, "an analysis with this part always has it. This is a bug."
    answer: Classification = {
        "diagnosis": None,
        "description": None,
        "probability": None,
        "probabilities": None,
        "rhythm": clinical["rhythm"],
        "rhythm_source": clinical["rhythm_source"],
        "rhythm_confidence": clinical["confidence"],
        "heart_rate": clinical["heart_rate"],
        "signal_quality": analysis["signal_quality"],
        "warnings": analysis["warnings"],
    }
    if superclass is None:
        answer["description"] = f"{NO_ANSWER[form.lang]}: {_reason(analysis['warnings'])}"
        return answer
    diagnosis, probabilities = superclass["top"], superclass["probabilities"]
    answer["probabilities"] = probabilities
    if diagnosis is None:
        answer["description"] = NO_CLASS[form.lang]
        return answer
    answer["diagnosis"] = diagnosis
    answer["description"] = DESCRIPTIONS[form.lang][diagnosis]
    answer["probability"] = probabilities[diagnosis]
    return answer


def _reason(warnings: Sequence[str]) -> str:
    """Return why the superclass is null, which the answer's warnings give."""
    for warning in warnings:
        field, _, reason = warning.partition(": ")
        if field == "superclass":
            return reason
    return "it cannot be determined"
