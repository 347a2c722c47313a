"""The answer's parts, from what was prepared and what the encoders said. Values only; the server writes them as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.contradictions import contradictions
from analysis.deployment import Deployment, Runtime, encoder_summary, versioned_name
from analysis.forward import Encoded, mean_over_segments
from analysis.head_parts import HeadOf, head_parts
from analysis.labels import (
    JoinedLabel,
    Words,
    by_segment,
    join_labels,
    superclass,
    without_superclasses,
    words,
)
from analysis.measuring import Measured
from analysis.options import AnalyzeOptions, FeatureOptions
from analysis.prepare import Prepared
from analysis.uploads import upload_answer
from heads import pacemaker
from model_store.manifest import Role

# The names of an earlier API for four of the measurements.
CLINICAL_NUMBERS = {
    "heart_rate": "heart_rate_bpm",
    "qrs_duration": "qrs_ms",
    "qt_interval": "qt_ms",
    "pr_interval": "pr_ms",
}
SALIENCY_METHODS = {
    "ecg-fm": "attention of the last transformer layer, mean over heads, maximum over keys for each query token; "
    "the same for all leads and labels",
    "compact": "weights of the attention pooling, maximum over its heads; the same for all leads and labels",
}


@dataclass(frozen=True)
class Embedding:
    """An embedding of /extract_features: `values` is (width,), (segments, width) or (segments, tokens, width)."""

    record_id: str | None
    values: NDArray[np.floating[Any]]
    segments: int
    model: dict[str, Any]
    warnings: tuple[str, ...]


def quality_answer(prepared: Prepared) -> dict[str, Any]:
    """/assess_quality, which no encoder takes part in."""
    assert prepared.quality is not None, "quality was asked for and is computed. This is a bug."
    return {"id": prepared.record_id, **prepared.quality, "warnings": list(prepared.warnings)}


def embedding_answer(
    prepared: Prepared, encoded: Mapping[Role, Encoded], deployment: Deployment, runtime: Runtime
) -> Embedding:
    options = prepared.options
    assert isinstance(options, FeatureOptions), (
        "embeddings come from feature options. This is a bug."
    )
    return Embedding(
        record_id=prepared.record_id,
        values=embed(encoded[options.role], options).astype(options.dtype, copy=False),
        segments=len(prepared.segment_times_s),
        model=_model(deployment, runtime, options.role),
        warnings=prepared.warnings,
    )


def embed(encoded: Encoded, options: FeatureOptions) -> NDArray[np.float32]:
    """Join token states as far as the options say."""
    if encoded.states is None:
        per_segment = encoded.pooled
    elif options.level == "token":
        return encoded.states
    else:
        per_segment = _pool(encoded.states, options.pooling)
    return per_segment if options.level == "segment" else mean_over_segments(per_segment)


def _pool(states: NDArray[np.float32], pooling: str) -> NDArray[np.float32]:
    if pooling == "max":
        return np.asarray(states.max(axis=1))
    # ECG-FM's mean: per channel the sum over tokens divided by the count of tokens whose value is not exactly 0.
    counts = np.maximum((states != 0).sum(axis=1), 1)
    return np.asarray(states.sum(axis=1, dtype=np.float64) / counts, np.float32)


def analysis_answer(
    prepared: Prepared,
    encoded: Mapping[Role, Encoded],
    deployment: Deployment,
    runtime: Runtime | None,
    head_of: HeadOf,
) -> dict[str, Any]:
    """/analyze's parts that were asked for; null with a warning where one cannot be computed."""
    options = prepared.options
    assert isinstance(options, AnalyzeOptions), "analyses come from analyze options. This is a bug."
    include, warnings = options.include, list(prepared.warnings)
    labels = _labels(encoded, options, deployment)
    by_heads = head_parts(prepared, encoded, head_of)
    warnings += by_heads.warnings
    answer: dict[str, Any] = {"id": prepared.record_id}
    if "clinical_analysis" in include:
        answer["clinical_analysis"] = _clinical_analysis(labels, prepared.measured or Measured())
        warnings += contradictions(labels, prepared.measured)
    if "labels" in include:
        answer["labels"] = None if labels is None else [joined.to_dict() for joined in labels]
    if "labels_by_segment" in include:
        answer["labels_by_segment"] = _labels_by_segment(prepared, encoded, deployment)
    if "superclass" in include:
        answer["superclass"] = by_heads.superclass or _superclass(encoded, options, deployment)
    answer |= _embedding_parts(prepared, encoded, options, deployment)
    if "heads" in include:
        answer["heads"] = by_heads.heads
    if "quality" in include and prepared.quality is not None:
        answer["signal_quality"] = prepared.quality["signal_quality"]
        answer["quality"] = prepared.quality
    answer |= {part: value for part, value in _carried_parts(prepared).items() if part in include}
    if "pacemaker" in include:
        answer["pacemaker"], reasons = _pacemaker(prepared.measured, labels)
        warnings += reasons
    warnings += _absences(answer, prepared, deployment)
    spoken = {"pacemaker": pacemaker.version() if answer.get("pacemaker") else None}
    answer["model"] = _model(deployment, runtime, options.features_role) | spoken | by_heads.model
    answer["segments"] = len(prepared.segment_times_s)
    answer["warnings"] = list(dict.fromkeys(warnings))
    return upload_answer(answer, options)


