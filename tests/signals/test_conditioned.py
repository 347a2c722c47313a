"""The filtered recording: 500 Hz, no wander, smoothed, with nothing moved in time."""

from __future__ import annotations

import numpy as np
import pytest

from signals.conditioned import RATE_HZ, condition, resample_to_500_hz
from tests.signals.recordings import beating

SIGNAL = beating()
# A mean over 10 samples of a mean over 2.
TAPS = np.convolve(np.full(10, 0.1), np.full(2, 0.5))


def wave(hz: float, fs: float = 500.0, seconds: float = 20.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * fs)) / fs)[np.newaxis]


def inside(signal: np.ndarray) -> np.ndarray:
    return signal[:, 2000:-2000]


def test_the_smoothing_is_a_trapezoid_of_11_taps() -> None:
    """Two impulses of opposite sign in one block of 20 samples leave no wander to subtract."""
    signal = np.zeros((2, 1000))
    signal[0, [504, 516]] = [1.0, -1.0]
    signal[1, [100, 119]] = [-2.0, 2.0]
    expected = [np.convolve(lead, TAPS, mode="same") for lead in signal]
    np.testing.assert_allclose(condition(signal, 500.0).signal, expected, atol=1e-6)


def test_at_the_ends_the_first_and_the_last_sample_are_repeated_for_the_smoothing() -> None:
    signal = np.zeros((1, 1000))
    signal[0, [0, 1, 998, 999]] = [0.0, 3.0, 3.0, 0.0]
    signal[0, [15, 985]] = -3.0
    padded = np.pad(signal[0], 5, mode="edge")
    expected = np.convolve(padded, TAPS, mode="valid")
    np.testing.assert_allclose(condition(signal, 500.0).signal[0], expected, atol=1e-6)


@pytest.mark.parametrize(("hz", "gain"), [(0.05, 0.0), (0.1, 0.005), (5.0, 0.983), (50.0, 0.0)])
def test_wander_and_hum_are_removed_and_beats_stay(hz: float, gain: float) -> None:
    """5 Hz: sinc(5 / 50) * cos(pi * 5 / 500) of the trapezoid, 0.983."""
    filtered = inside(condition(wave(hz), 500.0).signal)
    assert np.abs(filtered).max() == pytest.approx(gain, abs=0.006)


def test_the_cutoff_is_0_6_hz() -> None:
    """At 0.6 Hz a second-order Butterworth low-pass, run in both directions, halves a wave."""
    filtered = inside(condition(wave(0.6), 500.0).signal)
    assert np.abs(filtered).max() == pytest.approx(0.5, abs=0.02)
    # No phase: the filtered wave is still in phase with the wave.
    assert np.corrcoef(filtered[0], inside(wave(0.6))[0])[0, 1] > 0.999


def test_a_slope_is_removed_from_end_to_end() -> None:
    """The ends are extended by mirroring, so a line of 1.2 mV/s becomes flat up to its ends."""
    line = np.linspace(-2.0, 5.0, 3001)[np.newaxis]
    filtered = condition(line, 500.0).signal
    assert np.abs(filtered[:, 1000:2000]).max() < 1e-3
    assert np.abs(filtered).max() < 0.02


@pytest.mark.parametrize("samples", [1, 5, 20])
def test_a_recording_of_one_block_loses_its_mean(samples: int) -> None:
    """The mean of a block of 20, which repeats the last sample if there are fewer."""
    signal = np.array([np.linspace(1.0, 2.0, samples), np.full(samples, 3.0)])
    ready = condition(signal, 500.0)
    assert ready.varying.tolist() == [samples > 1, False]
    assert ready.signal.shape == (2, samples)
    assert not ready.signal[1].any()
    if samples > 1:
        block = np.pad(signal[0], (0, 20 - samples), mode="edge")
        level = np.pad(signal[0] - block.mean(), 5, mode="edge")
        expected = np.convolve(level, TAPS, mode="valid")
        # The last sample has the mean of 10 samples that ends 4 samples after it.
        expected[-1] = level[-11:-1].mean()
        np.testing.assert_allclose(ready.signal[0], expected, atol=1e-5)


def test_a_sound_recording_has_no_missing_samples_and_only_leads_that_vary() -> None:
    ready = condition(SIGNAL, 500.0)
    assert ready.signal.shape == (12, 5000)
    assert ready.signal.dtype == np.float32
    assert ready.varying.all()
    assert ready.missing.shape == (5000,)
    assert not ready.missing.any()


