"""A head gives the probabilities that its weights and calibration mean, to its own encoder's embeddings only."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from errors import BadHead, WrongEncoder
from tests.heads.made import ENCODER, OTHER, WIDTH, linear, perceptron

X = np.random.default_rng(7).standard_normal((5, WIDTH)).astype(np.float32)


def test_a_linear_head_is_a_calibrated_logistic_regression() -> None:
    head = linear()
    (weight, bias), label = head.layers[0], head.labels[0]
    logits = X @ weight.T + bias
    np.testing.assert_allclose(
        head.probabilities(X), 1 / (1 + np.exp(-(label.slope * logits + label.offset))), rtol=1e-5
    )


def test_a_perceptron_is_what_torch_computes() -> None:
    head = perceptron()
    (w1, b1), (w2, b2) = head.layers
    with torch.no_grad():
        x = torch.relu(
            nn.functional.linear(torch.from_numpy(X), torch.from_numpy(w1), torch.from_numpy(b1))
        )
        expected = nn.functional.linear(x, torch.from_numpy(w2), torch.from_numpy(b2)).numpy()
    np.testing.assert_allclose(head.logits(X), expected, rtol=1e-4, atol=1e-5)
    assert (head.kind, head.width) == ("mlp", WIDTH)


def test_a_recording_is_positive_for_the_labels_at_or_above_their_thresholds() -> None:
    head = linear()
    for row, probabilities in zip(X, head.probabilities(X), strict=True):
        said = head.predict(row)
        assert list(said.probabilities.values()) == pytest.approx(probabilities.tolist())
        assert said.positive == [
            label.name
            for label, p in zip(head.labels, probabilities, strict=True)
            if p >= label.threshold
        ]


def test_extreme_logits_stay_probabilities() -> None:
    probabilities = linear().probabilities(X * np.float32(1e30))
    assert np.isin(probabilities, (0.0, 1.0)).all()


def test_another_encoder_is_refused_and_both_are_named() -> None:
    linear().check_encoder(ENCODER)
    with pytest.raises(
        WrongEncoder,
        match=r"tiny-features \(revision r1, sha256 aaaaaaaaaaaa\).* \(revision r1, sha256 bbbbbbbbbbbb\)",
    ):
        linear().check_encoder(OTHER)


@pytest.mark.parametrize(
    "embedding",
    [
        np.zeros(WIDTH + 1),
        np.zeros(0),
        np.array(1.0),
        np.full(WIDTH, np.nan),
        np.full(WIDTH, np.inf),
    ],
)
def test_an_embedding_that_is_none_is_refused(embedding: np.ndarray) -> None:
    with pytest.raises(BadHead):
        linear().predict(embedding)
