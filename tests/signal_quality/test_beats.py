"""The beats of a window: templates, likeness, noise, agreement and prominence."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality.bands import BEATS_RATE_HZ, split_bands
from signal_quality.beats import Beats, find_beats
from tests.signals.recordings import beating


def beats_of(signal: np.ndarray, fs: float = 500.0) -> Beats:
    return find_beats(split_bands(signal.astype(np.float32), fs))


def test_the_template_is_the_mean_beat_from_240_ms_before_to_400_ms_after_r() -> None:
    signal = beating()
    beats = beats_of(signal)
    np.testing.assert_allclose(beats.peaks_s, np.arange(10) + 0.4, atol=0.02)
    assert beats.templates.shape == (12, 80)
    assert beats.likeness.shape == (12, 10)
    # R is 0.24 s after the template's start, 30 samples; the peaks are late by up to a sample.
    assert set(np.abs(beats.templates).argmax(axis=1).tolist()) <= {29, 30}
    np.testing.assert_allclose(beats.templates.mean(axis=1), 0.0, atol=1e-5)
    # The height of a beat of 1.1 mV in II, with the undershoot that the band makes.
    assert beats.height[1] == pytest.approx(1.1, rel=0.15)
    ratio = beats.height[7] / beats.height[1]
    assert ratio == pytest.approx(0.9 / 1.1, rel=0.02)


def test_beats_that_are_equal_are_alike_and_leave_no_noise() -> None:
    beats = beats_of(beating())
    # One peak is found a sample earlier than the others, which costs likeness.
    assert (beats.likeness > 0.85).all()
    assert (np.median(beats.likeness, axis=1) > 0.99).all()
    assert (beats.noise < 0.05 * beats.height).all()
    assert (beats.agreement == 1.0).all()
    assert (beats.prominence > 10).all()


def test_an_inverted_beat_is_unlike_the_others() -> None:
    signal = beating()
    signal[6, 1500:2000] *= -1
    beats = beats_of(signal)
    assert (beats.likeness[6] < -0.9).tolist() == [False] * 3 + [True] + [False] * 6
    assert (beats.likeness[5] > 0.85).all()


def test_likeness_is_the_correlation_with_the_mean_of_the_other_beats() -> None:
    rng = np.random.default_rng(0)
    signal = beating() + 0.2 * rng.normal(size=(12, 5000))
    bands = split_bands(signal.astype(np.float32), 500.0)
    beats = find_beats(bands)
    peaks = np.rint(beats.peaks_s * BEATS_RATE_HZ).astype(int)
    peaks = peaks[(peaks >= 30) & (peaks <= 1200)]
    assert beats.likeness.shape == (12, len(peaks))
    cuts = np.stack([bands.beats[:, peak - 30 : peak + 50] for peak in peaks], axis=1)
    for lead in (0, 4, 9):
        for beat in range(len(peaks)):
            others = np.delete(cuts[lead], beat, axis=0).mean(axis=0)
            expected = np.corrcoef(cuts[lead, beat], others)[0, 1]
            assert beats.likeness[lead, beat] == pytest.approx(expected, abs=1e-3)
        centred = cuts[lead] - cuts[lead].mean(axis=1, keepdims=True)
        squares = np.square(centred - centred.mean(axis=0)).sum()
        expected_noise = np.sqrt(squares / ((len(peaks) - 1) * 80))
        assert beats.noise[lead] == pytest.approx(expected_noise, rel=1e-3)


def test_a_lead_whose_beats_are_at_other_times_does_not_agree() -> None:
    signal = beating()
    signal[8] = np.roll(signal[8], 250)
    beats = beats_of(signal)
    assert beats.agreement[8] < 0.2
    assert (np.delete(beats.agreement, 8) == 1.0).all()
    assert beats.prominence[8] < 3 < np.delete(beats.prominence, 8).min()


def test_a_constant_lead_has_no_height_and_agrees_with_nothing() -> None:
    signal = beating()
    signal[3] = 0.2
    beats = beats_of(signal)
    assert beats.height[3] == pytest.approx(0.0, abs=1e-6)
    assert beats.agreement[3] == 0.0
    assert beats.prominence[3] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("signal", [np.zeros((3, 5000)), beating(1.2)[:3]])
def test_with_fewer_than_two_whole_beats_everything_is_nan(signal: np.ndarray) -> None:
    beats = beats_of(signal)
    assert beats.templates.shape == (3, 80)
    assert not beats.templates.any()
    assert beats.likeness.shape == (3, 1)
    for values in (beats.likeness, beats.noise, beats.height, beats.agreement, beats.prominence):
        assert np.isnan(values).all()


def test_beats_cut_by_the_ends_are_not_in_the_template() -> None:
    """From 0.3 s to 2.7 s: the peaks at 0.4 and 2.4 s are too close to the ends."""
    cut = beats_of(beating(4.0)[:, 150:1850])
    np.testing.assert_allclose(cut.peaks_s, [0.1, 1.1, 2.1, 3.1], atol=0.02)
    assert cut.likeness.shape == (12, 2)