def _labels(
    encoded: Mapping[Role, Encoded], options: AnalyzeOptions, deployment: Deployment
) -> list[JoinedLabel] | None:
    joined = _joined(encoded, "clinical", options, deployment)
    return None if joined is None else without_superclasses(joined)


def _superclass(
    encoded: Mapping[Role, Encoded], options: AnalyzeOptions, deployment: Deployment
) -> dict[str, Any] | None:
    role = deployment.superclass_role()
    joined = None if role is None else _joined(encoded, role, options, deployment)
    if joined is None:
        return None
    probabilities = {label.label.name: label.probability for label in joined}
    positive = {label.label.name for label in joined if label.positive}
    return superclass(probabilities, positive)


def _joined(
    encoded: Mapping[Role, Encoded], role: Role, options: AnalyzeOptions, deployment: Deployment
) -> list[JoinedLabel] | None:
    spoken = encoded.get(role)
    if spoken is None or spoken.logits is None:
        return None
    return join_labels(
        spoken.logits,
        deployment.encoders[role].labels,
        aggregate=options.aggregate,
        thresholds=options.thresholds,
    )


def _carried_parts(prepared: Prepared) -> dict[str, Any]:
    """The parts that were there before the encoder."""
    measured = prepared.measured or Measured()
    return {
        "measurements": measured.measurements,
        "fiducials": measured.fiducials,
        "representative_beat": measured.representative_beat,
        "signal": prepared.signal,
        "reported": prepared.reported,
    }


def _pacemaker(
    measured: Measured | None, labels: list[JoinedLabel] | None
) -> tuple[dict[str, Any] | None, list[str]]:
    """The part, and why something of it is missing."""
    found = None if measured is None else measured.pacemaker
    if found is None:
        return None, ["pacemaker: nothing is looked for in a recording that cannot be read"]
    label = next(
        (joined for joined in labels or () if joined.label.name == pacemaker.PACEMAKER_LABEL), None
    )
    said = (
        None
        if label is None
        else pacemaker.LabelEvidence(label.probability, label.label.pos_weight)
    )
    head = pacemaker.shipped()
    probability = head.probability(found, said)
    warnings = list(found.warnings)
    if probability is None:
        return None, warnings
    present = head.present(probability)
    if label is not None and label.positive != present:
        warnings.append(
            f"labels: {pacemaker.PACEMAKER_LABEL} is {'' if label.positive else 'not '}positive, and taken with spikes and beats it is the other way"
        )
    return found.to_dict(probability, present, said), warnings


