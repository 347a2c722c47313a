"""/classify, the upload form of an earlier service: the superclass of one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from typing_extensions import TypedDict

from analysis import answer_types
from analysis.deployment import Deployment
from analysis.options import AnalyzeOptions
from errors import NoModel
from server.stages.option_values import choose

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


@dataclass(frozen=True)
class ClassifyForm:
    """What the answer needs from the request, other than the recording."""

    lang: Language


class Classification(TypedDict):
    """/classify's answer."""

    diagnosis: str
    description: str | None
    probability: float
    probabilities: dict[str, float]
    warnings: list[str]


def read_classify_form(values: Mapping[str, object]) -> ClassifyForm:
    """Raises BadOption."""
    return ClassifyForm(choose("lang", values.get("lang"), LANGUAGES) or "en")


def classify_options(deployment: Deployment) -> AnalyzeOptions:
    """Return the options of an analysis of the superclass alone.

    Raises NoModel if nothing loaded gives superclasses.
    """
    if deployment.superclass_role() is None and deployment.superclass_head() is None:
        raise NoModel(f"no model for superclasses is loaded ({deployment.reason})")
    return AnalyzeOptions(include=frozenset({"superclass"}), requires_model=True)


def classification(analysis: answer_types.Analysis, form: ClassifyForm) -> Classification:
    """Return an analysis with the part `superclass` in the form of /classify."""
    superclass = analysis["superclass"]
    assert superclass is not None, "/classify requires a model. This is a bug."
    diagnosis = superclass["top"]
    return {
        "diagnosis": diagnosis,
        # A user's own head may give other names than PTB-XL's.
        "description": DESCRIPTIONS[form.lang].get(diagnosis),
        "probability": superclass["probabilities"][diagnosis],
        "probabilities": superclass["probabilities"],
        "warnings": analysis["warnings"],
    }
