"""A head computes calibrated probabilities from embeddings of its own encoder only."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from errors import BadHead, WrongEncoder
from heads.head import EncoderReference, Head, HeadLabel, patient_digests
from tests.heads.small_heads import ENCODER, OTHER_ENCODER, WIDTH, linear_head, mlp_head

EMBEDDINGS = np.random.default_rng(7).standard_normal((5, WIDTH)).astype(np.float32)


def test_a_linear_head_is_a_calibrated_logistic_regression() -> None:
    head = linear_head()
    weight, bias = head.layers[0]
    label = head.labels[0]
    logits = EMBEDDINGS @ weight.T + bias
    expected = 1 / (1 + np.exp(-(label.slope * logits + label.offset)))
    np.testing.assert_allclose(head.probabilities(EMBEDDINGS), expected, rtol=1e-5)
    assert (head.kind, head.width, head.label_names) == ("linear", WIDTH, ("AF", "SR"))


def test_each_label_has_its_own_calibration() -> None:
    labels = (HeadLabel("AF", slope=2.0, offset=1.0), HeadLabel("SR", slope=0.5, offset=-3.0))
    head = replace(linear_head(), labels=labels)
    logits = head.logits(EMBEDDINGS)
    expected = 1 / (1 + np.exp(-np.column_stack([2 * logits[:, 0] + 1, logits[:, 1] / 2 - 3])))
    np.testing.assert_allclose(head.probabilities(EMBEDDINGS), expected, rtol=1e-12)


def test_an_mlp_computes_what_torch_computes() -> None:
    head = mlp_head()
    (w1, b1), (w2, b2) = head.layers
    with torch.no_grad():
        x = torch.relu(
            nn.functional.linear(
                torch.from_numpy(EMBEDDINGS), torch.from_numpy(w1), torch.from_numpy(b1)
            )
        )
        expected = nn.functional.linear(x, torch.from_numpy(w2), torch.from_numpy(b2)).numpy()
    np.testing.assert_allclose(head.logits(EMBEDDINGS), expected, rtol=1e-4, atol=1e-5)
    assert (head.logits(EMBEDDINGS) < 0).any(), "the last layer has no ReLU"
    assert (head.kind, head.width) == ("mlp", WIDTH)


def test_a_label_is_positive_at_its_threshold_and_above() -> None:
    probabilities = linear_head().probabilities(EMBEDDINGS[0])
    for threshold, positive in (
        (np.nextafter(probabilities[1], 0), ["SR"]),
        (probabilities[1], ["SR"]),
        (np.nextafter(probabilities[1], 1), []),
    ):
        labels = (
            HeadLabel("AF", 1.0, 1.5, -0.2),
            HeadLabel("SR", float(threshold), 1.5, -0.2),
        )
        prediction = replace(linear_head(), labels=labels).predict(EMBEDDINGS[0])
        assert prediction.positive == positive
        assert prediction.probabilities == {"AF": probabilities[0], "SR": probabilities[1]}


def test_extreme_logits_give_probabilities_of_0_and_1() -> None:
    probabilities = linear_head().probabilities(EMBEDDINGS * np.float32(1e30))
    assert set(np.unique(probabilities)) == {0.0, 1.0}


def test_another_encoder_is_refused_with_the_names_of_both() -> None:
    linear_head().check_encoder(ENCODER)
    with pytest.raises(WrongEncoder) as refused:
        linear_head().check_encoder(OTHER_ENCODER)
    assert refused.value.detail == (
        "head rhythm was trained on embeddings of tiny-features "
        "(revision r1, sha256 aaaaaaaaaaaa); these are of tiny-features "
        "(revision r1, sha256 bbbbbbbbbbbb)"
    )
    assert str(EncoderReference("x", None, "c" * 64)) == "x (revision none, sha256 cccccccccccc)"


@pytest.mark.parametrize("shape", [(WIDTH + 1,), (0,), (), (2, WIDTH - 1)])
def test_an_embedding_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadHead) as refused:
        linear_head().predict(np.zeros(shape))
    assert refused.value.detail == (
        f"head rhythm reads embeddings of {WIDTH} numbers, found shape {shape}"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_embedding_that_is_not_finite_is_refused(value: float) -> None:
    embedding = EMBEDDINGS[0].copy()
    embedding[2] = value
    with pytest.raises(BadHead) as refused:
        linear_head().predict(embedding)
    assert refused.value.detail == "head rhythm: the embedding holds values that are not finite"


def test_digests_are_the_first_eight_bytes_of_the_sha256() -> None:
    expected = sorted(
        np.frombuffer(hashlib.sha256(patient).digest(), "<u8")[0] for patient in (b"a", b"b", b"c")
    )
    digests = patient_digests(["c", "a", "b", "a"])
    assert digests.dtype == np.uint64
    assert digests.tolist() == expected


def test_the_defaults_of_a_head_are_no_patients_no_training_and_no_card() -> None:
    head = Head("a", ENCODER, (HeadLabel("AF"),), linear_head(labels=("AF",)).layers)
    assert (head.trained_on.size, head.training, head.card) == (0, {}, None)
    assert (head.labels[0].threshold, head.labels[0].slope, head.labels[0].offset) == (0.5, 1, 0)
