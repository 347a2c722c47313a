"""What a request may ask for beside its recordings, checked before any work is done."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from analysis.deployment import Deployment
from errors import BadOption, LayerOutOfRange, UnknownLabel, UnknownPart
from model_store.manifest import Role
from superclasses import SUPERCLASSES

Route = Literal["analyze", "extract_features", "assess_quality", "predict", "classify"]
UPLOAD_ROUTES: tuple[Route, ...] = (
    "predict",
    "classify",
)  # the forms of earlier services: files only

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

OPTIONS: dict[Route, tuple[str, ...]] = {
    "analyze": ("include", "aggregate", "thresholds", "model"),
    "extract_features": ("pooling", "layer", "level", "model", "dtype"),
    "assess_quality": (),
    "predict": (),
    "classify": ("lang",),
}
ALL_OPTIONS = frozenset(name for names in OPTIONS.values() for name in names)


@dataclass(frozen=True)
class AnalyzeOptions:
    """Options of an analysis.

    aggregate       None means each label's own rule
    features_role   the encoder of the part `features`
    requires_model  refuse a recording that no encoder can read, instead of returning null for the model parts
    """

    include: frozenset[str] = frozenset(DEFAULT_PARTS)
    aggregate: Literal["mean", "max"] | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    features_role: Role | None = None
    requires_model: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureOptions:
    """`layer` is -1 (what is pooled) or 0..depth; `level` says how far the values are joined."""

    role: Role
    pooling: Literal["mean", "max"] = "mean"
    layer: int = -1
    level: Literal["record", "segment", "token"] = "record"
    dtype: Literal["float32", "float16"] = "float32"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class QualityOptions:
    warnings: tuple[str, ...] = ()


Options = AnalyzeOptions | FeatureOptions | QualityOptions


def misplaced_options(values: Mapping[str, object], route: Route) -> tuple[str, ...]:
    """A warning for each option that another route has and this one hasn't: a mistake must not go unseen."""
    return tuple(
        f"{name}: has no effect on /{route}"
        for name in values
        if name in ALL_OPTIONS and name not in OPTIONS[route]
    )


def analyze_options(values: Mapping[str, object], deployment: Deployment) -> AnalyzeOptions:
    """Read /analyze's options. Raises BadOption, UnknownPart, UnknownLabel."""
    thresholds, warnings = _thresholds(values.get("thresholds"), deployment)
    name = values.get("model")
    return AnalyzeOptions(
        include=_include(values.get("include")),
        aggregate=_choice("aggregate", values.get("aggregate"), ("mean", "max"), None),
        thresholds=thresholds,
        features_role=deployment.features_role()
        if name is None
        else _encoder_role(name, deployment),
        warnings=warnings,
    )


def feature_options(values: Mapping[str, object], deployment: Deployment) -> FeatureOptions:
    """Read /extract_features' options; the caller has seen to it that an encoder is loaded. Raises BadOption, LayerOutOfRange."""
    name = values.get("model")
    default = deployment.features_role()
    role = _encoder_role(name, deployment) if name is not None or default is None else default
    pooling, level = values.get("pooling"), values.get("level")
    chosen = _choice("pooling", pooling, ("mean", "max", "none"), None)
    joined = _choice("level", level, ("record", "segment", "token"), None)
    if chosen == "none" and joined not in (None, "token"):
        raise BadOption(
            f"pooling is none and level is {joined}; no pooling means level token, or leave one of them out",
            loc=("level",),
        )
    if joined == "token" and chosen not in (None, "none"):
        raise BadOption(
            f"level is token and pooling is {chosen}; level token means no pooling, or leave one of them out",
            loc=("pooling",),
        )
    return FeatureOptions(
        role=role,
        pooling="max" if chosen == "max" else "mean",
        layer=_layer(values.get("layer"), deployment.encoders[role].depth),
        level="token" if chosen == "none" else joined or "record",
        dtype=_choice("dtype", values.get("dtype"), ("float32", "float16"), None) or "float32",
    )


