"""Beats are aligned, told apart by their form, and averaged without those that differ."""

from __future__ import annotations

import numpy as np

from intervals.beats import BEAT_SAMPLES, Beats, _interquartile_mean, find_beats
from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from tests.intervals.synthetic import Made, synthetic


def beats_of(signal: np.ndarray, fs: float = 500.0) -> Beats:
    ready = condition(signal, fs)
    return find_beats(ready, r_peaks_of(ready))


def with_ectopic(signal: np.ndarray, at_s: float = 4.6) -> np.ndarray:
    """A wide beat of another form, 500 Hz, in place of what is there."""
    signal = signal.copy()
    start = round(at_s * 500)
    signal[:, start - 150 : start + 300] = 0.0
    signal[:, start : start + 90] += np.linspace(2.0, -2.0, 12)[:, None] * np.sin(
        np.linspace(0, 2 * np.pi, 90)
    )
    return signal


def test_beats_of_one_form_are_normal_and_aligned() -> None:
    beats = beats_of(synthetic() + np.random.default_rng(0).normal(0, 0.02, (12, 5000)))
    assert set(beats.classes) == {"normal"}
    assert np.abs(np.diff(beats.centre_s) - 0.85).max() < 0.002


def test_a_beat_of_another_form_is_ectopic_and_not_averaged() -> None:
    clean, disturbed = beats_of(synthetic()), beats_of(with_ectopic(synthetic()))
    assert disturbed.classes.count("ectopic") == 1
    assert clean.representative is not None and disturbed.representative is not None
    start = slice(90, 160)
    np.testing.assert_allclose(
        disturbed.representative[:, start], clean.representative[:, start], atol=0.12
    )


def test_a_beat_torn_by_noise_is_noisy() -> None:
    signal = synthetic() + np.random.default_rng(0).normal(0, 0.005, (12, 5000))
    signal[:, 2200:2500] += np.random.default_rng(1).normal(0, 3.0, (12, 300))
    assert "noisy" in beats_of(signal).classes


def test_a_beat_beside_a_gap_is_not_whole() -> None:
    signal = synthetic()
    signal[:, 2000:2200] = np.nan
    beats = beats_of(signal)
    near = np.abs(beats.centre_s - 4.2) < 0.5
    assert not beats.whole[near].any() and beats.whole.sum() >= 6


def test_the__interquartile_mean_leaves_out_the_extremes() -> None:
    values = np.array([[0.0], [1.0], [2.0], [3.0], [1000.0], [1.0], [2.0], [-1000.0]])
    assert _interquartile_mean(values)[0] == np.mean([1.0, 1.0, 2.0, 2.0])
    assert _interquartile_mean(values[:3])[0] == 1.0


def test_of_two_forms_nearly_as_frequent_the_narrower_is_measured() -> None:
    signal = synthetic()
    for at in np.arange(0.6 + 0.85, 10.0, 1.7):
        signal = with_ectopic(signal, at - 0.05) if at < 9.2 else signal
    beats = beats_of(signal)
    assert beats.classes.count("ectopic") >= 4 and beats.classes.count("normal") >= 5
    assert np.abs((beats.centre_s[beats.normal] - 0.6) % 1.7 - 0.05).max() < 0.05


def test_no_beats_give_nothing() -> None:
    beats = beats_of(np.zeros((12, 5000)))
    assert (
        beats.representative is None
        and beats.classes == ()
        and beats.windows.shape == (0, 12, BEAT_SAMPLES)
    )


def test_a_short_recording_says_what_of_the_beat_it_holds() -> None:
    beats = beats_of(synthetic(Made(rr_ms=1500.0), seconds=1.0, first_s=0.3))
    assert beats.covered[0] > 0 and beats.covered[1] < BEAT_SAMPLES
