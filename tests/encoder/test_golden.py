"""Outputs of the original code for real recordings, with the tolerances of its verify.py."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from encoder.runner import EncoderRunner
from encoder.weights import load_encoder
from model_store.checkpoint import read_checkpoint
from model_store.fairseq import import_fairseq
from tests.data import CARRIED, SHARED, requires_shared

# name -> (absolute, relative); verify.py's
TOLERANCES = {
    "features": (1e-4, 1e-5),
    "state": (1e-4, 1e-5),
    "probs": (1e-4, 0.0),
    "attention": (1e-4, 0.0),
}
CHECKPOINTS = (
    "tiny_finetuned_new",
    "tiny_finetuned_old",
    "tiny_pretrained_new",
    "tiny_pretrained_old",
)
REAL = ("a_code15_400hz", "b_ptb_1000hz", "c_ptbxl_100hz", "d_ptb_500hz_permuted_flat")
SYNTHETIC = (
    "a_synthetic_400hz",
    "b_synthetic_1000hz",
    "c_synthetic_100hz",
    "d_synthetic_500hz_permuted_flat",
)
RECORDINGS = [
    *(
        pytest.param(SHARED / "golden" / f"{name}.npz", id=name, marks=requires_shared)
        for name in REAL
    ),
    *(pytest.param(CARRIED / f"{name}.npz", id=name) for name in SYNTHETIC),
]
# Largest probability difference and smallest cosine. bfloat16 keeps 8 bits, float16 11.
GATES = {"bfloat16": (0.02, 0.999), "float16": (0.005, 0.9999)}


def golden(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


@cache
def runner(checkpoint: str, dtype: str = "float32") -> EncoderRunner:
    found = import_fairseq(read_checkpoint(CARRIED / f"{checkpoint}.pt"))
    return EncoderRunner(load_encoder(found.config, found.tensors, dtype), dtype=dtype)


def assert_close(found: np.ndarray, wanted: np.ndarray, kind: str) -> None:
    absolute, relative = TOLERANCES[kind]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=absolute, rtol=relative)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("path", RECORDINGS)
@pytest.mark.parametrize("checkpoint", CHECKPOINTS[:2])
def test_the_finetuned_model_gives_the_originals_arrays(checkpoint: str, path: Path) -> None:
    truth = golden(path)
    encoded = runner(checkpoint).run(
        truth["segments"], layers=(0, 1, 2, 3), attention=True, final_tokens=True
    )
    with torch.inference_mode():
        features = runner(checkpoint).module.features(torch.from_numpy(truth["segments"][:1]))
    assert_close(features[0].numpy(), truth["features_first"], "features")
    assert_close(
        np.stack([encoded.hidden[layer] for layer in range(4)], axis=1), truth["hidden"], "state"
    )
    assert_close(encoded.tokens, truth["hidden"][:, -1], "state")
    assert_close(encoded.pooled, truth["embedding"], "state")
    assert_close(encoded.logits, truth["logits"], "state")
    assert_close(sigmoid(encoded.logits), truth["probs"], "probs")
    assert_close(encoded.attention[0], truth["attention_first"], "attention")
    assert_close(encoded.attention.max(axis=2), truth["attention_max"], "attention")


@pytest.mark.parametrize("path", RECORDINGS)
@pytest.mark.parametrize("checkpoint", CHECKPOINTS[2:])
def test_the_pretrained_model_gives_the_originals_arrays(checkpoint: str, path: Path) -> None:
    truth = golden(path)
    encoded = runner(checkpoint).run(truth["segments"], layers=(3,))
    assert encoded.logits is None
    assert_close(encoded.pooled, truth["pretrained_embedding"], "state")
    assert_close(encoded.hidden[3][0], truth["pretrained_hidden_first"], "state")


@pytest.mark.parametrize("path", RECORDINGS)
@pytest.mark.parametrize("dtype", GATES)
def test_short_dtypes_stay_within_their_gates(dtype: str, path: Path) -> None:
    truth = golden(path)
    most, least = GATES[dtype]
    encoded = runner("tiny_finetuned_new", dtype).run(truth["segments"])
    assert np.abs(sigmoid(encoded.logits) - truth["probs"]).max() < most
    for checkpoint, name in (
        ("tiny_finetuned_new", "embedding"),
        ("tiny_pretrained_new", "pretrained_embedding"),
    ):
        pooled = runner(checkpoint, dtype).run(truth["segments"]).pooled
        norms = np.linalg.norm(pooled, axis=1) * np.linalg.norm(truth[name], axis=1)
        assert ((pooled * truth[name]).sum(axis=1) / norms).min() >= least


def test_a_batch_of_many_equals_as_many_singles() -> None:
    segments = np.concatenate([golden(CARRIED / f"{name}.npz")["segments"] for name in SYNTHETIC])
    many = runner("tiny_finetuned_new").run(segments, layers=(0, 3), attention=True)
    for row in range(len(segments)):
        one = runner("tiny_finetuned_new").run(
            segments[row : row + 1], layers=(0, 3), attention=True
        )
        np.testing.assert_allclose(many.logits[row], one.logits[0], atol=1e-5)
        np.testing.assert_allclose(many.pooled[row], one.pooled[0], atol=1e-5)
        np.testing.assert_allclose(many.hidden[3][row], one.hidden[3][0], atol=1e-5)
        np.testing.assert_allclose(many.attention[row], one.attention[0], atol=1e-5)
