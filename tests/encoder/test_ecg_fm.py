"""Our ECG-FM has the original's outputs in each of its settings, from the checkpoint to the logits.

Settings without a golden file are compared with tests/encoder/naive.py, a second implementation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from encoder.config import ConvLayer, EcgFmConfig
from encoder.ecg_fm import EcgFm, pool
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder
from errors import LayerOutOfRange
from model_store.checkpoint import read_checkpoint
from model_store.fairseq import import_fairseq
from tests.encoder import naive
from tests.encoder.naive import Sizes

SETTINGS = {
    "published order of norms": Sizes(),
    "pre-LN": Sizes(norm_first=True),
    "odd positional kernel": Sizes(kernel=7),
    "pre-LN and odd kernel": Sizes(norm_first=True, kernel=5),
    "convolutions with bias": Sizes(conv_bias=True),
    "unequal widths, kernels and strides": Sizes(conv=((8, 5, 3), (12, 3, 2), (20, 2, 1))),
    "no projection": Sizes(conv=((16, 2, 2), (32, 2, 2))),
    "one head, one group": Sizes(heads=1, groups=1),
    "a group for each channel": Sizes(groups=32),
    "kernel longer than the segment has tokens": Sizes(kernel=64),
    "pretrained, no classifier": Sizes(labels=0),
    "pretrained pre-LN without projection": Sizes(
        labels=0, norm_first=True, conv=((32, 4, 4),), conv_bias=True
    ),
}


@pytest.fixture
def segments() -> np.ndarray:
    """Three segments of 128 samples: short, so that the naive loops end."""
    return np.random.default_rng(5).normal(size=(3, 12, 128)).astype(np.float32)


def imported(
    sizes: Sizes, folder: Path, *, new_spelling: bool = True
) -> tuple[EcgFm, naive.Weights]:
    weights = naive.random_weights(sizes, new_spelling=new_spelling)
    path = naive.save_checkpoint(folder / "checkpoint.pt", weights, sizes.cfg())
    found = import_fairseq(read_checkpoint(path))
    return load_encoder(found.config, found.tensors), weights


@pytest.mark.parametrize("new_spelling", [True, False], ids=["parametrizations", "weight_g"])
@pytest.mark.parametrize("sizes", SETTINGS.values(), ids=SETTINGS.keys())
def test_every_setting_equals_the_naive_transcription(
    sizes: Sizes, new_spelling: bool, segments: np.ndarray, tmp_path: Path
) -> None:
    encoder, weights = imported(sizes, tmp_path, new_spelling=new_spelling)
    layers = tuple(range(sizes.depth + 1))
    with torch.inference_mode():
        features = encoder.features(torch.from_numpy(segments)).numpy()
    encoded = EncoderRunner(encoder).run(segments, layers=layers, attention=True, final_tokens=True)
    for row, segment in enumerate(segments[:1] if new_spelling else segments[:2]):
        truth = naive.forward(segment, weights, sizes)
        np.testing.assert_allclose(features[row], truth["features"], atol=1e-5)
        for layer in layers:
            np.testing.assert_allclose(
                encoded.hidden[layer][row], truth["hidden"][layer], atol=2e-5
            )
        np.testing.assert_allclose(encoded.tokens[row], truth["tokens"], atol=2e-5)
        np.testing.assert_allclose(encoded.attention[row], truth["attention"], atol=1e-5)
        np.testing.assert_allclose(encoded.pooled[row], truth["embedding"], atol=1e-5)
        if sizes.labels:
            np.testing.assert_allclose(encoded.logits[row], truth["logits"], atol=1e-5)
        else:
            assert encoded.logits is None


def test_asking_for_attention_and_states_changes_no_bit_of_the_rest(
    segments: np.ndarray, tmp_path: Path
) -> None:
    encoder, _ = imported(Sizes(), tmp_path)
    runner = EncoderRunner(encoder)
    plain = runner.run(segments)
    full = runner.run(segments, layers=(0, 1, 2), attention=True, final_tokens=True)
    assert np.array_equal(plain.pooled, full.pooled)
    assert np.array_equal(plain.logits, full.logits)
    assert plain.tokens is None
    assert plain.attention is None
    assert plain.hidden == {}


def test_attention_gives_each_query_shares_that_sum_to_one(
    segments: np.ndarray, tmp_path: Path
) -> None:
    encoder, _ = imported(Sizes(), tmp_path)
    attention = EncoderRunner(encoder).run(segments, attention=True).attention
    np.testing.assert_allclose(attention.sum(axis=2), 1, atol=1e-6)
    assert not np.allclose(
        attention.sum(axis=1), 1, atol=1e-2
    )  # [query, key], not the other way round


def test_post_ln_pools_its_last_hidden_state_and_pre_ln_norms_it_first(
    segments: np.ndarray, tmp_path: Path
) -> None:
    for norm_first in (False, True):
        encoder, _ = imported(Sizes(norm_first=norm_first), tmp_path)
        encoded = EncoderRunner(encoder).run(segments, layers=(2,), final_tokens=True)
        assert np.array_equal(encoded.hidden[2], encoded.tokens) is not norm_first
        np.testing.assert_allclose(encoded.tokens.mean(axis=1), encoded.pooled, atol=1e-6)


def test_only_the_layers_asked_for_come_and_others_do_not_exist(
    segments: np.ndarray, tmp_path: Path
) -> None:
    encoder, _ = imported(Sizes(), tmp_path)
    runner = EncoderRunner(encoder)
    assert sorted(runner.run(segments, layers=(2, 0)).hidden) == [0, 2]
    for layer in (-1, 3):
        with pytest.raises(LayerOutOfRange, match=f"found {layer}, this encoder has 0 to 2"):
            runner.run(segments, layers=(layer,))


def test_pooling_counts_only_tokens_that_are_not_exactly_zero() -> None:
    tokens = torch.tensor([[[1.0, 0.0, 2.0], [0.0, 0.0, 4.0], [5.0, 0.0, 0.0]]])
    assert pool(tokens).tolist() == [[3.0, 0.0, 3.0]]
    assert pool(torch.tensor([[[0.0], [4.0], [0.0]]])).tolist() == [[4.0]]


def test_the_published_model_has_the_published_number_of_parameters() -> None:
    base = EcgFmConfig(
        conv_layers=(ConvLayer(256, 2, 2),) * 4,
        width=768,
        ffn_width=3072,
        depth=12,
        heads=12,
        conv_pos_kernel=128,
        conv_pos_groups=16,
        labels=17,
    )
    with torch.device("meta"):
        encoder = EcgFm(base)
    folded_away = 128  # weight norm's g
    assert sum(weight.numel() for weight in encoder.parameters()) + folded_away == 90_386_321
    assert base.token_count(2500) == 156
