"""What a request makes necessary is computed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.deployment import Deployment, HeadUse
from analysis.options import FeatureOptions, QualityOptions
from analysis.plan import Need, heads_wanted, needs_of
from model_store.labels import Label
from superclasses import SUPERCLASSES
from tests.analysis.deployments import (
    BOTH,
    NOTHING,
    ONLY_CLINICAL,
    ONLY_FEATURES,
    asked,
    encoder,
)

DIAGNOSING = Deployment(
    "auto",
    "tiny",
    "for tests",
    {
        **BOTH.encoders,
        "superclass": encoder(
            "superclass", tuple(Label(name, "mean", None, 0.5) for name in SUPERCLASSES)
        ),
    },
)
HEADED = Deployment(
    "auto",
    "tiny",
    "for tests",
    DIAGNOSING.encoders,
    (HeadUse("superclass", 2, "features"), HeadUse("rhythm", 1, "clinical")),
)
UNWEIGHTED = (Label("Infarction", "mean", None, 0.5),)
WITHOUT_PACING = Deployment("x", "x", "x", {"clinical": encoder("clinical", UNWEIGHTED)})


@pytest.mark.parametrize(
    ("options", "deployment", "needs"),
    [
        ({}, BOTH, {"clinical": Need(), "features": Need()}),
        ({}, ONLY_CLINICAL, {"clinical": Need()}),
        ({}, ONLY_FEATURES, {"features": Need()}),
        ({}, NOTHING, {}),
        ({"include": "labels"}, BOTH, {"clinical": Need()}),
        ({"include": "labels_by_segment"}, BOTH, {"clinical": Need()}),
        ({"include": "clinical_analysis"}, BOTH, {"clinical": Need()}),
        ({"include": "pacemaker"}, BOTH, {"clinical": Need()}),
        ({"include": "pacemaker"}, WITHOUT_PACING, {}),
        ({"include": "features"}, BOTH, {"features": Need()}),
        ({"include": "features", "model": "clinical"}, BOTH, {"clinical": Need()}),
        ({"include": "labels,features", "model": "clinical"}, BOTH, {"clinical": Need()}),
        ({"include": "saliency"}, BOTH, {"clinical": Need(attention=True)}),
        ({"include": "saliency"}, ONLY_FEATURES, {"features": Need(attention=True)}),
        ({"include": "labels,saliency"}, BOTH, {"clinical": Need(attention=True)}),
        ({"include": "superclass"}, BOTH, {}),
        ({"include": "superclass"}, DIAGNOSING, {"superclass": Need()}),
        ({"include": "superclass"}, HEADED, {"features": Need()}),
        ({"include": "heads"}, HEADED, {"features": Need(), "clinical": Need()}),
        ({"include": "heads"}, DIAGNOSING, {}),
        ({"include": "quality,signal,measurements"}, HEADED, {}),
    ],
)
def test_an_analysis_needs_only_what_was_asked_for(
    options: dict[str, Any], deployment: Deployment, needs: dict[str, Need]
) -> None:
    assert needs_of(asked(deployment, **options), deployment) == needs


@pytest.mark.parametrize(
    ("options", "layer"),
    [
        ({}, None),
        ({"level": "segment"}, None),
        ({"dtype": "float16"}, None),
        ({"pooling": "max"}, -1),
        ({"level": "token"}, -1),
        ({"layer": 0}, 0),
        ({"layer": 2, "level": "segment"}, 2),
    ],
)
def test_token_states_are_kept_only_where_they_are_needed(
    options: dict[str, Any], layer: int | None
) -> None:
    needs = needs_of(FeatureOptions("features", **options), BOTH)
    assert needs == {"features": Need(layer=layer)}


def test_quality_needs_no_encoder_and_no_head() -> None:
    assert needs_of(QualityOptions(), HEADED) == {}
    assert heads_wanted(QualityOptions(), HEADED.heads) == ()
    assert heads_wanted(FeatureOptions("features"), HEADED.heads) == ()


def test_the_superclass_wants_the_head_of_that_name_and_heads_wants_all() -> None:
    superclass, _ = HEADED.heads
    assert heads_wanted(asked(HEADED, include="superclass"), HEADED.heads) == (superclass,)
    assert heads_wanted(asked(HEADED, include="heads"), HEADED.heads) == HEADED.heads
    assert heads_wanted(asked(HEADED, include="labels"), HEADED.heads) == ()
