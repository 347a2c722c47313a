"""Streams are resampled a stretch at a time, and the stretches leave no mark."""

import numpy as np
import pytest
from numpy.typing import NDArray

from signals.streams.watch_rate import WATCH_HZ, source_range, to_watch_rate


def stretch(signal: NDArray[np.float32], fs: float, first: int, stop: int) -> NDArray[np.float32]:
    start, end = source_range(fs, first, stop)
    padded = np.full((len(signal), end - start), np.nan, np.float32)
    inside = slice(max(start, 0), min(end, signal.shape[1]))
    padded[:, inside.start - start : inside.stop - start] = signal[:, inside]
    return to_watch_rate(padded, fs, first, stop)


@pytest.mark.parametrize(
    "fs", [50.0, 100.0, 125.0, 128.0, 130.0, 250.0, 257.8, 360.0, 500.0, 1000.0]
)
def test_slow_waves_keep_their_height_and_time(fs: float) -> None:
    seconds = 4
    wave = np.sin(2 * np.pi * 3.0 * np.arange(round(seconds * fs)) / fs)[None].astype(np.float32)
    result = stretch(wave, fs, WATCH_HZ, 3 * WATCH_HZ)[0]
    expected = np.sin(2 * np.pi * 3.0 * np.arange(WATCH_HZ, 3 * WATCH_HZ) / WATCH_HZ)
    # The window is wider at low rates, and lowers the wave by at most 8 %.
    assert np.abs(result - expected).max() < 0.09
    assert np.corrcoef(result, expected)[0, 1] > 0.9995


@pytest.mark.parametrize("fs", [50.0, 130.0, 257.8, 360.0, 500.0])
def test_any_stretches_give_the_same_samples(fs: float) -> None:
    signal = np.random.default_rng(0).normal(size=(2, round(6 * fs))).astype(np.float32)
    whole = stretch(signal, fs, 125, 500)
    parts = [stretch(signal, fs, a, b) for a, b in ((125, 250), (250, 375), (375, 500))]
    assert np.allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)


def test_a_constant_stays_and_a_gap_spreads_to_the_samples_that_need_it() -> None:
    signal = np.full((1, 1000), 0.7, np.float32)
    signal[0, 500] = np.nan
    result = stretch(signal, 250.0, 125, 375)[0]
    missing = np.flatnonzero(np.isnan(result)) + 125
    assert np.nanmin(result) == np.nanmax(result) == pytest.approx(0.7, abs=1e-6)
    assert 249 <= missing.min() <= missing.max() <= 251


def test_hum_is_suppressed() -> None:
    for hz, most in ((50.0, 0.13), (60.0, 0.05)):
        hum = np.sin(2 * np.pi * hz * np.arange(2000) / 500)[None].astype(np.float32)
        assert np.abs(stretch(hum, 500.0, 125, 375)).max() < most
