"""The server computes what the original ECG-FM computes, within the tolerances of verify.py."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import msgpack
import numpy as np
import pytest

from tests.data import CARRIED, SHARED, requires_shared
from tests.server.ecgs import (
    CARRIED_NAMES,
    MSGPACK,
    NPY,
    REAL_NAMES,
    Ecg,
    analyze,
    answer_of,
    array_of,
    carried,
    golden,
    post,
    post_msgpack,
    post_npy,
    probabilities,
)
from tests.server.harness import RunningServer

STATE_ABSOLUTE, STATE_RELATIVE, PROBABILITY_ABSOLUTE = 1e-4, 1e-5, 1e-4  # verify.py
BF16_PROBABILITY, BF16_COSINE = 0.02, 0.999
RECORDINGS = [
    *(
        pytest.param((SHARED / "golden", name), id=name, marks=requires_shared)
        for name in REAL_NAMES
    ),
    *(pytest.param((CARRIED, name), id=name) for name in CARRIED_NAMES),
]


@pytest.fixture(params=RECORDINGS)
def ecg(request: pytest.FixtureRequest) -> Ecg:
    return golden(*request.param)


@pytest.fixture(scope="module")
def old_spelling() -> Iterator[RunningServer]:
    """The same weights from checkpoints with the older spelling of weight norm."""
    checkpoints = {
        "ECG_CLINICAL_CHECKPOINT": "tiny_finetuned_old.pt",
        "ECG_FEATURES_CHECKPOINT": "tiny_pretrained_old.pt",
    }
    with RunningServer(
        **{name: str(CARRIED / file) for name, file in checkpoints.items()}
    ) as running:
        yield running


@pytest.fixture(scope="module")
def bfloat16() -> Iterator[RunningServer]:
    with RunningServer(ECG_DTYPE="bfloat16") as running:
        yield running


def posted(
    server: RunningServer, path: str, ecg: Ecg, wire: str, **options: str | int
) -> httpx.Response:
    if wire == "json":
        return post(server, path, json=ecg.json(**options))
    return (
        post_msgpack(server, path, ecg.msgpack(**options))
        if wire == "msgpack"
        else post_npy(server, path, ecg, **options)
    )


def assert_state(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=STATE_ABSOLUTE, rtol=STATE_RELATIVE)


@pytest.mark.parametrize("wire", ["json", "npy", "msgpack"])
def test_labels_and_saliency_are_the_originals(server: RunningServer, ecg: Ecg, wire: str) -> None:
    answer = answer_of(
        posted(
            server,
            "/analyze",
            ecg,
            wire,
            include="labels,labels_by_segment,saliency,features",
            judge_unreadable=True,  # one of the recordings is
        )
    )
    truth = ecg.truth
    assert answer["segments"] == len(truth["segments"])
    np.testing.assert_allclose(
        probabilities(answer), truth["record_probs"], atol=PROBABILITY_ABSOLUTE
    )
    by_segment = [
        list(segment["probabilities"].values()) for segment in answer["labels_by_segment"]
    ]
    np.testing.assert_allclose(by_segment, truth["probs"], atol=PROBABILITY_ABSOLUTE)
    saliency = [segment["values"] for segment in answer["saliency"]["segments"]]
    np.testing.assert_allclose(saliency, truth["attention_max"], atol=PROBABILITY_ABSOLUTE)
    assert_state(np.array(answer["features"]), truth["pretrained_embedding"].mean(axis=0))


@pytest.mark.parametrize("wire", ["json", "npy", "msgpack"])
def test_embeddings_of_both_encoders_are_the_originals(
    server: RunningServer, ecg: Ecg, wire: str
) -> None:
    for model, name in (("clinical", "embedding"), ("features", "pretrained_embedding")):
        answer = answer_of(
            posted(server, "/extract_features", ecg, wire, model=model, level="segment")
        )
        assert answer["shape"] == list(ecg.truth[name].shape)
        assert_state(np.array(answer["features"]), ecg.truth[name])


@pytest.mark.parametrize("layer", [0, 1, 2, 3, -1, -4])
def test_states_of_every_layer_are_the_originals(
    server: RunningServer, ecg: Ecg, layer: int
) -> None:
    answer = answer_of(
        post(
            server, "/extract_features", json=ecg.json(model="clinical", layer=layer, level="token")
        )
    )
    assert_state(np.array(answer["features"]), ecg.truth["hidden"][:, layer])


@pytest.mark.parametrize("layer", [0, 2, -2])
def test_any_layer_can_be_pooled(server: RunningServer, layer: int) -> None:
    ecg = carried()
    hidden = ecg.truth["hidden"][:, layer]
    for pooling, expected in (("mean", hidden.mean(axis=1)), ("max", hidden.max(axis=1))):
        options: dict[str, str | int] = {"model": "clinical", "layer": layer, "pooling": pooling}
        by_segment = answer_of(
            post(server, "/extract_features", json=ecg.json(**options, level="segment"))
        )
        assert_state(np.array(by_segment["features"]), expected)
        whole = answer_of(post(server, "/extract_features", json=ecg.json(**options)))
        assert_state(np.array(whole["features"]), expected.mean(axis=0))


def test_the_last_state_of_the_pretrained_model_is_the_originals(
    server: RunningServer, ecg: Ecg
) -> None:
    answer = answer_of(post(server, "/extract_features", json=ecg.json(pooling="none")))
    assert_state(np.array(answer["features"][0]), ecg.truth["pretrained_hidden_first"])


def test_answers_in_npy_and_msgpack_hold_what_json_does(server: RunningServer, ecg: Ecg) -> None:
    in_json = answer_of(post(server, "/extract_features", json=ecg.json(level="segment")))
    array = array_of(
        post(server, "/extract_features", json=ecg.json(level="segment"), headers={"Accept": NPY})
    )
    packed = msgpack.unpackb(
        post(
            server, "/extract_features", json=ecg.json(level="segment"), headers={"Accept": MSGPACK}
        ).content
    )
    binary = np.frombuffer(packed["features"]["data"], packed["features"]["dtype"]).reshape(
        packed["features"]["shape"]
    )
    assert array.dtype == binary.dtype == np.float32
    np.testing.assert_array_equal(array, np.array(in_json["features"], np.float32))
    np.testing.assert_array_equal(array, binary)


def test_the_older_spelling_of_weight_norm_gives_the_same(
    server: RunningServer, old_spelling: RunningServer, ecg: Ecg
) -> None:
    new, old = (
        analyze(running, ecg, include="labels,features,saliency", judge_unreadable=True)
        for running in (server, old_spelling)
    )
    np.testing.assert_allclose(
        probabilities(old), ecg.truth["record_probs"], atol=PROBABILITY_ABSOLUTE
    )
    np.testing.assert_allclose(probabilities(old), probabilities(new), atol=1e-5)
    assert_state(np.array(old["features"]), ecg.truth["pretrained_embedding"].mean(axis=0))
    embedding = answer_of(
        post(old_spelling, "/extract_features", json=ecg.json(model="clinical", level="segment"))
    )
    assert_state(np.array(embedding["features"]), ecg.truth["embedding"])


def test_bfloat16_stays_near(bfloat16: RunningServer, ecg: Ecg) -> None:
    answer = analyze(bfloat16, ecg, judge_unreadable=True)
    assert answer["model"]["dtype"] == "bfloat16"
    assert np.abs(probabilities(answer) - ecg.truth["record_probs"]).max() < BF16_PROBABILITY
    for model, name in (("clinical", "embedding"), ("features", "pretrained_embedding")):
        found = np.array(
            answer_of(
                post(bfloat16, "/extract_features", json=ecg.json(model=model, level="segment"))
            )["features"]
        )
        cosines = (
            (found * ecg.truth[name]).sum(axis=1)
            / np.linalg.norm(found, axis=1)
            / np.linalg.norm(ecg.truth[name], axis=1)
        )
        assert cosines.min() >= BF16_COSINE


def test_each_label_is_joined_by_its_own_rule_or_the_one_asked_for(server: RunningServer) -> None:
    ecg = carried("b_synthetic_1000hz")
    segments = ecg.truth["probs"]
    for rule, expected in (("mean", segments.mean(axis=0)), ("max", segments.max(axis=0))):
        np.testing.assert_allclose(
            probabilities(analyze(server, ecg, aggregate=rule)), expected, atol=PROBABILITY_ABSOLUTE
        )
    by_default = np.isclose(ecg.truth["record_probs"], segments.max(axis=0), atol=1e-6)
    assert 0 < by_default.sum() < len(by_default), (
        "ECG-FM joins some labels by mean and some by maximum"
    )
