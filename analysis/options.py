"""What a request asks for, as checked values.

Nothing here knows HTTP: the server and bulk/ build them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from analysis.deployment import Deployment
from analysis.labels import Aggregate
from errors import BadOption, LayerOutOfRange
from model_store.manifest import Role

DEFAULT_PARTS = (
    "clinical_analysis",
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
    "reported",
    "heads",
)
PARTS = DEFAULT_PARTS + ON_DEMAND_PARTS
MAX_SHOWN_CHARS = 64

Pooling = Literal["mean", "max", "none"]
Level = Literal["record", "segment", "token"]
FloatType = Literal["float32", "float16"]


@dataclass(frozen=True)
class AnalyzeOptions:
    """Options of an analysis.

    aggregate       joins each label's probabilities over segments; None means each label's own rule
    thresholds      replace the labels' own, by label name
    features_role   the encoder of the part `features`
    requires_model  refuse a recording that no encoder can read, instead of returning null for the
                    model parts
    """

    include: frozenset[str] = frozenset(DEFAULT_PARTS)
    aggregate: Aggregate | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    features_role: Role | None = None
    requires_model: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureOptions:
    """Options of an embedding.

    layer  -1 (the pooled layer) or 0..depth
    level  how far the values are joined
    """

    role: Role
    pooling: Literal["mean", "max"] = "mean"
    layer: int = -1
    level: Level = "record"
    dtype: FloatType = "float32"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class QualityOptions:
    """A judgement of the quality has no options of its own."""

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
    """Return the options of an embedding, None replaced by the defaults. An encoder must be loaded.

    model  a role or a bundle's name
    layer  may be negative, counted from the end
    Raises BadOption and LayerOutOfRange.
    """
    role = deployment.features_role()
    if model is not None or role is None:
        role = encoder_role(model, deployment)
    if pooling == "none" and level not in (None, "token"):
        raise BadOption(
            f"pooling is none and level is {level}; allowed with no pooling is only level token",
            loc=("level",),
        )
    if level == "token" and pooling not in (None, "none"):
        raise BadOption(
            f"level is token and pooling is {pooling}; "
            "allowed with level token is only pooling none",
            loc=("pooling",),
        )
    return FeatureOptions(
        role=role,
        pooling="max" if pooling == "max" else "mean",
        layer=-1 if layer is None else _layer(layer, deployment.encoders[role].depth),
        level="token" if pooling == "none" else level or "record",
        dtype=dtype or "float32",
    )


def encoder_role(model: object, deployment: Deployment) -> Role:
    """Return the role of the encoder that a role or a bundle's name means. Raises BadOption."""
    role = deployment.role_named(model) if isinstance(model, str) else None
    if role is None:
        loaded = ", ".join(deployment.encoder_names()) or "none"
        raise BadOption(f"model is {shown(model)}; loaded are {loaded}", loc=("model",))
    return role


def _layer(layer: int, depth: int) -> int:
    if not -depth - 1 <= layer <= depth:
        raise LayerOutOfRange(
            f"layer is {layer}; allowed are 0 (before the transformer) to {depth}, "
            f"or -{depth + 1} to -1",
            loc=("layer",),
        )
    # -1 is the pooled layer. In a pre-LN transformer that is the normalised state, which no layer
    # number from 0 on means.
    return layer if layer >= -1 else depth + 1 + layer


def shown(value: object) -> str:
    """Return a value as an error may show it: short, and never a structure.

    A structure could contain a recording.
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
