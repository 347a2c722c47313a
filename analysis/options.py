"""The options of a request, after they were checked.

This module does not depend on HTTP, because bulk/ builds these options too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from analysis.deployment import Deployment
from analysis.labels import Aggregate
from errors import BadOption, LayerOutOfRange
from intervals.measurements import Method
from model_store.manifest import Role

# The parts of an answer of /analyze; docs/api.md describes each.
DEFAULT_PARTS = (
    "clinical_analysis",
    "findings",
    "labels",
    "superclass",
    "pacemaker",
    "measurements",
    "quality",
    "features",
)
ON_DEMAND_PARTS = (
    "labels_by_segment",
    "saliency",
    "signal",
    "fiducials",
    "representative_beat",
    "matrix",
    "reported",
    "heads",
    "hrv",
)
PARTS = DEFAULT_PARTS + ON_DEMAND_PARTS
MAX_SHOWN_CHARS = 64  # of a client's value in an error message

Pooling = Literal["mean", "max", "none"]
Level = Literal["record", "segment", "token"]
FloatType = Literal["float32", "float16"]


@dataclass(frozen=True)
class AnalyzeOptions:
    """Options of an analysis.

    include         names of the parts of the answer
    aggregate       how a label's probabilities of all segments become one; None means each label's
                    own rule
    thresholds      label name -> threshold, instead of the label's own
    features_role   role of the encoder that computes the part `features`; None if no
                    encoder does
    requires_model  refuse a recording that is too short for every encoder, or where none is loaded,
                    instead of returning null for the parts that need an encoder
    judge_unreadable  give labels, superclass, rhythm and pacemaker of a recording that cannot be
                    read or has no beats too, with warnings
    keeps_record    keep the recording with what is known about it, for a report
    measurements_method  what the part `measurements` is measured by
    warnings        for the answer: sentences about the request's options
    """

    include: frozenset[str] = frozenset(DEFAULT_PARTS)
    aggregate: Aggregate | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    features_role: Role | None = None
    requires_model: bool = False
    judge_unreadable: bool = False
    keeps_record: bool = False
    measurements_method: Method = "delineator"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureOptions:
    """Options of an embedding.

    role      the encoder that computes the embedding
    pooling   how token vectors become one vector; unused at level "token"
    layer     0 (before the transformer) to depth, or -1 for the pooled layer
    level     what one vector represents: the recording, a segment or a token
    dtype     type of the returned values
    warnings  for the answer: sentences about the request's options
    """

    role: Role
    pooling: Literal["mean", "max"] = "mean"
    layer: int = -1
    level: Level = "record"
    dtype: FloatType = "float32"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class QualityOptions:
    """Options of a quality assessment. There are none; `warnings` is as in `AnalyzeOptions`."""

    warnings: tuple[str, ...] = ()


Options = AnalyzeOptions | FeatureOptions | QualityOptions


def feature_options(
    deployment: Deployment,
    *,
    model: str | None = None,
    pooling: Pooling | None = None,
    layer: int | None = None,
    level: Level | None = None,
    dtype: FloatType | None = None,
) -> FeatureOptions:
    """Return the options of an embedding; None stands for the default.

    model  a role or a bundle's name
    layer  0 (before the transformer) to depth, or negative, counted from the end
    Raises BadOption, also if no encoder is loaded, and LayerOutOfRange.
    """
    role = deployment.features_role()
    if model is not None or role is None:
        role = encoder_role(model, deployment)
    if pooling == "none" and level not in (None, "token"):
        raise BadOption(
            f"pooling is none and level is {level}; without pooling, level must be token",
            loc=("level",),
        )
    if level == "token" and pooling not in (None, "none"):
        raise BadOption(
            f"level is token and pooling is {pooling}; at level token, pooling must be none",
            loc=("pooling",),
        )
    return FeatureOptions(
        role=role,
        pooling="max" if pooling == "max" else "mean",
        layer=-1 if layer is None else _checked_layer(layer, deployment.encoders[role].depth),
        level="token" if pooling == "none" else level or "record",
        dtype=dtype or "float32",
    )


def encoder_role(model: object, deployment: Deployment) -> Role:
    """Return the role of the encoder that `model` names, by its role or by its bundle's name.

    Raises BadOption if no loaded encoder has this name.
    """
    role = deployment.role_named(model) if isinstance(model, str) else None
    if role is None:
        loaded = ", ".join(deployment.encoder_names()) or "none"
        raise BadOption(f"model is {describe(model)}; loaded are {loaded}", loc=("model",))
    return role


def _checked_layer(layer: int, depth: int) -> int:
    """Return -1 for the pooled layer, or the layer's number from 0. Raises LayerOutOfRange."""
    if not -depth - 1 <= layer <= depth:
        raise LayerOutOfRange(
            f"layer is {layer}; allowed are 0 (before the transformer) to {depth}, "
            f"or -{depth + 1} to -1",
            loc=("layer",),
        )
    # The pooled layer stays -1. In a pre-LN transformer it is the normalised state, to which no
    # layer number from 0 on refers.
    return layer if layer >= -1 else depth + 1 + layer


def describe(value: object) -> str:
    """Return a client's value as text for an error message, at most about 64 characters.

    Of a list or an object only the type is named, because it could contain a recording.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return repr(
            value if len(value) <= MAX_SHOWN_CHARS else value[: MAX_SHOWN_CHARS - 3] + "..."
        )
    return f"of type {type(value).__name__}"
