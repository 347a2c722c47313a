"""T waves are no beats however tall they are, and smooth beats are none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from signals.leads import LEADS
from signals.r_peaks import find_r_peaks
from signals.smooth_waves import Waves, narrowness
from tests.intervals.synthetic import Made, synthetic, synthetic_at

SECONDS = 10.0


def assert_beats(signal: np.ndarray, expected_s: Sequence[float] | np.ndarray, fs: float) -> None:
    """Each of these beats is found once, and nothing else is, except at the recording's ends."""
    expected = np.asarray(expected_s)
    peaks = find_r_peaks(signal, fs)
    distance = np.abs(expected[:, None] - peaks)
    is_inner = (expected > 0.25) & (expected < SECONDS - 0.25)
    np.testing.assert_array_equal((distance[is_inner] < 0.06).sum(axis=1), 1)
    is_inner = (peaks > 0.25) & (peaks < SECONDS - 0.25)
    np.testing.assert_array_equal((distance[:, is_inner] < 0.06).sum(axis=0), 1)


def onsets(rate: float) -> np.ndarray:
    return np.arange(0.4, SECONDS, 60.0 / rate)


@pytest.mark.parametrize("leads", [["II"], ["I"], ["V2", "V5"], list(LEADS)])
@pytest.mark.parametrize("t_scale", [1.0, 3.0, 5.0, 10.0])
@pytest.mark.parametrize(
    ("rate", "qt_ms"), [(25, 500), (40, 460), (60, 400), (60, 560), (80, 380), (100, 340)]
)
def test_a_tall_t_is_no_beat(rate: float, qt_ms: float, t_scale: float, leads: list[str]) -> None:
    """T over R is 0.3, 0.9, 1.5 and 3 in lead II."""
    made = Made(rr_ms=60000 / rate, qt_ms=qt_ms, t_scale=t_scale)
    signal = synthetic_at(onsets(rate), made)[[LEADS.index(lead) for lead in leads]]
    assert_beats(signal, onsets(rate) + 0.045, 500.0)
    assert_beats(-signal, onsets(rate) + 0.045, 500.0)


@pytest.mark.parametrize("fs", [100.0, 125.0, 250.0, 360.0, 1000.0])
@pytest.mark.parametrize("t_ms", [120.0, 170.0, 240.0])
@pytest.mark.parametrize("unit", [1.0, 1e-3, 4096.0])
def test_at_any_sampling_rate_width_of_t_and_unit(fs: float, t_ms: float, unit: float) -> None:
    made = Made(rr_ms=1000.0, t_scale=6.0, t_ms=t_ms, qt_ms=420.0)
    assert_beats(unit * synthetic_at(onsets(60), made, fs), onsets(60) + 0.045, fs)


