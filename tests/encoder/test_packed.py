"""Packing for oneDNN changes no output; a PyTorch without its private operators fails here."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from encoder.config import ConvLayer, EcgFmConfig
from encoder.ecg_fm import Attention, EcgFm
from encoder.packed import PackedLinear, PackedPositionalConv, attend_bfloat16, can_pack, pack

# Both orders of norms, with and without projection; an odd kernel, overlapping windows, biases.
CONFIGS = {
    "post-LN": EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4, labels=3),
    "pre-LN, odd, overlapping": EcgFmConfig(
        (ConvLayer(8, 2, 2), ConvLayer(16, 3, 2)),
        16,
        24,
        2,
        2,
        7,
        4,
        layer_norm_first=True,
        conv_bias=True,
    ),
}
pytestmark = pytest.mark.skipif(
    not can_pack(torch.float32), reason="this PyTorch or this processor has no oneDNN to pack for"
)


@pytest.fixture(params=CONFIGS)
def encoder(request: pytest.FixtureRequest) -> EcgFm:
    torch.manual_seed(3)
    return EcgFm(CONFIGS[request.param]).requires_grad_(False).eval()


@pytest.fixture
def packed(encoder: EcgFm) -> EcgFm:
    other = copy.deepcopy(encoder)
    pack(other)
    return other


@pytest.mark.parametrize("batch, samples", [(1, 320), (5, 321), (3, 47)])
def test_packing_changes_no_answer(encoder: EcgFm, packed: EcgFm, batch: int, samples: int) -> None:
    segments = torch.randn(batch, 12, samples)
    with torch.inference_mode():
        truth, found = (
            one(segments, layers=(0, 1, 2), attention=True) for one in (encoder, packed)
        )
    for wanted, got in (
        (truth.pooled, found.pooled),
        (truth.tokens, found.tokens),
        (truth.attention, found.attention),
    ):
        torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)
    for layer in (0, 1, 2):
        torch.testing.assert_close(found.hidden[layer], truth.hidden[layer], atol=1e-5, rtol=1e-5)


def test_every_product_but_the_classifiers_is_packed_and_its_weight_let_go(
    encoder: EcgFm, packed: EcgFm
) -> None:
    left = {name for name, module in packed.named_modules() if type(module) is nn.Linear}
    assert left == ({"classifier"} if encoder.classifier is not None else set())
    assert isinstance(packed.position, PackedPositionalConv)
    assert not [
        name
        for name, weight in packed.named_parameters()
        if weight.ndim > 1 and not name.startswith(("classifier", "convs.1"))
    ]


def test_packing_twice_is_packing_once(packed: EcgFm) -> None:
    before = packed.layers[0].fc1
    pack(packed)
    assert packed.layers[0].fc1 is before


def test_read_only_strided_and_empty_windows(packed: EcgFm) -> None:
    linear = PackedLinear(torch.randn(5, 12), None, gelu=False, window=3)
    x = torch.randn(2, 10, 8)[:, :, ::2]
    torch.testing.assert_close(linear(x), linear(x.contiguous()))
    assert linear(x).shape == (2, 3, 5)


@pytest.mark.skipif(not can_pack(torch.bfloat16), reason="oneDNN has no bfloat16 here")
def test_bfloat16_attention_in_plain_products_is_attention() -> None:
    torch.manual_seed(4)
    query, key, value = (torch.randn(2, 3, 20, 8) for _ in "qkv")
    truth = Attention.attend(query, key, value)
    found = attend_bfloat16(*(part.bfloat16() for part in (query, key, value)))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), truth, atol=0.02, rtol=0.02)


@pytest.mark.skipif(not can_pack(torch.bfloat16), reason="oneDNN has no bfloat16 here")
def test_packed_bfloat16_stays_near_float32(encoder: EcgFm) -> None:
    short = copy.deepcopy(encoder)
    for name, part in short.named_children():
        part.to(torch.float32 if name in EcgFm.FLOAT32_PARTS else torch.bfloat16)
    pack(short)
    segments = torch.randn(4, 12, 320)
    with torch.inference_mode():
        truth, found = encoder(segments).pooled, short(segments.bfloat16()).pooled
    assert torch.nn.functional.cosine_similarity(truth, found).min() >= 0.999
