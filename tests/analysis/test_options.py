"""The options of an embedding: defaults, limits, contradictions; and how errors show values."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.options import FeatureOptions, describe, encoder_role, feature_options
from errors import BadOption, LayerOutOfRange
from tests.analysis.deployments import BOTH, DEPTH, NOTHING, ONLY_CLINICAL, ONLY_FEATURES


def test_the_defaults_are_those_of_the_documentation() -> None:
    expected = FeatureOptions("features", "mean", -1, "record", "float32", ())
    assert feature_options(BOTH) == expected
    assert feature_options(ONLY_CLINICAL).role == "clinical"
    assert feature_options(ONLY_FEATURES).role == "features"


def test_every_option_is_kept() -> None:
    options = feature_options(
        BOTH, model="clinical", pooling="max", layer=2, level="segment", dtype="float16"
    )
    assert options == FeatureOptions("clinical", "max", 2, "segment", "float16", ())


@pytest.mark.parametrize(
    ("given", "layer"), [(0, 0), (1, 1), (3, 3), (-1, -1), (-2, 2), (-3, 1), (-4, 0)]
)
def test_negative_layers_count_from_the_end_and_the_last_is_the_pooled_one(
    given: int, layer: int
) -> None:
    assert DEPTH == 3
    assert feature_options(BOTH, layer=given).layer == layer


@pytest.mark.parametrize("layer", [4, -5])
def test_a_layer_that_the_encoder_lacks_is_refused(layer: int) -> None:
    with pytest.raises(LayerOutOfRange) as refused:
        feature_options(BOTH, layer=layer)
    assert refused.value.detail == (
        f"layer is {layer}; allowed are 0 (before the transformer) to 3, or -4 to -1"
    )
    assert refused.value.errors[0].loc == ("layer",)


@pytest.mark.parametrize(
    "given", [{"pooling": "none"}, {"level": "token"}, {"pooling": "none", "level": "token"}]
)
def test_no_pooling_means_tokens(given: dict[str, Any]) -> None:
    options = feature_options(BOTH, **given)
    assert (options.level, options.pooling) == ("token", "mean")


@pytest.mark.parametrize(
    ("given", "field", "detail"),
    [
        (
            {"pooling": "none", "level": "record"},
            "level",
            "pooling is none and level is record; without pooling, level must be token",
        ),
        (
            {"pooling": "none", "level": "segment"},
            "level",
            "pooling is none and level is segment; without pooling, level must be token",
        ),
        (
            {"pooling": "max", "level": "token"},
            "pooling",
            "level is token and pooling is max; at level token, pooling must be none",
        ),
    ],
)
def test_pooling_and_level_that_contradict_each_other_are_refused(
    given: dict[str, Any], field: str, detail: str
) -> None:
    with pytest.raises(BadOption) as refused:
        feature_options(BOTH, **given)
    assert refused.value.detail == detail
    assert refused.value.errors[0].loc == (field,)


def test_an_encoder_is_named_by_its_role_or_its_bundle() -> None:
    assert encoder_role("clinical", BOTH) == encoder_role("tiny-clinical", BOTH) == "clinical"
    assert encoder_role("features", BOTH) == encoder_role("tiny-features", BOTH) == "features"


@pytest.mark.parametrize(
    ("model", "detail"),
    [
        ("gpt", "model is 'gpt'; loaded are clinical, features, tiny-clinical, tiny-features"),
        (3, "model is 3; loaded are clinical, features, tiny-clinical, tiny-features"),
    ],
)
def test_another_encoder_is_refused(model: object, detail: str) -> None:
    with pytest.raises(BadOption) as refused:
        encoder_role(model, BOTH)
    assert refused.value.detail == detail
    assert refused.value.errors[0].loc == ("model",)


def test_without_an_encoder_none_is_listed() -> None:
    with pytest.raises(BadOption, match=r"^model is 'features'; loaded are none$"):
        feature_options(NOTHING, model="features")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (0.5, "0.5"),
        (float("nan"), "nan"),
        ("it's", '"it\'s"'),
        ("x" * 64, repr("x" * 64)),
        ("x" * 65, repr("x" * 61 + "...")),
        ([[1.0, 2.0]], "of type list"),
        ({"signal": [1.0]}, "of type dict"),
    ],
)
def test_a_value_is_shown_short_and_never_as_a_structure(value: object, text: str) -> None:
    assert describe(value) == text