def _choice(name: str, value: object, allowed: tuple[str, ...], default: None) -> Any:
    if value is None:
        return default
    if not isinstance(value, str) or value not in allowed:
        raise BadOption(f"{name} is {_shown(value)}; allowed are {', '.join(allowed)}", loc=(name,))
    return value


def _include(value: object) -> frozenset[str]:
    if value is None:
        return frozenset(DEFAULT_PARTS)
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, Iterable) or isinstance(names, Mapping):
        raise BadOption(
            f"include is {_shown(value)}; it must be a list of parts or a comma-separated text",
            loc=("include",),
        )
    parts: set[str] = set()
    for name in names:
        if not isinstance(name, str):
            raise BadOption(
                f"include holds {_shown(name)}; parts are named by texts", loc=("include",)
            )
        part = name.strip()
        if part == "all":
            parts.update(PARTS)
        elif part in PARTS:
            parts.add(part)
        elif part:
            raise UnknownPart(
                f"include names {_shown(part)}; parts are {', '.join(PARTS)}, or all",
                loc=("include",),
            )
    return frozenset(parts)


def _thresholds(value: object, deployment: Deployment) -> tuple[dict[str, float], tuple[str, ...]]:
    if value is None:
        return {}, ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadOption(
                'thresholds is no JSON object; write {"label": number}', loc=("thresholds",)
            ) from None
    if not isinstance(value, Mapping):
        raise BadOption(
            f"thresholds is {_shown(value)}; it must be an object label -> number between 0 and 1",
            loc=("thresholds",),
        )
    roles = {deployment.clinical_role(), deployment.superclass_role()} - {None}
    known = {
        label.name
        for role in roles
        if role is not None
        for label in deployment.encoders[role].labels
    }
    if deployment.superclass_head() is not None:
        known.update(SUPERCLASSES)
    if not known:
        return {}, ("thresholds: no effect, as no encoder with labels is loaded",)
    return {
        _known_label(name, known): _threshold(name, number) for name, number in value.items()
    }, ()


def _known_label(name: object, known: set[str]) -> str:
    if not isinstance(name, str) or name not in known:
        raise UnknownLabel(
            f"thresholds names {_shown(name)}; labels are {', '.join(sorted(known))}",
            loc=("thresholds",),
        )
    return name


def _threshold(name: object, number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
        raise BadOption(
            f"thresholds: {_shown(name)} is {_shown(number)}; it must be a number between 0 and 1",
            loc=("thresholds", str(name)[:64]),
        )
    return float(number)


def _encoder_role(name: object, deployment: Deployment) -> Role:
    role = deployment.named(name) if isinstance(name, str) else None
    if role is None:
        loaded = ", ".join(deployment.names()) or "none"
        raise BadOption(f"model is {_shown(name)}; loaded are {loaded}", loc=("model",))
    return role


def _layer(value: object, depth: int) -> int:
    if value is None:
        return -1
    try:
        layer = int(value) if isinstance(value, str) else value
    except ValueError:
        layer = value
    if isinstance(layer, bool) or not isinstance(layer, int):
        if isinstance(layer, float) and math.isfinite(layer) and layer == int(layer):
            layer = int(layer)
        else:
            raise BadOption(f"layer is {_shown(value)}; it must be a whole number", loc=("layer",))
    if not -depth - 1 <= layer <= depth:
        raise LayerOutOfRange(
            f"layer is {layer}; this encoder has 0 (before the transformer) to {depth}, or -{depth + 1} to -1",
            loc=("layer",),
        )
    # -1 is what is pooled (in pre-LN that is the normed state, which no plain layer number names).
    return layer if layer >= -1 else depth + 1 + layer


def _shown(value: object) -> str:
    """A value as an error may show it: short, and never a structure that could hold a recording."""
    if value is None or isinstance(value, bool | int | float):
        return (
            json.dumps(value)
            if not isinstance(value, float) or math.isfinite(value)
            else str(value)
        )
    if isinstance(value, str):
        return repr(value if len(value) <= 64 else value[:61] + "...")
    return f"of type {type(value).__name__}"
