"""The compact network: folded norms, ignored zeros after a recording's end, hidden states."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from encoder.compact import Compact, fold_norms, join_networks
from encoder.config import CompactConfig, ConvLayer
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder
from errors import LayerOutOfRange
from model_store.weights_file import weight_shapes

CONFIG = CompactConfig(
    ConvLayer(16, 15, 2),
    (ConvLayer(16, 7, 2), ConvLayer(24, 7, 2), ConvLayer(32, 7, 2)),
    8,
    2,
    20,
    6,
)


@pytest.fixture(scope="module")
def trained() -> Compact:
    """Not trained, but with norms that have seen something, each channel something else."""
    torch.manual_seed(3)
    net = Compact(CONFIG, normed=True, dropout=0.2)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        for _ in range(5):
            net(2 * torch.randn(16, 13, 600))
    return net.eval()


@pytest.fixture(scope="module")
def net(trained: Compact) -> Compact:
    return fold_norms(trained)


def segments(count: int, samples: int = 1000) -> torch.Tensor:
    leads = torch.randn(count, 12, samples, generator=torch.Generator().manual_seed(count))
    return torch.cat([leads, torch.ones(count, 1, samples)], dim=1)


def test_folded_norms_change_nothing(trained: Compact, net: Compact) -> None:
    x = segments(4)
    with torch.inference_mode():
        before, after = trained(x), net(x)
    assert torch.allclose(before.logits, after.logits, atol=1e-4)
    assert torch.allclose(before.pooled, after.pooled, atol=1e-4)
    assert not any("norm" in name for name in net.state_dict())


@pytest.mark.parametrize("samples", [500, 613, 800])
def test_zeros_after_the_end_are_not_read(net: Compact, samples: int) -> None:
    whole = segments(3, samples)
    padded = torch.nn.functional.pad(whole, (0, 1000 - samples))
    with torch.inference_mode():
        alone, followed = net(whole), net(padded)
    assert torch.allclose(alone.logits, followed.logits, atol=1e-4)
    assert torch.allclose(alone.pooled, followed.pooled, atol=1e-4)


def test_a_segment_of_zeros_has_finite_answers(net: Compact) -> None:
    with torch.inference_mode():
        output = net(torch.zeros(1, 13, 1000))
    assert torch.isfinite(output.logits).all() and torch.isfinite(output.pooled).all()


def test_states_and_attention(net: Compact) -> None:
    with torch.inference_mode():
        output = net(segments(2), layers=(0, 3), attention=True)
    assert {layer: tuple(state.shape) for layer, state in output.hidden.items()} == {
        0: (2, 500, 16),
        3: (2, 63, 32),
    }
    assert torch.equal(output.tokens, output.hidden[3])
    assert tuple(output.attention.shape) == (2, 63, 2)
    assert torch.allclose(output.attention.sum(dim=1), torch.ones(2, 2), atol=1e-5)
    assert (tuple(output.pooled.shape), tuple(output.logits.shape)) == ((2, 20), (2, 6))
    with pytest.raises(LayerOutOfRange):
        net(segments(1), layers=(4,))


def test_members_side_by_side_give_the_mean_of_their_logits(net: Compact) -> None:
    torch.manual_seed(4)
    nets = [net, fold_norms(Compact(CONFIG, normed=True).eval())]
    both, x = join_networks(nets), segments(3)
    with torch.inference_mode():
        first, second, output = (
            nets[0](x, layers=(1,)),
            nets[1](x, layers=(1,)),
            both(x, layers=(1,), attention=True),
        )
    assert torch.allclose(output.logits, (first.logits + second.logits) / 2, atol=1e-5)
    assert torch.equal(output.pooled, torch.cat([first.pooled, second.pooled], dim=1))
    assert torch.equal(output.hidden[1], torch.cat([first.hidden[1], second.hidden[1]], dim=2))
    assert tuple(output.attention.shape) == (3, 63, 4)
    assert {name: tuple(value.shape) for name, value in both.state_dict().items()} == weight_shapes(
        both.config
    )


def test_the_shapes_of_its_file_are_those_of_the_network(net: Compact) -> None:
    assert {name: tuple(value.shape) for name, value in net.state_dict().items()} == weight_shapes(
        CONFIG
    )


def test_the_runner_gives_what_the_network_gives(net: Compact) -> None:
    loaded = load_encoder(CONFIG, {name: value.numpy() for name, value in net.state_dict().items()})
    x = segments(5)
    with torch.inference_mode():
        wanted = net(x)
    encoded = EncoderRunner(loaded, max_batch=2).run(x.numpy(), attention=True, final_tokens=True)
    assert np.allclose(encoded.logits, wanted.logits.numpy(), atol=1e-5)
    assert encoded.tokens.shape == (5, 63, 32) and encoded.attention.shape == (5, 63, 2)
    half = EncoderRunner(
        load_encoder(CONFIG, dict(net.state_dict()), "bfloat16"), dtype="bfloat16"
    ).run(x.numpy())
    assert np.allclose(half.logits, wanted.logits.numpy(), atol=0.1)


def test_it_runs_in_one_thread_and_leaves_the_others_to_whoever_had_them(
    net: Compact, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    net_forward = net.forward
    monkeypatch.setattr(
        net,
        "forward",
        lambda *args, **kwargs: (
            threads.append(torch.get_num_threads()),
            net_forward(*args, **kwargs),
        )[1],
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        EncoderRunner(net).run(segments(3).numpy())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert threads == [1]
