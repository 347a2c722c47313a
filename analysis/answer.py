"""The answers of /analyze and /assess_quality, from a prepared recording and the encoders' outputs.

Values only: the server encodes them as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis import answer_types
from analysis.deployment import Deployment, Runtime
from analysis.few_leads import FewLeads
from analysis.forward import Encoded, mean_over_segments
from analysis.head_parts import HeadOf, HeadParts, head_parts
from analysis.interpretation.clinical_part import clinical_analysis_part
from analysis.interpretation.contradictions import contradictions
from analysis.interpretation.findings_part import findings_part
from analysis.interpretation.rhythm_decision import Decision, decide_rhythm
from analysis.labels import (
    JoinedLabel,
    join_labels,
    labels_by_segment_part,
    superclass_of_labels,
    without_superclasses,
)
from analysis.measuring import MeasuredRecord
from analysis.model_part import clinical_model, model_part
from analysis.null_parts import null_part_warnings
from analysis.options import AnalyzeOptions
from analysis.pacemaker_part import pacemaker_part
from analysis.prepare import Prepared
from heads import pacemaker
from heads.one_lead.model import shipped_description
from model_store.manifest import Role

SALIENCY_METHODS = {
    "ecg-fm": "attention of the last transformer layer, mean over heads, maximum over keys for "
    "each query token; the same for all leads and labels",
    "compact": "weights of the attention pooling, maximum over its heads; "
    "the same for all leads and labels",
}


def quality_answer(prepared: Prepared) -> answer_types.QualityAnswer:
    """Return the answer of /assess_quality, which needs no encoder."""
    assert prepared.quality is not None, "quality options always judge the quality. This is a bug."
    return {
        "id": prepared.record_id,
        **prepared.quality,
        "warnings": list(prepared.warnings),
    }


def analysis_answer(
    prepared: Prepared,
    encoded: Mapping[Role, Encoded],
    deployment: Deployment,
    runtime: Runtime | None,
    head_of: HeadOf,
) -> answer_types.Analysis:
    """Return the parts of /analyze that were asked for.

    A part that cannot be computed is null, with a warning.

    runtime  None if no encoder ran
    """
    options = prepared.options
    assert isinstance(options, AnalyzeOptions), "an analysis needs analyze options. This is a bug."
    measured = prepared.measured or MeasuredRecord()
    # Of a recording that is not judged, the encoders' labels are not named.
    labelled = {} if prepared.judgement.is_withheld else encoded
    labels = _clinical_labels(labelled, options, deployment)
    few_leads = _few_leads(prepared)
    labels_model = clinical_model(deployment)
    if few_leads.windows:
        labels = few_leads.labels(options.aggregate, options.thresholds)
        labels_model = shipped_description().version
    by_heads = head_parts(prepared, encoded, head_of)
    pacemaker_evidence, pacemaker_warnings = pacemaker_part(measured, labels, prepared.judgement)
    present = None if pacemaker_evidence is None else pacemaker_evidence["present"]
    decision = decide_rhythm(labels, measured, present)
    parts = _interpreted_parts(prepared, decision, labels, labels_model)
    parts |= _label_parts(prepared, labelled, deployment, labels, by_heads)
    parts |= _embedding_parts(prepared, encoded, deployment, options)
    if "heads" in options.include:
        parts["heads"] = by_heads.heads
    _add_signal_parts(parts, prepared, options)
    if "pacemaker" in options.include:
        parts["pacemaker"] = pacemaker_evidence
    warnings = [*prepared.warnings, *prepared.judgement.warnings(parts), *by_heads.warnings]
    if "clinical_analysis" in options.include:
        warnings += [*decision.warnings, *contradictions(labels, measured)]
    if "pacemaker" in options.include:
        warnings += pacemaker_warnings
    has_labels = labels is not None
    warnings += null_part_warnings(parts, prepared, deployment, has_labels=has_labels)
    return {
        "id": prepared.record_id,
        **parts,
        "model": model_part(
            deployment,
            runtime,
            options.features_role,
            labels=labels_model,
            pacemaker=pacemaker.version() if _is_pacemaker_judged(parts) else None,
            superclass=by_heads.superclass_model,
        ),
        "segments": len(prepared.segment_times_s),
        "warnings": list(dict.fromkeys(warnings)),
    }


def _interpreted_parts(
    prepared: Prepared,
    decision: Decision,
    labels: list[JoinedLabel] | None,
    labels_model: str | None,
) -> answer_types.AnalysisParts:
    """Return the parts that say in words what is seen, in the answer's order.

    labels_model  name and version of the model that gives the labels
    """
    options = prepared.options
    assert isinstance(options, AnalyzeOptions), "an analysis needs analyze options. This is a bug."
    parts: answer_types.AnalysisParts = {}
    measured = prepared.measured or MeasuredRecord()
    if "clinical_analysis" in options.include:
        parts["clinical_analysis"] = clinical_analysis_part(decision, labels, measured)
    if "findings" in options.include:
        is_withheld = prepared.judgement.is_withheld
        parts["findings"] = None if is_withheld else findings_part(decision, measured, labels_model)
    return parts


def _label_parts(
    prepared: Prepared,
    labelled: Mapping[Role, Encoded],
    deployment: Deployment,
    labels: list[JoinedLabel] | None,
    by_heads: HeadParts,
) -> answer_types.AnalysisParts:
    """Return the parts that name what is seen, in the answer's order.

    labelled  the outputs of the encoders whose labels are named
    """
    options = prepared.options
    assert isinstance(options, AnalyzeOptions), "an analysis needs analyze options. This is a bug."
    parts: answer_types.AnalysisParts = {}
    if "labels" in options.include:
        parts["labels"] = None if labels is None else [joined.part() for joined in labels]
    if "labels_by_segment" in options.include:
        parts["labels_by_segment"] = _labels_by_segment(prepared, labelled, deployment)
    if "superclass" in options.include:
        parts["superclass"] = by_heads.superclass or _superclass(labelled, options, deployment)
    return parts


def _embedding_parts(
    prepared: Prepared,
    encoded: Mapping[Role, Encoded],
    deployment: Deployment,
    options: AnalyzeOptions,
) -> answer_types.AnalysisParts:
    """Return the parts that show what an encoder sees without a name, in the answer's order."""
    parts: answer_types.AnalysisParts = {}
    if "features" in options.include:
        parts["features"] = _features(encoded, options)
    if "saliency" in options.include:
        parts["saliency"] = _saliency(prepared, encoded, deployment)
    return parts


