"""The frequency bands of a window: amplitudes, times, gaps and power."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality.bands import Bands, is_mains, split_bands
from tests.signals.recordings import beating


def split_wave(hz: float, amplitude: float = 1.0, fs: float = 500.0) -> Bands:
    """The bands of two leads of a wave over 10 s, the second one twice as high and inverted.

    A cosine has about the same level at both ends, so the line through them is flat.
    """
    wave = amplitude * np.cos(2 * np.pi * hz * np.arange(round(10 * fs)) / fs)
    return split_bands(np.stack([wave, -2 * wave]).astype(np.float32), fs)


def amplitudes(band: np.ndarray) -> np.ndarray:
    middle = band[:, band.shape[1] // 4 : -(band.shape[1] // 4)]
    return np.sqrt(2) * middle.std(axis=1)


@pytest.mark.parametrize(
    ("hz", "baseline", "beats", "muscle"),
    [
        (0.4, 1.0, 0.0, 0.0),
        (0.6, 1.0, 0.0, 0.0),
        (0.8, 0.0, 1.0, 0.0),
        (10.0, 0.0, 1.0, 0.0),
        (39.0, 0.0, 1.0, 0.0),
        (41.0, 0.0, 0.0, 1.0),
        (50.0, 0.0, 0.0, 0.0),
        (50.7, 0.0, 0.0, 0.0),
        (51.0, 0.0, 0.0, 1.0),
        (60.0, 0.0, 0.0, 0.0),
        (99.0, 0.0, 0.0, 1.0),
        (101.0, 0.0, 0.0, 0.0),
    ],
)
def test_each_frequency_is_in_one_band(
    hz: float, baseline: float, beats: float, muscle: float
) -> None:
    bands = split_wave(hz)
    lengths = [band.shape[1] for band in (bands.raw, bands.baseline, bands.beats, bands.muscle)]
    assert lengths == [5000, 100, 1250, 2500]
    for band, expected in (
        (bands.baseline, baseline),
        (bands.beats, beats),
        (bands.muscle, muscle),
    ):
        np.testing.assert_allclose(amplitudes(band), [expected, 2 * expected], atol=0.05)


@pytest.mark.parametrize(
    ("fs", "tolerance"),
    # At 257 Hz the band's rate is 125.03 Hz, so that it has a whole number of samples: after 8 s
    # it is 2 ms late, a tenth of an amplitude at 7 Hz.
    [(100.0, 0.03), (128.0, 0.03), (250.0, 0.03), (257.0, 0.11), (1000.0, 0.03)],
)
def test_a_band_is_in_time_at_every_rate(fs: float, tolerance: float) -> None:
    bands = split_wave(7.0, fs=fs)
    times = np.arange(bands.beats.shape[1]) / 125.0
    expected = np.cos(2 * np.pi * 7.0 * times)
    assert bands.beats.shape == (2, 1250)
    np.testing.assert_allclose(bands.beats[0, 100:-100], expected[100:-100], atol=tolerance)


def test_at_a_low_rate_there_is_no_muscle_band() -> None:
    bands = split_bands(beating(10.0, 80.0), 80.0)
    assert bands.muscle.shape == (12, 2500)
    np.testing.assert_allclose(bands.muscle, 0.0, atol=1e-7)


def test_the_line_through_the_ends_is_in_the_baseline() -> None:
    line = np.linspace(3.0, -5.0, 5000)[np.newaxis].astype(np.float32)
    bands = split_bands(line, 500.0)
    np.testing.assert_allclose(bands.baseline[0], np.linspace(3.0, -5.0, 100), atol=0.02)
    np.testing.assert_allclose(bands.beats, 0.0, atol=0.02)


def test_the_sum_of_the_power_is_the_variance() -> None:
    rng = np.random.default_rng(0)
    signal = (np.array([[0.5], [2.0]]) * rng.normal(size=(2, 5000))).astype(np.float32)
    # The line through the ends, which is subtracted first, is zero.
    signal[:, :20] = signal[:, -20:] = 0.0
    bands = split_bands(signal, 500.0)
    np.testing.assert_allclose(bands.power.sum(axis=1), signal.var(axis=1), rtol=0.01)
    wave = split_wave(13.0, 3.0)
    assert wave.hz[wave.power.argmax(axis=1)].tolist() == pytest.approx([13.0, 13.0])
    near = (wave.hz > 12.5) & (wave.hz < 13.5)
    np.testing.assert_allclose(wave.power[:, near].sum(axis=1), [4.5, 18.0], rtol=0.01)


def test_gaps_are_filled_with_lines_and_counted() -> None:
    signal = np.tile(np.linspace(0.0, 1.0, 1000), (3, 1)).astype(np.float32)
    whole = signal.copy()
    signal[0, 300:700] = np.nan
    signal[2] = np.nan
    bands = split_bands(signal, 100.0)
    assert bands.missing.tolist() == [0.4, 0.0, 1.0]
    np.testing.assert_allclose(bands.raw[:2], whole[:2], atol=1e-6)
    assert not bands.raw[2].any()
    assert bands.seconds == 10.0


def test_absurd_values_are_clipped_to_10_v() -> None:
    signal = np.zeros((2, 1000), np.float32)
    signal[0, 500] = 3e4
    signal[1, 500] = -3e4
    bands = split_bands(signal, 100.0)
    assert bands.raw[:, 500].tolist() == [1e4, -1e4]
    assert bands.missing.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("seconds", [0.02, 0.2, 2.0])
def test_short_windows_have_at_least_8_samples_in_each_band(seconds: float) -> None:
    bands = split_bands(beating(seconds, 500.0), 500.0)
    assert bands.baseline.shape[1] == max(round(10 * seconds), 8)
    assert bands.beats.shape[1] == max(round(125 * seconds), 8)
    assert np.isfinite(bands.baseline).all()


def test_the_mains_are_50_and_60_hz_with_0_8_hz_on_either_side() -> None:
    hz = np.array([0.0, 49.1, 49.2, 50.8, 50.9, 55.0, 59.1, 59.2, 60.0, 60.8, 60.9, 100.0])
    expected = [hz_ in (49.2, 50.8, 59.2, 60.0, 60.8) for hz_ in hz]
    assert is_mains(np.round(hz, 6)).tolist() == expected
