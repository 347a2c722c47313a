"""The pass-band: what an ECG is made of stays as it is, the rest goes, whatever the rate."""

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
def test_what_lies_in_the_band_passes_at_every_rate(fs: float, hz: float) -> None:
    found = resample_in_band(wave(hz, fs), fs, 100.0, BAND)
    assert found.shape[1] == band_length(round(10 * fs), fs, 100.0)
    there = wave(hz, 100.0)[:, : found.shape[1]]
    assert np.abs(middle(found) - middle(there)).max() < 0.03


@pytest.mark.parametrize("hz", [0.05, 45.0, 50.0, 60.0, 120.0])
def test_wander_and_hum_go(hz: float) -> None:
    assert np.abs(middle(resample_in_band(wave(hz, 500.0), 500.0, 100.0, BAND))).max() < 0.02


def test_a_slow_source_keeps_what_it_has() -> None:
    found = resample_in_band(wave(5.0, 50.0), 50.0, 100.0, BAND)
    assert found.shape == (1, 1000)
    assert np.abs(middle(found) - middle(wave(5.0, 100.0))).max() < 0.01


def test_an_offset_is_no_signal() -> None:
    assert np.allclose(resample_in_band(np.full((2, 1000), 3.0), 100.0, 100.0, BAND), 0.0)


def test_an_end_within_a_qrs_lifts_nothing() -> None:
    signal = np.zeros((1, 5000))
    signal[0, -10:] = 1.0
    assert np.abs(resample_in_band(signal, 500.0, 100.0, BAND)[:, :800]).max() < 0.05


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_a_few_samples_are_no_fault(samples: int) -> None:
    assert np.isfinite(resample_in_band(np.ones((12, samples)), 500.0, 100.0, BAND)).all()


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="band"):
        Band(0.5, 42.0, 34.0)