def test_a_large_offset_costs_no_precision() -> None:
    signal = SIGNAL.astype(np.float64)
    shifted = condition(signal + 1e5, 500.0)
    np.testing.assert_allclose(shifted.signal, condition(signal, 500.0).signal, atol=1e-5)


def test_integers_are_read_like_floating_point_numbers() -> None:
    counts = np.round(1000 * SIGNAL).astype(np.int16)
    np.testing.assert_array_equal(
        condition(counts, 500.0).signal, condition(counts.astype(np.float64), 500.0).signal
    )


def test_constant_leads_are_zero_and_do_not_vary() -> None:
    signal = SIGNAL.copy()
    signal[3] = 0.7
    signal[8] = np.nan
    ready = condition(signal, 500.0)
    assert np.flatnonzero(~ready.varying).tolist() == [3, 8]
    assert not ready.signal[[3, 8]].any()
    # Leads without a signal have no gaps that matter.
    assert not ready.missing.any()


@pytest.mark.parametrize("fill", [np.nan, np.inf, -np.inf])
def test_a_long_gap_is_missing_and_a_short_one_is_filled(fill: float) -> None:
    signal = SIGNAL.copy()
    signal[0, 300:400] = fill
    signal[5, 1000:1101] = fill
    signal[7, 1050:1300] = fill
    ready = condition(signal, 500.0)
    assert np.flatnonzero(ready.missing).tolist() == list(range(1000, 1300))
    assert np.isfinite(ready.signal).all()
    assert ready.varying.all()


def test_a_long_gap_is_filled_with_a_line_before_the_filter() -> None:
    line = np.linspace(0.0, 4.0, 3000)[np.newaxis]
    with_gap = line.copy()
    with_gap[0, 1000:1800] = np.nan
    np.testing.assert_allclose(
        condition(with_gap, 500.0).signal, condition(line, 500.0).signal, atol=1e-5
    )


@pytest.mark.parametrize("fs", [250.0, 1000.0, 333.3])
def test_missing_samples_are_at_the_same_time_at_every_rate(fs: float) -> None:
    signal = beating(10.0, fs)
    start = round(2.0 * fs)
    stop = round(3.0 * fs)
    signal[4, start:stop] = np.nan
    missing = condition(signal, fs).missing
    places = np.flatnonzero(missing)
    assert places.size == pytest.approx(500, abs=2)
    assert places[0] / RATE_HZ == pytest.approx(start / fs, abs=0.5 / fs + 0.001)
    assert places[-1] / RATE_HZ == pytest.approx((stop - 1) / fs, abs=0.5 / fs + 0.001)


def test_an_empty_recording_is_empty() -> None:
    ready = condition(np.zeros((3, 0)), 500.0)
    assert ready.signal.shape == (3, 0)
    assert ready.varying.tolist() == [False] * 3
    assert ready.missing.shape == (0,)


@pytest.mark.parametrize(
    ("fs", "samples"),
    [(250.0, 5000), (1000.0, 5000), (360.0, 5000), (100.0, 5000), (333.3, 4999), (499.73, 4999)],
)
def test_sample_k_of_the_result_is_at_k_over_500_seconds(fs: float, samples: int) -> None:
    resampled = resample_to_500_hz(wave(7.0, fs, 10.0).astype(np.float32), fs)
    assert resampled.dtype == np.float32
    assert resampled.shape[1] == pytest.approx(samples, abs=3)
    expected = wave(7.0, 500.0)[:, : resampled.shape[1]]
    assert np.abs(inside(resampled) - inside(expected)).max() < 0.01


def test_an_odd_rate_is_interpolated_linearly_up_to_the_last_sample() -> None:
    signal = np.random.default_rng(0).normal(size=(2, 300)).astype(np.float32)
    fs = 499.7312
    times_s = np.arange(int(299 * 500 / fs) + 1) / 500
    expected = [np.interp(times_s * fs, np.arange(300), lead) for lead in signal]
    resampled = resample_to_500_hz(signal, fs)
    np.testing.assert_allclose(resampled, expected, atol=1e-6)


@pytest.mark.parametrize(("fs", "samples"), [(500.0, 7), (250.0, 1), (250.0, 0)])
def test_what_needs_no_resampling_is_returned(fs: float, samples: int) -> None:
    signal = np.ones((2, samples), np.float32)
    assert resample_to_500_hz(signal, fs) is signal
