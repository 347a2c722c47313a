"""The options of /analyze and /extract_features, from the values of a query, a form or a body.

Values of a query or a form are strings; those of a body are any JSON. Each wrong value is refused
with what is allowed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TypeVar, get_args

from analysis.deployment import Deployment
from analysis.labels import Aggregate
from analysis.options import (
    DEFAULT_PARTS,
    MAX_SHOWN_CHARS,
    PARTS,
    AnalyzeOptions,
    FeatureOptions,
    FloatType,
    Level,
    Pooling,
    describe,
    encoder_role,
    feature_options,
)
from errors import BadOption, UnknownLabel, UnknownPart
from formats.numbers import whole_number
from heads.one_lead.model import NAMES as FEW_LEADS_LABELS
from intervals.measurements import Method

Choice = TypeVar("Choice", bound=str)

# All parts, each ten times.
MAX_INCLUDE_CHARS = 4096

_AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)
_POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
_LEVELS: tuple[Level, ...] = get_args(Level)
_FLOAT_TYPES: tuple[FloatType, ...] = get_args(FloatType)
_METHODS: tuple[Method, ...] = get_args(Method)


def read_analyze_options(values: Mapping[str, object], deployment: Deployment) -> AnalyzeOptions:
    """Return /analyze's options. Raises BadOption, UnknownPart, UnknownLabel."""
    thresholds, warnings = _thresholds(values.get("thresholds"), deployment)
    model = values.get("model")
    features_role = deployment.features_role() if model is None else encoder_role(model, deployment)
    method = choose("measurements_method", values.get("measurements_method"), _METHODS)
    return AnalyzeOptions(
        include=_include(values.get("include")),
        aggregate=choose("aggregate", values.get("aggregate"), _AGGREGATES),
        thresholds=thresholds,
        features_role=features_role,
        judge_unreadable=read_judge_unreadable(values),
        measurements_method=method or deployment.measurements_method,
        warnings=warnings,
    )


def read_feature_options(values: Mapping[str, object], deployment: Deployment) -> FeatureOptions:
    """Return /extract_features' options; an encoder must be loaded.

    Raises BadOption, LayerOutOfRange.
    """
    model = values.get("model")
    if model is not None and not isinstance(model, str):
        encoder_role(model, deployment)  # raises BadOption
    return feature_options(
        deployment,
        model=model if isinstance(model, str) else None,
        pooling=choose("pooling", values.get("pooling"), _POOLINGS),
        layer=_layer(values.get("layer")),
        level=choose("level", values.get("level"), _LEVELS),
        dtype=choose("dtype", values.get("dtype"), _FLOAT_TYPES),
    )


def read_judge_unreadable(values: Mapping[str, object]) -> bool:
    """Return whether unreadable recordings are judged too; false if not given. Raises BadOption."""
    return _boolean("judge_unreadable", values.get("judge_unreadable"))


def _boolean(name: str, value: object) -> bool:
    """Return a boolean, also from a string in any case; Python's clients send "True"."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise BadOption(f"{name} is {describe(value)}; allowed are true and false", loc=(name,))


def choose(name: str, value: object, allowed: tuple[Choice, ...]) -> Choice | None:
    """Return one of the allowed strings, None if the option is not given. Raises BadOption."""
    if value is None:
        return None
    if isinstance(value, str):
        for choice in allowed:
            if value == choice:
                return choice
    raise BadOption(f"{name} is {describe(value)}; allowed are {', '.join(allowed)}", loc=(name,))


def _include(value: object) -> frozenset[str]:
    if value is None:
        return frozenset(DEFAULT_PARTS)
    if isinstance(value, str) and len(value) > MAX_INCLUDE_CHARS:
        raise BadOption(
            f"include has {len(value)} characters; at most {MAX_INCLUDE_CHARS} are allowed",
            loc=("include",),
        )
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, Iterable) or isinstance(names, Mapping):
        raise BadOption(
            f"include is {describe(value)}; it must be a list of parts or a comma-separated string",
            loc=("include",),
        )
    parts: set[str] = set()
    for name in names:
        parts.update(_parts_named(name))
    return frozenset(parts)


def _parts_named(name: object) -> tuple[str, ...]:
    """Return the part of this name; every part for `all`, none for an empty string."""
    if not isinstance(name, str):
        raise BadOption(
            f"include holds {describe(name)}; it must be a list of strings", loc=("include",)
        )
    part = name.strip()
    if part == "all":
        return PARTS
    if not part:
        return ()
    if part not in PARTS:
        raise UnknownPart(
            f"include names {describe(part)}; parts are {', '.join(PARTS)}, or all",
            loc=("include",),
        )
    return (part,)


def _thresholds(value: object, deployment: Deployment) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return label -> threshold, and a warning if no label can be compared with it."""
    if value is None:
        return {}, ()
    if isinstance(value, str):
        value = _json_of(value)
    if not isinstance(value, Mapping):
        raise BadOption(
            f"thresholds is {describe(value)}; "
            "it must be an object label -> number between 0 and 1",
            loc=("thresholds",),
        )
    of_encoders = deployment.threshold_labels()
    labels = of_encoders.union(FEW_LEADS_LABELS)
    thresholds: dict[str, float] = {}
    warnings: tuple[str, ...] = ()
    for name, threshold in value.items():
        if not of_encoders and name not in labels:
            warnings = ("thresholds: no effect, because no encoder with labels is loaded",)
            continue
        label = _known_label(name, labels)
        thresholds[label] = _threshold(label, threshold)
    return thresholds, warnings


def _json_of(text: str) -> object:
    try:
        return json.loads(text)
    # A deeply nested text exhausts the parser's recursion.
    except (ValueError, RecursionError):
        raise BadOption(
            f"thresholds is {describe(text)}, which is not valid JSON; it must be an object: "
            '{"label": number}',
            loc=("thresholds",),
        ) from None


def _known_label(name: object, labels: set[str]) -> str:
    if not isinstance(name, str) or name not in labels:
        raise UnknownLabel(
            f"thresholds names {describe(name)}; labels are {', '.join(sorted(labels))}",
            loc=("thresholds",),
        )
    return name


def _threshold(label: str, threshold: object) -> float:
    is_boolean = isinstance(threshold, bool)  # a bool is an int
    # NaN is not within the bounds.
    if isinstance(threshold, int | float) and not is_boolean and 0 <= threshold <= 1:
        return float(threshold)
    raise BadOption(
        f"thresholds: {describe(label)} is {describe(threshold)}; "
        "it must be a number between 0 and 1",
        loc=("thresholds", label[:MAX_SHOWN_CHARS]),
    )


def _layer(value: object) -> int | None:
    """Return a whole number, also from a string or a float without a fraction. Raises BadOption."""
    if value is None:
        return None
    if isinstance(value, str):
        layer = whole_number(value)
        if layer is not None:
            return layer
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    elif isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    raise BadOption(f"layer is {describe(value)}; it must be a whole number", loc=("layer",))
