"""The numpy network computes the same as the PyTorch network, in any order and any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from intervals.delineator import network_input
from intervals.unet import Network, build_network, forward
from training.delineator.net import DelineatorNet, export


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


def beat_of(leads: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(leads, 360))


def outputs(network: Network, beat: np.ndarray) -> list[np.ndarray]:
    return [np.array(output) for output in forward(network, *network_input(beat))]


@pytest.mark.parametrize("leads", [12, 8, 3, 1])
def test_numpy_computes_what_torch_computes(leads: int) -> None:
    beat = beat_of(leads)
    if leads > 1:
        beat[1] = 0.0
    features, has_signal = network_input(beat)
    net = random_net()
    batch = torch.from_numpy(features)[None]
    alive_batch = torch.from_numpy(has_signal.astype(np.float32))[None]
    with torch.no_grad():
        expected = net(batch, alive_batch)
    actual = forward(build_network(export(net)), features, has_signal)
    for ours, of_torch in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, of_torch[0].numpy(), atol=1e-4, rtol=1e-4)


def test_earlier_passes_make_no_difference() -> None:
    network = build_network(export(random_net()))
    first = outputs(network, beat_of(8))
    kept = forward(network, *network_input(beat_of(8)))
    for leads in (8, 1, 2, 3, 4, 5, 12):  # more than there are kept workspaces
        outputs(network, beat_of(leads, seed=leads))
    for before, now, given in zip(first, outputs(network, beat_of(8)), kept, strict=True):
        np.testing.assert_array_equal(now, before)
        np.testing.assert_array_equal(given, before)  # results are not views of a workspace


def test_threads_do_not_share_workspaces() -> None:
    network = build_network(export(random_net()))
    alone = [outputs(network, beat_of(8, seed)) for seed in range(8)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda seed: outputs(network, beat_of(8, seed % 8)), range(64)))
    for number, outputs_of_thread in enumerate(together):
        for actual, expected in zip(outputs_of_thread, alone[number % 8], strict=True):
            np.testing.assert_array_equal(actual, expected)
