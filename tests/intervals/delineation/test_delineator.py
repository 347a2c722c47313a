"""The delineator's input does not depend on gain, and its output is probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.delineator import WEIGHTS_FILE, delineate, network_input


@pytest.mark.parametrize("gain", [1e-3, 0.2, 5.0, 1e4])
def test_the_input_does_not_depend_on_gain(gain: float) -> None:
    beat = np.random.default_rng(0).normal(size=(12, 360))
    np.testing.assert_allclose(network_input(beat * gain)[0], network_input(beat)[0], atol=1e-4)


def test_the_shipped_weights_are_small() -> None:
    assert WEIGHTS_FILE.stat().st_size < 1_000_000


def test_the_input_is_the_beat_over_its_peaks_and_its_velocity() -> None:
    """A triangle of 2 mV in one lead and of 1 mV in another, on offsets; the third is flat.

    Its slope is 0.5 mV a sample in the first lead. The spatial peak is the root of the mean square
    over the two living leads at the tip: sqrt((4 + 1) / 2).
    """
    at = np.arange(360)
    triangle = np.maximum(0.0, 1.0 - abs(at - 150) / 4.0)
    beat = np.stack([2.0 * triangle + 7.0, -triangle - 3.0, np.full(360, 5.0)])
    features, has_signal = network_input(beat)
    assert features.shape == (4, 3, 360) and features.dtype == np.float32
    assert has_signal.tolist() == [True, True, False]
    np.testing.assert_allclose(features[0, 0], 2.0 * triangle / 2.5**0.5, atol=1e-6)
    np.testing.assert_allclose(features[1, :, 150], [1.0, -1.0, 0.0], atol=1e-6)
    # Constant on both sides, half of it at the ends, none at the tip, where the slope changes sign.
    velocity = np.zeros(360)
    velocity[[147, 148, 149, 151, 152, 153]] = 1.0
    velocity[[146, 154]] = 0.5
    np.testing.assert_allclose(features[2], np.tile(velocity, (3, 1)), atol=1e-6)
    logarithm = np.log(velocity + 1e-3) / np.log(1000.0) + 0.5
    np.testing.assert_allclose(features[3], np.tile(logarithm, (3, 1)), atol=1e-5)


def test_a_low_lead_is_not_amplified_to_full_height() -> None:
    """A lead of 1 % of the spatial peak is taken over 2 % of it: half of the full height."""
    beat = np.zeros((2, 360))
    beat[0, 150] = 2.0**0.5
    beat[1, 150] = 0.01
    features, _ = network_input(beat)
    assert features[1, 1, 150] == pytest.approx(0.5, abs=0.001)


def test_peaks_count_within_160_ms_of_the_centre() -> None:
    """A taller peak 164 ms before the centre is clipped at three times the height."""
    beat = np.zeros((1, 360))
    beat[0, 150] = 1.0
    beat[0, 150 - 41] = 10.0
    features, _ = network_input(beat)
    assert features[1, 0, [150 - 41, 150]].tolist() == [3.0, 1.0]
    beat[0, 150 - 41], beat[0, 150 - 40] = 0.0, 10.0
    features, _ = network_input(beat)
    assert features[1, 0, [150 - 40, 150]].tolist() == pytest.approx([1.0, 0.1])


def test_probabilities_are_probabilities_also_of_nothing() -> None:
    for beat in (np.zeros((12, 360)), np.eye(12, 360)):
        delineation = delineate(beat)
        np.testing.assert_allclose(delineation.classes.sum(axis=0), 1.0, atol=1e-5)
        np.testing.assert_allclose(delineation.leads.sum(axis=-1), 1.0, atol=1e-5)
        np.testing.assert_allclose(delineation.overall.sum(axis=-1), 1.0, atol=1e-5)
        assert min(delineation.classes.min(), delineation.overall.min()) >= 0.0
        assert 0.0 <= delineation.p_present <= 1.0
