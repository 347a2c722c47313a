"""Options from the values of a query, a form or a body, and the errors for invalid values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.options import DEFAULT_PARTS, PARTS, AnalyzeOptions, FeatureOptions
from errors import BadOption, EcgError, LayerOutOfRange, UnknownLabel, UnknownPart
from server.stages.option_values import read_analyze_options, read_feature_options
from tests.analysis.deployments import BOTH, NOTHING, ONLY_FEATURES

ALL_PARTS = ", ".join(PARTS)


def refusal(read: Any, values: dict[str, Any]) -> EcgError:
    with pytest.raises(EcgError) as refused:
        read(values, BOTH)
    return refused.value


def test_without_values_the_defaults_hold() -> None:
    defaults = AnalyzeOptions(frozenset(DEFAULT_PARTS), None, {}, "features")
    assert read_analyze_options({}, BOTH) == defaults
    assert read_feature_options({}, BOTH) == FeatureOptions(
        "features", "mean", -1, "record", "float32"
    )


def test_every_value_is_read() -> None:
    options = read_analyze_options(
        {
            "include": "labels",
            "aggregate": "max",
            "thresholds": {"Infarction": 1, "Tachycardia": 0.25},
            "model": "tiny-clinical",
        },
        BOTH,
    )
    assert options == AnalyzeOptions(
        frozenset({"labels"}), "max", {"Infarction": 1.0, "Tachycardia": 0.25}, "clinical"
    )
    assert isinstance(options.thresholds["Infarction"], float)
    features = {
        "model": "clinical",
        "pooling": "max",
        "layer": "2",
        "level": "segment",
        "dtype": "float16",
    }
    assert read_feature_options(features, BOTH) == FeatureOptions(
        "clinical", "max", 2, "segment", "float16"
    )


@pytest.mark.parametrize(
    "value",
    ["labels,saliency", ["labels", "saliency"], (" labels", "saliency "), "labels,,saliency,"],
)
def test_parts_may_be_a_list_or_a_string(value: Any) -> None:
    assert read_analyze_options({"include": value}, BOTH).include == {"labels", "saliency"}


@pytest.mark.parametrize("value", ["all", ["all"], "labels, all", ["labels", "all"]])
def test_all_is_every_part(value: Any) -> None:
    assert read_analyze_options({"include": value}, BOTH).include == set(PARTS)


@pytest.mark.parametrize("value", ["", [], ","])
def test_no_part_may_be_asked_for(value: Any) -> None:
    assert read_analyze_options({"include": value}, BOTH).include == set()


@pytest.mark.parametrize(
    ("values", "kind", "detail", "loc"),
    [
        (
            {"include": "labels,beats"},
            UnknownPart,
            f"include names 'beats'; parts are {ALL_PARTS}, or all",
            ("include",),
        ),
        (
            {"include": 5},
            BadOption,
            "include is 5; it must be a list of parts or a comma-separated string",
            ("include",),
        ),
        (
            {"include": {"labels": 1}},
            BadOption,
            "include is of type dict; it must be a list of parts or a comma-separated string",
            ("include",),
        ),
        (
            {"include": ["labels", 7]},
            BadOption,
            "include holds 7; it must be a list of strings",
            ("include",),
        ),
        (
            {"aggregate": "median"},
            BadOption,
            "aggregate is 'median'; allowed are mean, max",
            ("aggregate",),
        ),
        (
            {"aggregate": ["mean"]},
            BadOption,
            "aggregate is of type list; allowed are mean, max",
            ("aggregate",),
        ),
        (
            {"aggregate": np.zeros(3)},
            BadOption,
            "aggregate is of type ndarray; allowed are mean, max",
            ("aggregate",),
        ),
        (
            {"model": "gpt"},
            BadOption,
            "model is 'gpt'; loaded are clinical, features, tiny-clinical, tiny-features",
            ("model",),
        ),
        (
            {"thresholds": 0.5},
            BadOption,
            "thresholds is 0.5; it must be an object label -> number between 0 and 1",
            ("thresholds",),
        ),
        *(
            (
                {"thresholds": text},
                BadOption,
                f"thresholds is {shown}, which is not valid JSON; it must be an object: "
                '{"label": number}',
                ("thresholds",),
            )
            for text, shown in (
                ("{", "'{'"),
                ("", "''"),
                ("[" * 100_000, f"'{'[' * 61}...'"),
            )
        ),
        *(
            (
                {"thresholds": {"Infarction": value}},
                BadOption,
                f"thresholds: 'Infarction' is {text}; it must be a number between 0 and 1",
                ("thresholds", "Infarction"),
            )
            for value, text in (
                (1.001, "1.001"),
                (-0.001, "-0.001"),
                (float("nan"), "nan"),
                (True, "true"),
                (None, "null"),
                ("high", "'high'"),
            )
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_options_of_an_analysis_are_refused_with_what_is_allowed(
    values: dict[str, Any], kind: type[EcgError], detail: str, loc: tuple[str, ...]
) -> None:
    error = refusal(read_analyze_options, values)
    assert (type(error), error.detail, error.errors[0].loc) == (kind, detail, loc)


def test_an_unknown_label_is_refused_with_the_labels() -> None:
    error = refusal(read_analyze_options, {"thresholds": {"Sinus": 0.5}})
    assert type(error) is UnknownLabel
    assert error.detail.startswith(
        "thresholds names 'Sinus'; labels are 1st degree atrioventricular block, Accessory pathway"
    )
    assert error.detail.endswith(", Ventricular tachycardia")


@pytest.mark.parametrize("threshold", [0, 0.0, 1, 1.0])
def test_the_limits_of_a_threshold_are_allowed(threshold: float) -> None:
    options = read_analyze_options({"thresholds": {"Infarction": threshold}}, BOTH)
    assert options.thresholds == {"Infarction": threshold}
    assert options.warnings == ()


@pytest.mark.parametrize("deployment", [ONLY_FEATURES, NOTHING])
def test_thresholds_without_labels_have_no_effect_and_a_warning(deployment: Any) -> None:
    options = read_analyze_options({"thresholds": {"Infarction": 0.5}}, deployment)
    assert options.thresholds == {}
    assert options.warnings == ("thresholds: no effect, because no encoder with labels is loaded",)


@pytest.mark.parametrize(
    ("given", "layer"), [("2", 2), ("-2", 2), (1.0, 1), (0, 0), (-1, -1), ("-1", -1), (None, -1)]
)
def test_a_layer_is_a_whole_number_in_any_form(given: Any, layer: int) -> None:
    assert read_feature_options({"layer": given}, BOTH).layer == layer


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("1.5", "'1.5'"),
        ("last", "'last'"),
        (1.5, "1.5"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (True, "true"),
        ([1], "of type list"),
    ],
)
def test_another_layer_is_refused(given: Any, text: str) -> None:
    error = refusal(read_feature_options, {"layer": given})
    assert (type(error), error.detail) == (BadOption, f"layer is {text}; it must be a whole number")


@pytest.mark.parametrize(
    ("values", "detail"),
    [
        ({"pooling": "sum"}, "pooling is 'sum'; allowed are mean, max, none"),
        ({"level": "beat"}, "level is 'beat'; allowed are record, segment, token"),
        ({"dtype": "float64"}, "dtype is 'float64'; allowed are float32, float16"),
        ({"model": 3}, "model is 3; loaded are clinical, features, tiny-clinical, tiny-features"),
    ],
)
def test_wrong_options_of_an_embedding_are_refused_with_what_is_allowed(
    values: dict[str, Any], detail: str
) -> None:
    error = refusal(read_feature_options, values)
    assert (type(error), error.detail) == (BadOption, detail)
    assert error.errors[0].loc == tuple(values)


def test_a_layer_beyond_the_encoder_is_an_error_of_its_own() -> None:
    assert type(refusal(read_feature_options, {"layer": 99})) is LayerOutOfRange
