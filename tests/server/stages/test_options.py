"""Names in a query, a form or a body: options, and warnings for what is ignored."""

from __future__ import annotations

import pytest

from server.stages.options import (
    MAX_UNKNOWN_NAMED,
    query_options,
    unknown_names,
    unknown_params,
)


def test_of_a_repeated_option_the_last_value_counts_and_include_is_joined() -> None:
    params = {
        "include": ["labels,quality", "features", "signal"],
        "pooling": ["mean", "max"],
        "fs": ["500"],
        "other": ["1"],
    }
    assert query_options(params) == {"include": "labels,quality,features,signal", "pooling": "max"}


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