def _add_signal_parts(
    parts: answer_types.AnalysisParts, prepared: Prepared, options: AnalyzeOptions
) -> None:
    """Add the parts that were complete before the encoder ran, in the answer's order."""
    measured = prepared.measured or MeasuredRecord()
    include = options.include
    if "quality" in include and prepared.quality is not None:
        parts["signal_quality"] = prepared.quality["signal_quality"]
        parts["quality"] = prepared.quality
    if "measurements" in include:
        by_neurokit = options.measurements_method == "neurokit2"
        parts["measurements"] = measured.by_neurokit if by_neurokit else measured.measurements
    if "hrv" in include:
        parts["hrv"] = measured.hrv
    if "fiducials" in include:
        parts["fiducials"] = measured.fiducials
    if "representative_beat" in include:
        parts["representative_beat"] = measured.representative_beat
    if "matrix" in include:
        parts["matrix"] = measured.matrix
    if "signal" in include:
        parts["signal"] = prepared.signal
    if "reported" in include:
        parts["reported"] = prepared.reported


def _few_leads(prepared: Prepared) -> FewLeads:
    """Return what the one-lead model says, empty if the recording is not judged."""
    measured = prepared.measured
    if measured is None or measured.few_leads is None or prepared.judgement.is_withheld:
        return FewLeads()
    return measured.few_leads


def _is_pacemaker_judged(parts: answer_types.AnalysisParts) -> bool:
    part = parts.get("pacemaker")
    return part is not None and part["present"] is not None


def _clinical_labels(
    encoded: Mapping[Role, Encoded], options: AnalyzeOptions, deployment: Deployment
) -> list[JoinedLabel] | None:
    joined_labels = _joined_labels("clinical", encoded, options, deployment)
    return None if joined_labels is None else without_superclasses(joined_labels)


def _superclass(
    encoded: Mapping[Role, Encoded], options: AnalyzeOptions, deployment: Deployment
) -> answer_types.Superclass | None:
    role = deployment.superclass_role()
    if role is None:
        return None
    joined_labels = _joined_labels(role, encoded, options, deployment)
    return None if joined_labels is None else superclass_of_labels(joined_labels)


def _joined_labels(
    role: Role, encoded: Mapping[Role, Encoded], options: AnalyzeOptions, deployment: Deployment
) -> list[JoinedLabel] | None:
    output = encoded.get(role)
    if output is None or output.logits is None:
        return None
    return join_labels(
        output.logits,
        deployment.encoders[role].labels,
        aggregate=options.aggregate,
        thresholds=options.thresholds,
    )


def _labels_by_segment(
    prepared: Prepared, encoded: Mapping[Role, Encoded], deployment: Deployment
) -> list[answer_types.LabelsOfSegment] | None:
    few_leads = _few_leads(prepared)
    if few_leads.windows:
        return few_leads.by_segment()
    clinical = encoded.get("clinical")
    if clinical is None or clinical.logits is None:
        return None
    labels = deployment.encoders["clinical"].labels
    return labels_by_segment_part(clinical.logits, labels, prepared.segment_times_s)


def _features(
    encoded: Mapping[Role, Encoded], options: AnalyzeOptions
) -> NDArray[np.float32] | None:
    if options.features_role is None or options.features_role not in encoded:
        return None
    return mean_over_segments(encoded[options.features_role].pooled)


def _saliency(
    prepared: Prepared, encoded: Mapping[Role, Encoded], deployment: Deployment
) -> answer_types.Saliency | None:
    for role, output in encoded.items():
        if output.saliency is None:
            continue
        segments: list[answer_types.SaliencyOfSegment] = []
        for (start, end), values in zip(prepared.segment_times_s, output.saliency, strict=True):
            segments.append({"start": start, "end": end, "values": values})
        method = SALIENCY_METHODS[deployment.encoders[role].architecture]
        return {"method": method, "segments": segments}
    return None
