"""What the delineator reads does not depend on gain, and what it says is probabilities."""

from __future__ import annotations

import time

import numpy as np
import pytest

from intervals.delineator import WEIGHTS_FILE, delineate, network_input
from intervals.fiducials import median_time


@pytest.mark.parametrize("gain", [1e-3, 0.2, 5.0, 1e4])
def test_the_input_does_not_depend_on_gain(gain: float) -> None:
    beat = np.random.default_rng(0).normal(size=(12, 288))
    np.testing.assert_allclose(network_input(beat * gain)[0], network_input(beat)[0], atol=1e-4)


def test_what_ships_is_small_and_quick() -> None:
    assert WEIGHTS_FILE.stat().st_size < 1_000_000
    beat = np.random.default_rng(0).normal(size=(12, 288))
    took = []
    for _ in range(5):
        began = time.process_time()
        delineate(beat)
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
