"""The pass-band: an ECG's own frequencies stay as they are and others go, at every rate."""

from __future__ import annotations

import numpy as np
import pytest

from signals.band import Band, band_length, resample_in_band

BAND = Band(0.5, 34.0, 42.0)


def wave(hz: float, fs: float, seconds: float = 10.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * fs)) / fs)[np.newaxis]


def middle(signal: np.ndarray) -> np.ndarray:
    return signal[:, 200:-200]


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 257.0, 333.33, 500.0, 1000.0, 2000.0])
@pytest.mark.parametrize("hz", [2.0, 10.0, 30.0])
def test_a_wave_within_the_band_passes_at_every_rate(fs: float, hz: float) -> None:
    resampled = resample_in_band(wave(hz, fs), fs, 100.0, BAND)
    assert resampled.shape[1] == band_length(round(10 * fs), fs, 100.0)
    assert resampled.dtype == np.float32
    assert resampled.flags.c_contiguous
    expected = wave(hz, 100.0)[:, : resampled.shape[1]]
    assert np.abs(middle(resampled) - middle(expected)).max() < 0.03


@pytest.mark.parametrize("hz", [0.05, 45.0, 50.0, 60.0, 120.0])
def test_wander_and_hum_are_removed(hz: float) -> None:
    assert np.abs(middle(resample_in_band(wave(hz, 500.0), 500.0, 100.0, BAND))).max() < 0.02


def test_the_gain_is_half_at_the_lower_limit_and_falls_from_flat_to_high() -> None:
    """By the formulas: 1 / (1 + (0.5 / f)^4), and half a cosine from 34 to 42 Hz."""
    hz = np.array([0.0, 0.25, 0.5, 1.0, 20.0, 34.0, 36.0, 38.0, 40.0, 42.0, 100.0])
    quarter = 0.5 + np.sqrt(0.125)
    expected = [0, 1 / 17, 0.5, 16 / 17, 1, 1, quarter, 0.5, 1 - quarter, 0, 0]
    np.testing.assert_allclose(BAND.response(hz), expected, atol=1e-6)


@pytest.mark.parametrize(("hz", "gain"), [(0.5, 0.5), (1.0, 16 / 17), (36.0, 0.854), (38.0, 0.5)])
def test_a_wave_comes_out_with_the_gain_at_its_frequency(hz: float, gain: float) -> None:
    filtered = resample_in_band(wave(hz, 500.0, 40.0), 500.0, 100.0, BAND)
    assert np.abs(filtered[0, 1000:3000]).max() == pytest.approx(gain, abs=0.01)


@pytest.mark.parametrize("at_s", [1.0, 5.004, 9.0])
@pytest.mark.parametrize("fs", [128.0, 257.0, 500.0])
def test_nothing_moves_in_time(fs: float, at_s: float) -> None:
    """A pulse of 60 ms, which is within the band, is highest at the same time."""
    times = np.arange(round(10 * fs)) / fs
    pulse = np.exp(-0.5 * ((times - at_s) / 0.03) ** 2)[np.newaxis]
    resampled = resample_in_band(pulse, fs, 250.0, BAND)
    assert resampled.argmax() / 250.0 == pytest.approx(at_s, abs=0.0041)


def test_leads_do_not_mix() -> None:
    signal = np.concatenate([wave(5.0, 500.0), -3 * wave(8.0, 500.0), wave(12.0, 500.0)])
    together = resample_in_band(signal, 500.0, 100.0, BAND)
    alone = [resample_in_band(lead[np.newaxis], 500.0, 100.0, BAND)[0] for lead in signal]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_from_a_lower_rate_nothing_is_added() -> None:
    resampled = resample_in_band(wave(5.0, 50.0), 50.0, 100.0, BAND)
    assert resampled.shape == (1, 1000)
    assert np.abs(middle(resampled) - middle(wave(5.0, 100.0))).max() < 0.01


def test_an_offset_is_removed() -> None:
    signal = np.full((2, 1000), 3.0)
    np.testing.assert_allclose(resample_in_band(signal, 100.0, 100.0, BAND), 0.0, atol=1e-6)
    shifted = resample_in_band(wave(5.0, 500.0) + 700.0, 500.0, 100.0, BAND)
    np.testing.assert_allclose(
        shifted, resample_in_band(wave(5.0, 500.0), 500.0, 100.0, BAND), atol=1e-4
    )


@pytest.mark.parametrize("ends", [slice(-10, None), slice(0, 10)])
def test_an_end_within_a_qrs_complex_does_not_lift_the_other_end(ends: slice) -> None:
    signal = np.zeros((1, 5000))
    signal[0, ends] = 1.0
    filtered = np.abs(resample_in_band(signal, 500.0, 100.0, BAND))
    far = filtered[:, :800] if ends.start else filtered[:, 200:]
    assert far.max() < 0.05


@pytest.mark.parametrize(("samples", "length"), [(1, 0), (2, 0), (7, 1), (9, 1), (10, 2), (12, 2)])
def test_a_few_samples_are_enough(samples: int, length: int) -> None:
    resampled = resample_in_band(np.ones((12, samples)), 500.0, 100.0, BAND)
    assert resampled.shape == (12, length)
    np.testing.assert_allclose(resampled, 0.0, atol=1e-6)


def test_one_sample_at_a_low_rate_is_zero() -> None:
    assert resample_in_band(np.array([[4.0]]), 50.0, 100.0, BAND).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("samples", "fs", "length"),
    [(5000, 500.0, 1000), (5004, 500.0, 1000), (5005, 500.0, 1001), (29, 290.0, 10), (0, 500.0, 0)],
)
def test_lengths_are_truncated(samples: int, fs: float, length: int) -> None:
    assert band_length(samples, fs, 100.0) == length


def test_a_length_just_under_a_whole_number_by_rounding_counts_as_it() -> None:
    assert 644 * 100.0 / 64.4 < 1000
    assert band_length(644, 64.4, 100.0) == 1000


@pytest.mark.parametrize(
    "limits", [(0.5, 42.0, 34.0), (0.0, 34.0, 42.0), (34.0, 34.0, 42.0), (0.5, 42.0, 42.0)]
)
def test_limits_that_are_not_ascending_are_refused(limits: tuple[float, float, float]) -> None:
    low, flat, high = limits
    message = (
        f"band: low {low:g}, flat {flat:g}, high {high:g}; they must satisfy 0 < low < flat < high"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        Band(*limits)
