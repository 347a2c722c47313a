"""Warnings for the parts that were asked for and are null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.answer_types import AnalysisParts
from analysis.deployment import Deployment
from analysis.prepare import Prepared

MODEL_PARTS = ("labels", "labels_by_segment", "superclass", "features", "saliency")
# Of a recording of few leads, these come from the one-lead model.
FEW_LEADS_PARTS = ("labels", "labels_by_segment")
WAVE_PARTS = ("measurements", "fiducials", "representative_beat", "matrix")


def null_part_warnings(
    parts: AnalysisParts, prepared: Prepared, deployment: Deployment, *, has_labels: bool
) -> list[str]:
    """Return one sentence for each null part; a part that is absent was not asked for.

    has_labels  whether a clinical encoder named labels, in the answer or not
    """
    warnings = []
    if not deployment.loaded:
        warnings.append(f"model: {deployment.no_model_reason()}")
    reason = _no_model_reason(prepared, deployment)
    # The parts that are not judged have their warnings already.
    reported = prepared.judgement.given(frozenset(parts))
    label_reason = _no_labels_reason(prepared) or reason
    for part in _null_among(MODEL_PARTS, parts):
        if part in reported:
            warnings.append(f"{part}: {label_reason if part in FEW_LEADS_PARTS else reason}")
    if "clinical_analysis" in reported and not has_labels:
        warnings.append(
            "clinical_analysis: the rhythm is determined by rules on the measurements: "
            f"{label_reason}"
        )
    for part in _null_among(WAVE_PARTS, parts):
        warnings.append(f"{part}: nothing can be measured on this recording")
    if "hrv" in parts and parts["hrv"] is None and not _has_warning("hrv", prepared.warnings):
        warnings.append("hrv: nothing can be measured on this recording")
    if "reported" in parts and parts["reported"] is None:
        warnings.append("reported: the recording contains no measurements of its device")
    return warnings


def _no_model_reason(prepared: Prepared, deployment: Deployment) -> str:
    if prepared.no_model:
        return prepared.no_model
    return "the loaded encoder has no labels" if deployment.loaded else "no encoder is loaded"


def _no_labels_reason(prepared: Prepared) -> str | None:
    """Return why the one-lead model gives no labels; None if it was not asked."""
    measured = prepared.measured
    few_leads = None if measured is None else measured.few_leads
    return None if few_leads is None else few_leads.refusal


def _has_warning(field: str, warnings: Sequence[str]) -> bool:
    return any(warning.startswith(f"{field}: ") for warning in warnings)


def _null_among(names: tuple[str, ...], parts: Mapping[str, object]) -> list[str]:
    return [name for name in names if name in parts and parts[name] is None]
