"""The numpy network is the torch network, and reads what doesn't depend on gain."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from intervals.delineator import WEIGHTS_FILE, delineate, forward, network_input, shipped_weights
from intervals.fiducials import median_time
from training.delineator_net import DelineatorNet, export


def random_net() -> DelineatorNet:
    torch.manual_seed(0)
    net = DelineatorNet()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            torch.nn.init.normal_(module.running_mean, std=0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 2.0)
    return net.eval()


@pytest.mark.parametrize("leads", [12, 3, 1])
def test_numpy_computes_what_torch_computes(leads: int) -> None:
    beat = np.random.default_rng(0).normal(size=(leads, 288))
    if leads > 1:
        beat[1] = 0.0
    features, alive = network_input(beat)
    net = random_net()
    with torch.no_grad():
        expected = net(torch.from_numpy(features)[None], torch.from_numpy(alive.astype(np.float32))[None])
    for mine, theirs in zip(forward(export(net), features, alive), expected, strict=True):
        np.testing.assert_allclose(mine, theirs[0].numpy(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("gain", [1e-3, 0.2, 5.0, 1e4])
def test_the_input_does_not_depend_on_gain(gain: float) -> None:
    beat = np.random.default_rng(0).normal(size=(12, 288))
    np.testing.assert_allclose(network_input(beat * gain)[0], network_input(beat)[0], atol=1e-4)


def test_what_ships_is_small_and_quick() -> None:
    assert WEIGHTS_FILE.stat().st_size < 1_000_000
    beat, weights = np.random.default_rng(0).normal(size=(12, 288)), shipped_weights()
    took = []
    for _ in range(5):
        began = time.process_time()
        delineate(beat, weights)
        took.append(time.process_time() - began)
    assert min(took) < 0.05  # 6 ms on one core; a busy machine's caches are not the point


def test_probabilities_are_probabilities_also_of_nothing() -> None:
    for beat in (np.zeros((12, 288)), np.eye(12, 288)):
        said = delineate(beat)
        np.testing.assert_allclose(said.classes.sum(axis=0), 1.0, atol=1e-5)
        np.testing.assert_allclose(said.overall.sum(axis=-1), 1.0, atol=1e-5)
        assert 0.0 <= said.p_present <= 1.0


def test_the_median_of_a_distribution_lies_between_samples() -> None:
    places = np.arange(288)
    for at in (57.0, 57.3, 140.8):
        assert median_time(np.exp(-0.5 * ((places - at) / 2.0) ** 2)) == pytest.approx(at, abs=0.02)
