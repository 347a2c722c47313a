"""Installed heads in an answer: whose embedding they read, and the warnings if they fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.answer import analysis_answer
from analysis.deployment import Deployment, HeadUse, role_of_head, with_heads
from analysis.forward import Piece, forward, mean_over_segments
from analysis.plan import needs_of
from analysis.prepare import prepare
from errors import UnknownHead, WrongEncoder
from heads.cache import InstalledHeads, InstalledVersion
from heads.head import EncoderReference, Head
from model_store.labels import Label
from superclasses import SUPERCLASSES
from tests.analysis.deployments import NOTHING, RUNTIME, WIDTH, SumRunner, asked, encoder, record
from tests.heads.small_heads import linear_head

CLINICAL, FEATURES = (
    replace(encoder("clinical"), sha256="c" * 64),
    replace(encoder("features"), sha256="f" * 64),
)
BOTH = Deployment("auto", "tiny", "for tests", {"clinical": CLINICAL, "features": FEATURES})
NAMING = replace(CLINICAL, labels=tuple(Label(name, "mean", None, 0.5) for name in SUPERCLASSES))
DIAGNOSING = Deployment("auto", "tiny", "for tests", {"clinical": NAMING, "features": FEATURES})

HEAD = replace(linear_head("superclass", SUPERCLASSES, width=WIDTH), encoder=FEATURES.reference)
OTHER = replace(linear_head("rhythm", width=WIDTH, seed=3), encoder=CLINICAL.reference)
STRANGER = replace(
    linear_head("strange", width=WIDTH), encoder=EncoderReference("elsewhere", None, "e" * 64)
)


def installed(*heads: Head) -> InstalledHeads:
    return InstalledHeads(tuple(InstalledVersion(head.name, 1, "champion", head) for head in heads))


def head_of(name: str, version: int) -> Head:
    return {"superclass": HEAD, "rhythm": OTHER}[name]


def answered(
    deployment: Deployment, *, by: Any = head_of, seconds: float = 10.0, **options: Any
) -> dict[str, Any]:
    ready = prepare(record(seconds), asked(deployment, **options), deployment, max_seconds=600)
    runners = {
        "clinical": SumRunner(1.0, len(deployment.encoders["clinical"].labels)),
        "features": SumRunner(0.01),
    }
    encoded = forward([Piece(ready.segments, ready.needs)], runners)[0] if ready.needs else {}
    answer = analysis_answer(ready, encoded, deployment, RUNTIME, by)
    if ready.needs:
        answer["_embedding"] = {
            role: mean_over_segments(one.pooled) for role, one in encoded.items()
        }
    return answer


def test_a_head_is_given_to_the_loaded_encoder_that_it_was_trained_on() -> None:
    found = with_heads(BOTH, installed(HEAD, OTHER, STRANGER))
    assert found.heads == (HeadUse("superclass", 1, "features"), HeadUse("rhythm", 1, "clinical"))
    assert set(found.unusable_heads) == {"strange"}
    for deployment, loaded in ((BOTH, "tiny-features"), (NOTHING, "no encoder")):
        with pytest.raises(
            WrongEncoder,
            match=rf"elsewhere \(revision none, sha256 eeeeeeeeeeee\); loaded here is .*{loaded}",
        ):
            role_of_head(STRANGER.encoder, deployment)


def test_only_the_encoders_that_are_needed_run() -> None:
    deployment = with_heads(BOTH, installed(HEAD, OTHER))
    wanted = {
        include: set(needs_of(asked(deployment, include=include), deployment))
        for include in ("superclass", "heads")
    }
    assert wanted == {"superclass": {"features"}, "heads": {"clinical", "features"}}
    assert needs_of(asked(BOTH, include="heads"), BOTH) == {}


def test_the_superclass_is_the_heads_on_the_mean_over_segments() -> None:
    answer = answered(with_heads(BOTH, installed(HEAD)), include="superclass")
    expected = HEAD.predict(answer["_embedding"]["features"])
    assert answer["superclass"]["probabilities"] == expected.probabilities
    assert answer["superclass"]["top"] == max(
        expected.positive, key=lambda name: expected.probabilities[name], default=None
    )
    assert answer["model"]["superclass"] == "heads/superclass@1"


def test_a_head_speaks_before_an_encoders_own_labels_and_these_where_it_cannot() -> None:
    headed = answered(with_heads(DIAGNOSING, installed(HEAD)), include="superclass")
    assert headed["model"]["superclass"] == "heads/superclass@1"
    stranger = InstalledHeads(
        (InstalledVersion("superclass", 1, "champion", replace(HEAD, encoder=STRANGER.encoder)),)
    )
    plain = answered(with_heads(DIAGNOSING, stranger), include="superclass")
    assert plain["superclass"] is not None
    assert plain["model"]["superclass"] == "tiny-clinical@r1"
    assert any(
        warning.startswith("superclass: the installed head gives no result: ")
        for warning in plain["warnings"]
    )
    assert plain["superclass"] != headed["superclass"]


def test_a_requests_thresholds_hold_for_the_head() -> None:
    deployment = with_heads(BOTH, installed(HEAD))
    answer = answered(deployment, include="superclass", thresholds={"MI": 0.0, "NORM": 1.0})
    assert (
        "MI" in answer["superclass"]["positive"] and "NORM" not in answer["superclass"]["positive"]
    )
    assert deployment.threshold_labels() == set(SUPERCLASSES)


def test_all_heads_answer_by_name_on_demand() -> None:
    answer = answered(with_heads(BOTH, installed(HEAD, OTHER, STRANGER)), include="heads")
    assert set(answer["heads"]) == {"superclass", "rhythm"}
    expected = OTHER.predict(answer["_embedding"]["clinical"])
    assert answer["heads"]["rhythm"] == {
        "version": 1,
        "probabilities": expected.probabilities,
        "positive": expected.positive,
    }
    assert any(
        warning.startswith("heads: strange: trained on embeddings of elsewhere")
        for warning in answer["warnings"]
    )
    assert "superclass" not in answer


def test_without_any_installed_there_is_an_empty_object_and_no_warning() -> None:
    answer = answered(BOTH, include="heads")
    assert answer["heads"] == {}
    assert answer["warnings"] == []


def test_a_recording_that_no_encoder_reads_has_none_and_says_why() -> None:
    answer = answered(with_heads(BOTH, installed(HEAD)), seconds=4.0, include="heads,superclass")
    assert answer["heads"] is None and answer["superclass"] is None
    for part in ("heads:", "superclass:"):
        assert any(warning.startswith(part) and "5 s" in warning for warning in answer["warnings"])


def test_a_version_that_has_gone_costs_its_part_only() -> None:
    def gone(name: str, version: int) -> Head:
        raise UnknownHead(f"{name} has no version {version}")

    answer = answered(with_heads(BOTH, installed(HEAD)), by=gone, include="superclass,features")
    assert answer["superclass"] is None and answer["features"] is not None
    assert any("superclass has no version 1" in warning for warning in answer["warnings"])


def test_an_embedding_of_another_width_gives_no_probabilities() -> None:
    def broken(name: str, version: int) -> Head:
        return replace(
            HEAD, layers=((np.full((5, WIDTH + 1), 1, np.float32), np.zeros(5, np.float32)),)
        )

    answer = answered(with_heads(BOTH, installed(HEAD)), by=broken, include="heads")
    assert answer["heads"] == {}
    assert any("reads embeddings of 5 numbers" in warning for warning in answer["warnings"])
