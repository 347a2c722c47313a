"""Options are checked before any work is done, and what they make necessary is computed and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.deployment import Deployment
from analysis.options import (
    DEFAULT_PARTS,
    PARTS,
    AnalyzeOptions,
    FeatureOptions,
    QualityOptions,
    analyze_options,
    feature_options,
    misplaced_options,
)
from analysis.plan import Need, needs_of
from errors import BadOption, LayerOutOfRange, UnknownLabel, UnknownPart
from tests.analysis.deployments import BOTH, DEPTH, NOTHING, ONLY_CLINICAL, ONLY_FEATURES


def test_the_defaults_are_the_interfaces() -> None:
    assert analyze_options({}, BOTH) == AnalyzeOptions(
        frozenset(DEFAULT_PARTS), None, {}, "features"
    )
    assert feature_options({}, BOTH) == FeatureOptions("features", "mean", -1, "record", "float32")


@pytest.mark.parametrize(
    "value",
    ["labels,saliency", ["labels", "saliency"], (" labels", "saliency "), "labels,,saliency,"],
)
def test_parts_may_be_a_list_or_a_text(value: Any) -> None:
    assert analyze_options({"include": value}, BOTH).include == {"labels", "saliency"}


def test_all_is_every_part() -> None:
    assert analyze_options({"include": "all"}, BOTH).include == set(PARTS)


@pytest.mark.parametrize(
    "given, error",
    [
        ({"include": "beats"}, UnknownPart),
        ({"include": b"labels"}, BadOption),
        ({"include": 5}, BadOption),
        ({"include": {"labels": 1}}, BadOption),
        ({"aggregate": "median"}, BadOption),
        ({"aggregate": ["mean"]}, BadOption),
        ({"thresholds": {"Sinus": 0.5}}, UnknownLabel),
        ({"thresholds": {"Infarction": 2}}, BadOption),
        ({"thresholds": {"Infarction": float("nan")}}, BadOption),
        ({"thresholds": "[" * 100_000}, BadOption),
        ({"thresholds": 0.5}, BadOption),
        ({"model": "gpt"}, BadOption),
        ({"model": 3}, BadOption),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_options_of_analyses_are_refused(
    given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        analyze_options(given, BOTH)


@pytest.mark.parametrize(
    "given, error",
    [
        ({"layer": DEPTH + 1}, LayerOutOfRange),
        ({"layer": -DEPTH - 2}, LayerOutOfRange),
        ({"layer": "1.5"}, BadOption),
        ({"layer": float("nan")}, BadOption),
        ({"layer": None, "pooling": "sum"}, BadOption),
        ({"level": "token", "pooling": "max"}, BadOption),
        ({"level": "segment", "pooling": "none"}, BadOption),
        ({"dtype": "float64"}, BadOption),
    ],
    ids=str,
)
def test_wrong_options_of_embeddings_are_refused(
    given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        feature_options(given, BOTH)


@pytest.mark.parametrize(
    "given, layer", [(0, 0), (3, 3), (-1, -1), (-2, 2), (-4, 0), ("2", 2), ("-2", 2), (1.0, 1)]
)
def test_negative_layers_count_from_the_end_and_the_last_is_what_is_pooled(
    given: Any, layer: int
) -> None:
    assert feature_options({"layer": given}, BOTH).layer == layer


def test_no_pooling_means_tokens() -> None:
    for given in ({"pooling": "none"}, {"level": "token"}, {"pooling": "none", "level": "token"}):
        assert feature_options(given, BOTH).level == "token"


def test_embeddings_come_from_the_features_encoder_where_there_is_one() -> None:
    for deployment, role in (
        (BOTH, "features"),
        (ONLY_FEATURES, "features"),
        (ONLY_CLINICAL, "clinical"),
    ):
        assert feature_options({}, deployment).role == role
    assert feature_options({"model": "tiny-clinical"}, BOTH).role == "clinical"


def test_thresholds_without_labels_do_nothing_and_say_so() -> None:
    for deployment in (ONLY_FEATURES, NOTHING):
        options = analyze_options({"thresholds": {"Infarction": 0.5}}, deployment)
        assert options.thresholds == {}
        assert options.warnings[0].startswith("thresholds:")


def test_an_option_of_another_route_is_said() -> None:
    assert misplaced_options({"layer": 1, "signal": []}, "analyze") == (
        "layer: has no effect on /analyze",
    )
    assert misplaced_options({"layer": 1}, "extract_features") == ()
    assert len(misplaced_options({"include": "x", "model": "y"}, "assess_quality")) == 2


@pytest.mark.parametrize(
    "given, deployment, needs",
    [
        ({}, BOTH, {"clinical": Need(), "features": Need()}),
        ({}, ONLY_CLINICAL, {"clinical": Need()}),
        ({}, ONLY_FEATURES, {"features": Need()}),
        ({}, NOTHING, {}),
        ({"include": "labels"}, BOTH, {"clinical": Need()}),
        ({"include": "features"}, BOTH, {"features": Need()}),
        ({"include": "features", "model": "clinical"}, BOTH, {"clinical": Need()}),
        ({"include": "labels,features", "model": "clinical"}, BOTH, {"clinical": Need()}),
        ({"include": "saliency"}, BOTH, {"clinical": Need(attention=True)}),
        ({"include": "saliency"}, ONLY_FEATURES, {"features": Need(attention=True)}),
        ({"include": "quality,signal"}, BOTH, {}),
    ],
)  # fmt: skip
def test_an_analysis_needs_only_what_was_asked_for(
    given: dict[str, Any], deployment: Deployment, needs: dict[str, Need]
) -> None:
    assert needs_of(analyze_options(given, deployment), deployment) == needs


@pytest.mark.parametrize(
    "given, layer",
    [
        ({}, None),
        ({"level": "segment"}, None),
        ({"pooling": "max"}, -1),
        ({"level": "token"}, -1),
        ({"layer": 0}, 0),
        ({"layer": -2}, 2),
    ],
)
def test_token_states_are_kept_only_where_they_are_needed(
    given: dict[str, Any], layer: int | None
) -> None:
    assert needs_of(feature_options(given, BOTH), BOTH) == {"features": Need(layer=layer)}


def test_quality_needs_no_encoder() -> None:
    assert needs_of(QualityOptions(), BOTH) == {}
