"""A route's options from the query, a form or a body, with warnings for names that it ignores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from analysis.deployment import Deployment
from analysis.options import Options, QualityOptions
from errors import NoModel
from server.recording_routes import ALL_OPTIONS, ROUTE_OPTIONS, Route
from server.stages.classify_form import classify_options
from server.stages.option_values import (
    read_analyze_options,
    read_feature_options,
    read_judge_unreadable,
)
from server.stages.parsed_request import with_warnings
from server.stages.predict_form import predict_options

MAX_UNKNOWN_NAMED: Final = 10  # warnings that name an unknown field; the others are counted
MAX_SHOWN_CHARS: Final = 64  # of an unknown name


def read_options(values: Mapping[str, object], route: Route, deployment: Deployment) -> Options:
    """Return the route's options, with a warning for each option that only another route has.

    Raises NoModel, and BadOption or a subclass of it for a value that is not allowed.
    """
    if route == "extract_features" and not deployment.loaded:
        raise NoModel(deployment.no_model_reason())
    options = _options_of_route(values, route, deployment)
    return with_warnings(options, _misplaced_options(values, route))


def _options_of_route(
    values: Mapping[str, object], route: Route, deployment: Deployment
) -> Options:
    if route == "assess_quality":
        return QualityOptions()
    if route == "predict":
        return predict_options(judge_unreadable=read_judge_unreadable(values))
    if route in ("classify", "diagnosis"):
        return classify_options(deployment, judge_unreadable=read_judge_unreadable(values))
    if route == "analyze":
        return read_analyze_options(values, deployment)
    return read_feature_options(values, deployment)


def _misplaced_options(values: Mapping[str, object], route: Route) -> tuple[str, ...]:
    """Return a warning for each option that another route has and this one lacks.

    A mistake must not go unnoticed.
    """
    misplaced = [
        name for name in values if name in ALL_OPTIONS and name not in ROUTE_OPTIONS[route]
    ]
    return tuple(f"{name}: has no effect on /{route}" for name in misplaced)


def query_options(params: Mapping[str, list[str]]) -> dict[str, object]:
    """Return the options among a query's parameters or a form's fields.

    `include` may be repeated, once for each part. Of another option the last value counts. An empty
    value counts as not sent, because a browser also sends the fields that are left empty.
    """
    options: dict[str, object] = {}
    for name, values in params.items():
        values = [value for value in values if value.strip()]
        if name in ALL_OPTIONS and values:
            options[name] = ",".join(values) if name == "include" else values[-1]
    return options


def unknown_params(
    params: Mapping[str, list[str]], known: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Return a warning for each parameter that is neither an option nor in `known`."""
    return unknown_names(params, known, "parameter")


def unknown_names(names: Iterable[object], known: frozenset[str], kind: str) -> tuple[str, ...]:
    """Return a warning for each name that is neither an option nor in `known`.

    The warning suggests a similar name where there is one. Only the first MAX_UNKNOWN_NAMED names
    get a warning each; one more warning counts the others.
    """
    unknown = [
        str(name)[:MAX_SHOWN_CHARS]
        for name in names
        if name not in ALL_OPTIONS and name not in known
    ]
    # Sorted, so that the suggestion is the same in every process.
    candidates = sorted(ALL_OPTIONS | known)
    warnings = []
    for name in unknown[:MAX_UNKNOWN_NAMED]:
        similar = get_close_matches(name.lower(), candidates, n=1)
        suggestion = f"; did you mean {similar[0]}?" if similar else ""
        warnings.append(f"{name}: unknown {kind}, ignored{suggestion}")
    unnamed = len(unknown) - MAX_UNKNOWN_NAMED
    if unnamed > 0:
        warnings.append(f"body: {unnamed} more of the kind 'unknown {kind}', ignored")
    return tuple(warnings)
