"""Another rate by linear interpolation: np.interp's answer, ECG-FM's time axis."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.resample import resample_linear, resample_mask, resampled_length

RATES = st.one_of(
    st.sampled_from([50.0, 100.0, 128.0, 250.0, 257.0, 360.0, 400.0, 500.0, 1000.0, 2000.0]),
    st.floats(50, 2000),
)


@given(RATES, st.integers(100, 3000))
def test_each_lead_is_interpolated_as_numpy_does(fs: float, samples: int) -> None:
    signal = np.random.default_rng(samples).normal(size=(3, samples))
    length = int(samples * (500 / fs))
    expected = [
        np.interp(np.arange(length), np.linspace(0, length - 1, samples), lead) for lead in signal
    ]
    resampled = resample_linear(signal, fs, 500.0)
    assert resampled.shape == (3, length)
    if fs != 500:
        np.testing.assert_allclose(resampled, expected, atol=1e-11)
        np.testing.assert_array_equal(
            resampled[:, [0, -1]], signal[:, [0, -1]]
        )  # both ends keep their place


def test_at_the_same_rate_nothing_is_touched() -> None:
    signal = np.ones((12, 10))
    assert resample_linear(signal, 500.0, 500.0) is signal


@pytest.mark.parametrize(
    ("samples", "fs", "length"),
    [(1000, 100, 5000), (2570, 257, 5000), (2934, 400, 3667), (12400, 1000, 6200)],
)
def test_lengths_are_truncated(samples: int, fs: float, length: int) -> None:
    assert resampled_length(samples, fs, 500.0) == length


@given(RATES, st.integers(100, 1000), st.integers(0, 99))
def test_a_sample_is_missing_where_any_that_it_is_made_of_is(
    fs: float, samples: int, seed: int
) -> None:
    missing = np.random.default_rng(seed).random((2, samples)) < 0.1
    made_of_missing = np.abs(resample_linear(missing.astype(float), fs, 500.0)) > 0
    assert (resample_mask(missing, fs, 500.0) == made_of_missing).all()


def test_ten_seconds_take_about_a_millisecond() -> None:
    signal = np.random.default_rng(0).normal(size=(12, 2500))
    times = []
    for _ in range(20):
        started = time.perf_counter()
        resample_linear(signal, 250.0, 500.0)
        times.append(time.perf_counter() - started)
    assert min(times) < 2e-3
