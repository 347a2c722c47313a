"""Embeddings: tokens pooled and segments averaged as far as the options say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.embedding import embed, embedding_answer
from analysis.forward import Encoded
from analysis.options import FeatureOptions
from analysis.prepare import prepare
from tests.analysis.deployments import BOTH, RUNTIME, record

# 3 segments, 4 tokens, 2 channels, no two alike and none 0.
STATES = (np.arange(24, dtype=np.float32).reshape(3, 4, 2) - 30.5) ** 2
POOLED = np.array([[1.0, -2.0], [3.5, 10.0], [0.0, 7.0]], np.float32)


def embedding(*, states: np.ndarray | None = None, **options: Any) -> np.ndarray:
    output = Encoded(pooled=POOLED, logits=None, states=states, saliency=None)
    return embed(output, FeatureOptions("features", **options))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"level": "token"}, STATES),
        ({"level": "segment", "pooling": "max"}, STATES.max(axis=1)),
        ({"level": "segment", "pooling": "mean"}, STATES.mean(axis=1)),
        ({"level": "record", "pooling": "max"}, STATES.max(axis=1).mean(axis=0)),
        ({"level": "record", "pooling": "mean"}, STATES.mean(axis=(0, 1))),
    ],
    ids=str,
)
def test_token_states_are_pooled_and_averaged_as_far_as_asked(
    options: dict[str, Any], expected: np.ndarray
) -> None:
    values = embedding(states=STATES, **options)
    assert values.shape == expected.shape
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_without_token_states_the_pooled_embedding_is_used() -> None:
    np.testing.assert_array_equal(embedding(level="segment"), POOLED)
    np.testing.assert_allclose(embedding(level="record"), [1.5, 5.0])


def test_the_mean_over_tokens_leaves_exact_zeros_out_as_ecg_fm_does() -> None:
    states = np.array([[[2.0, 0.0], [0.0, 0.0], [4.0, 3.0]], [[0, 0], [0, 0], [0, 0]]], np.float32)
    np.testing.assert_array_equal(
        embedding(states=states, level="segment"), [[3.0, 3.0], [0.0, 0.0]]
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_an_embedding_has_the_dtype_asked_for_and_names_its_model(dtype: Any) -> None:
    options = FeatureOptions("clinical", dtype=dtype)
    prepared = prepare(record(id="x"), options, BOTH, max_seconds=600)
    pooled = np.array([[1.0, 0.1, -3.0, 9.0], [2.0, 0.3, 5.0, 11.0]], np.float32)
    outputs: dict[Any, Encoded] = {"clinical": Encoded(pooled, None, None, None)}
    answer = embedding_answer(prepared, outputs, BOTH, RUNTIME)
    expected = np.array([1.5, 0.2, 1.0, 10.0], np.float32).astype(dtype)
    assert answer.values.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(answer.values, expected)
    assert (answer.record_id, answer.segments, answer.warnings) == ("x", 2, ())
    assert answer.model["encoder"] is not None
    assert answer.model["encoder"]["name"] == "tiny-clinical"