def _clinical_analysis(labels: list[JoinedLabel] | None, found: Measured) -> dict[str, Any]:
    """Words from the labels where there are some, else from the rules; numbers as measured."""
    said = _ruled(found) if labels is None else words(labels)
    measured = {answer: found.number(name) for answer, name in CLINICAL_NUMBERS.items()}
    return {
        "rhythm": None if said is None else said.rhythm,
        "rhythm_source": "rules" if labels is None else "labels",
        **measured,
        "axis_deviation": found.axis_deviation,
        "abnormalities": [] if said is None else said.abnormalities,
        "confidence": None if said is None else said.confidence,
        "physiological_parameters": {**measured, "qrs_axis": found.number("qrs_axis_deg")},
    }


def _ruled(found: Measured) -> Words | None:
    rules = found.rhythm
    return None if rules is None else Words(rules.word, rules.confidence, list(rules.findings))


def _labels_by_segment(
    prepared: Prepared, encoded: Mapping[Role, Encoded], deployment: Deployment
) -> list[dict[str, Any]] | None:
    clinical = encoded.get("clinical")
    if clinical is None or clinical.logits is None:
        return None
    return by_segment(
        clinical.logits, deployment.encoders["clinical"].labels, prepared.segment_times_s
    )


def _embedding_parts(
    prepared: Prepared,
    encoded: Mapping[Role, Encoded],
    options: AnalyzeOptions,
    deployment: Deployment,
) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if "features" in options.include:
        source = encoded.get(options.features_role) if options.features_role else None
        parts["features"] = None if source is None else mean_over_segments(source.pooled)
    if "saliency" in options.include:
        parts["saliency"] = _saliency(prepared, encoded, deployment)
    return parts


def _saliency(
    prepared: Prepared, encoded: Mapping[Role, Encoded], deployment: Deployment
) -> dict[str, Any] | None:
    found = next(
        ((role, part.saliency) for role, part in encoded.items() if part.saliency is not None), None
    )
    if found is None:
        return None
    role, values = found
    segments = [
        {"start": start, "end": end, "values": row}
        for (start, end), row in zip(prepared.segment_times_s, values, strict=True)
    ]
    return {
        "method": SALIENCY_METHODS[deployment.encoders[role].architecture],
        "segments": segments,
    }


MODEL_PARTS = ("labels", "labels_by_segment", "superclass", "features", "saliency")


def _absences(answer: Mapping[str, Any], prepared: Prepared, deployment: Deployment) -> list[str]:
    """One sentence for each part that was asked for and is null."""
    warnings = [] if deployment.loaded else [f"model: {deployment.no_model_reason()}"]
    reason = prepared.no_model or (
        "the loaded encoder has no labels" if deployment.loaded else "no encoder is loaded"
    )
    warnings += [f"{part}: {reason}" for part in MODEL_PARTS if answer.get(part, ...) is None]
    if "clinical_analysis" in answer and answer["clinical_analysis"]["rhythm_source"] == "rules":
        warnings.append(f"clinical_analysis: rhythm by rules on the measurements, as {reason}")
    for part in ("measurements", "fiducials", "representative_beat"):
        if answer.get(part, ...) is None:
            warnings.append(f"{part}: nothing is measured on this recording")
    if answer.get("reported", ...) is None:
        warnings.append("reported: the recording came without a device's own measurements")
    return warnings


def _model(
    deployment: Deployment, runtime: Runtime | None, features_role: Role | None
) -> dict[str, Any]:
    """Which model spoke: the encoder of the embedding (of the labels where there is no other), and who made what."""
    role = features_role or deployment.clinical_role()
    clinical = deployment.clinical_role()
    diagnosing = deployment.superclass_role()
    source = f"{deployment.requested}: {deployment.reason}"
    return {
        "encoder": None if role is None else encoder_summary(deployment.encoders[role], source),
        "labels": None if clinical is None else versioned_name(deployment.encoders[clinical]),
        "superclass": None
        if diagnosing is None
        else versioned_name(deployment.encoders[diagnosing]),
        "pacemaker": None,
        "dtype": None if runtime is None else runtime.dtype,
        "device": None if runtime is None else runtime.device,
    }
