"""Names in a query, a form or a body: options, and warnings for what is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.deployment import Deployment
from analysis.options import AnalyzeOptions, QualityOptions
from errors import NoModel
from server.settings import Settings
from server.stages.options import (
    MAX_UNKNOWN_NAMED,
    query_options,
    read_options,
    unknown_names,
    unknown_params,
)
from server.start import choose_deployment


def test_of_a_repeated_option_the_last_value_counts_and_include_is_joined() -> None:
    params = {
        "include": ["labels,quality", "features", "signal"],
        "pooling": ["mean", "max"],
        "fs": ["500"],
        "other": ["1"],
    }
    assert query_options(params) == {"include": "labels,quality,features,signal", "pooling": "max"}


@pytest.mark.parametrize(
    "params",
    [
        {name: [""] for name in ("include", "aggregate", "thresholds", "model", "lang", "layer")},
        {"include": ["", ""], "pooling": [" "], "dtype": []},
    ],
)
def test_an_empty_field_was_not_sent(params: dict[str, list[str]]) -> None:
    assert query_options(params) == {}
    assert query_options({**params, "level": ["token"]}) == {"level": "token"}
    filled = {name: [*values, "labels"] for name, values in params.items()}
    assert query_options(filled) == dict.fromkeys(params, "labels")


def test_known_names_give_no_warning() -> None:
    params = {"include": ["labels"], "fs": ["500"], "lang": ["de"]}
    assert unknown_params(params, frozenset({"fs", "id"})) == ()
    assert unknown_names([], frozenset(), "field") == ()


def test_an_unknown_name_gets_a_warning_and_perhaps_a_suggestion() -> None:
    assert unknown_params(
        {"Poling": ["mean"], "xyz": ["1"], "gian": ["1"]}, frozenset({"gain"})
    ) == (
        "Poling: unknown parameter, ignored; did you mean pooling?",
        "xyz: unknown parameter, ignored",
        "gian: unknown parameter, ignored; did you mean gain?",
    )
    assert unknown_params({"fs": ["500"]}) == ("fs: unknown parameter, ignored",)


@pytest.mark.parametrize("extra", [0, 1, 7])
def test_of_many_unknown_names_the_first_are_named(extra: int) -> None:
    names = [f"{number}{number}{number}" for number in range(100, 100 + MAX_UNKNOWN_NAMED + extra)]
    warnings = unknown_names(names, frozenset(), "field")
    named = [f"{name}: unknown field, ignored" for name in names[:MAX_UNKNOWN_NAMED]]
    counted = [f"body: {extra} more of the kind 'unknown field', ignored"] if extra else []
    assert list(warnings) == named + counted


def test_long_and_odd_names_are_shortened() -> None:
    first, second = unknown_names(["x" * 100, 5], frozenset(), "field")
    assert first == f"{'x' * 64}: unknown field, ignored"
    assert second == "5: unknown field, ignored"


@pytest.fixture
def no_encoder(tmp_path: Path) -> Deployment:
    return choose_deployment(Settings(model="none", models_dir=tmp_path), cuda=False)


def test_each_route_has_its_options(no_encoder: Deployment) -> None:
    analysis = read_options({"include": "labels", "aggregate": "max"}, "analyze", no_encoder)
    assert isinstance(analysis, AnalyzeOptions)
    assert (analysis.include, analysis.aggregate) == (frozenset({"labels"}), "max")
    assert analysis.warnings == ()
    assert read_options({}, "assess_quality", no_encoder) == QualityOptions()
    prediction = read_options({}, "predict", no_encoder)
    assert isinstance(prediction, AnalyzeOptions)
    assert prediction.include == frozenset({"pacemaker"})
    for route in ("extract_features", "classify"):
        with pytest.raises(NoModel):
            read_options({}, route, no_encoder)


def test_an_option_of_another_route_gets_a_warning(no_encoder: Deployment) -> None:
    values = {"include": "labels", "pooling": "max", "dtype": "float16", "signal": []}
    assert read_options(values, "analyze", no_encoder).warnings == (
        "pooling: has no effect on /analyze",
        "dtype: has no effect on /analyze",
    )
    assert read_options(values, "assess_quality", no_encoder).warnings == (
        "include: has no effect on /assess_quality",
        "pooling: has no effect on /assess_quality",
        "dtype: has no effect on /assess_quality",
    )