@pytest.mark.parametrize("qrs_ms", [80.0, 120.0, 160.0])
def test_a_wide_complex_has_a_taller_t(qrs_ms: float) -> None:
    """As with a pacemaker, left bundle branch block or hyperkalaemia."""
    made = Made(rr_ms=900.0, qrs_ms=qrs_ms, qt_ms=460.0, t_scale=7.0)
    assert_beats(synthetic_at(onsets(60 / 0.9), made), onsets(60 / 0.9) + qrs_ms / 2000.0, 500.0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_in_fibrillation_and_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at_s = 0.4 + np.cumsum(rng.uniform(0.6, 1.2, 14))
    signal = synthetic_at(at_s, Made(p=False, qt_ms=380.0, t_scale=6.0))
    assert_beats(signal + rng.normal(0.0, 0.03, signal.shape), at_s + 0.045, 500.0)


def ventricular(
    onsets_s: Sequence[float] | np.ndarray, width_ms: float, fs: float = 500.0
) -> np.ndarray:
    """(12, samples): wide, smooth beats of one wave, and their T waves of opposite polarity."""
    at_s = np.arange(round(SECONDS * fs)) / fs
    heights = np.linspace(2.0, -1.2, 12)[:, None]
    signal = np.zeros((12, at_s.size))
    for onset_s in onsets_s:
        middle_s = onset_s + width_ms / 2000.0
        sigma_s = width_ms / 5000.0
        signal += heights * np.exp(-0.5 * ((at_s - middle_s) / sigma_s) ** 2)
        signal -= 0.5 * heights * np.exp(-0.5 * ((at_s - middle_s - 0.28) / 0.06) ** 2)
    return signal


@pytest.mark.parametrize("width_ms", [120.0, 140.0, 160.0])
@pytest.mark.parametrize("coupling_s", [0.42, 0.5, 0.6])
@pytest.mark.parametrize("leads", [[1], [0, 7], list(range(12))])
def test_in_bigeminy_both_beats_are_found(
    width_ms: float, coupling_s: float, leads: list[int]
) -> None:
    """The ventricular beat is as smooth as a T wave, and alternates at a fixed distance."""
    normal_s = np.arange(0.5, SECONDS, 1.5)
    signal = synthetic_at(normal_s, Made(qt_ms=380.0))
    signal += ventricular(normal_s + coupling_s, width_ms)
    middles_s = normal_s + coupling_s + width_ms / 2000.0
    assert_beats(signal[leads], np.sort(np.concatenate([normal_s + 0.045, middles_s])), 500.0)


@pytest.mark.parametrize("rate", [130, 160, 190])
def test_a_ventricular_tachycardia_is_all_beats(rate: float) -> None:
    """One wide wave after the other; nothing narrower is among them."""
    at_s = np.arange(0.4, SECONDS, 60.0 / rate)
    sigma_s = 0.03
    times_s = np.arange(round(SECONDS * 500)) / 500
    shape = sum(np.exp(-0.5 * ((times_s - beat_s) / sigma_s) ** 2) for beat_s in at_s)
    peaks = find_r_peaks(np.linspace(1.5, -1.0, 12)[:, None] * shape, 500.0)
    assert 60.0 / np.median(np.diff(peaks)) == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize("leads", [[1], [1, 7], list(range(12))])
@pytest.mark.parametrize(("rate", "pr_ms"), [(40, 340), (60, 300), (75, 360), (90, 280)])
@pytest.mark.parametrize("p_height", [0.7, 1.0, 1.2])
def test_a_high_p_before_a_low_complex_is_no_beat(
    p_height: float, rate: int, pr_ms: float, leads: list[int]
) -> None:
    """P is as high as R in lead II, or nearly, and far enough before it to be a peak of its own."""
    made = Made(rr_ms=60000 / rate, qrs_ms=80.0, qt_ms=340.0, t_scale=0.5)
    signal = synthetic_at(onsets(rate), replace(made, p=False))
    p_wave = synthetic_at(onsets(rate), Made(pr_ms=pr_ms, qrs=False, t=False))
    height = np.abs(signal).max(axis=1, keepdims=True) / np.abs(p_wave).max(axis=1, keepdims=True)
    assert_beats((signal + p_height * height * p_wave)[leads], onsets(rate) + 0.04, 500.0)


@pytest.mark.parametrize("beat", [2, 5, 8])
def test_a_single_smooth_ectopic_beat_stays_a_beat(beat: int) -> None:
    normal_s = onsets(60)
    signal = synthetic_at(normal_s, Made(rr_ms=1000.0)) + ventricular([normal_s[beat] + 0.5], 150.0)
    expected = np.sort(np.append(normal_s + 0.045, normal_s[beat] + 0.575))
    assert_beats(signal, expected, 500.0)


@pytest.mark.parametrize(("sigma_ms", "expected"), [(12, 0.60), (20, 0.40), (35, 0.30), (80, 0.26)])
def test_the_narrowness_of_a_gaussian(sigma_ms: float, expected: float) -> None:
    """The rms differences of a Gaussian follow from its autocorrelation, exp(-d^2 / (4 s^2))."""
    at_ms = 4.0 * (np.arange(500) - 250)
    wave = np.exp(-0.5 * (at_ms / sigma_ms) ** 2).astype(np.float32)
    signal = np.stack([wave, -2 * wave])
    (found,) = narrowness(np.array([250]), Waves(signal, np.ones(2, np.float32)))
    assert found == pytest.approx(expected, abs=0.02)
    # The second lead is a straight line, and counts a hundred times as much.
    line = np.stack([wave, at_ms.astype(np.float32)])
    weights = np.array([0.0, 1.0], np.float32)
    assert narrowness(np.array([250]), Waves(line, weights))[0] == pytest.approx(0.25)


def test_a_peak_at_either_end_has_a_narrowness() -> None:
    signal = synthetic(Made())[:, ::2].astype(np.float32)
    waves = Waves(signal, np.ones(12, np.float32))
    assert np.isfinite(narrowness(np.array([0, 3, 2495, 2499]), waves)).all()


@pytest.mark.parametrize("nearer_s,farther_s", [(0.22, 0.42), (0.26, 0.42), (0.28, 0.43)])
def test_smooth_waves_at_two_distances_before_the_beats_are_no_p_waves(
    nearer_s: float, farther_s: float
) -> None:
    """The median of two distances lies between them, where no wave is."""
    beats_s = np.arange(1.0, 9.0)
    before_s = np.where(np.arange(beats_s.size) % 2, nearer_s, farther_s)
    t = np.arange(0, 10, 1 / 500)[:, None]
    narrow = np.exp(-0.5 * ((t - beats_s) / 0.012) ** 2).sum(axis=1)
    smooth = 1.4 * np.exp(-0.5 * ((t - beats_s + before_s) / 0.030) ** 2).sum(axis=1)
    peaks = find_r_peaks((narrow + smooth)[np.newaxis], 500.0)
    nearest = np.abs(peaks[:, None] - beats_s).min(axis=0)
    assert nearest.max() < 0.02
