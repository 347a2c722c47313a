"""Linear interpolation to another rate: np.interp's result on ECG-FM's time axis."""

from __future__ import annotations

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
        # Both ends keep their places.
        np.testing.assert_array_equal(resampled[:, [0, -1]], signal[:, [0, -1]])


def test_three_samples_become_five_on_the_original_s_time_axis() -> None:
    """At 300 Hz and 500 Hz: the old samples are at 0, 2 and 4, the new ones at 0..4."""
    signal = np.array([[1.0, 3.0, -1.0], [0.0, 10.0, 0.0]])
    assert resample_linear(signal, 300.0, 500.0).tolist() == [
        [1.0, 2.0, 3.0, 1.0, -1.0],
        [0.0, 5.0, 10.0, 5.0, 0.0],
    ]
    missing = np.array([[False, True, False], [True, False, False]])
    assert resample_mask(missing, 300.0, 500.0).tolist() == [
        [False, True, True, True, False],
        [True, True, False, False, False],
    ]


def test_at_the_same_rate_the_arguments_are_returned() -> None:
    signal = np.ones((12, 10))
    missing = np.zeros((12, 10), np.bool_)
    assert resample_linear(signal, 500.0, 500.0) is signal
    assert resample_mask(missing, 500.0, 500.0) is missing
    assert resampled_length(10, 500.0, 500.0) == 10


@pytest.mark.parametrize(
    ("samples", "fs", "length"),
    [(1000, 100, 5000), (2570, 257, 5000), (2934, 400, 3667), (12400, 1000, 6200), (3, 1000, 1)],
)
def test_lengths_are_truncated(samples: int, fs: float, length: int) -> None:
    assert resampled_length(samples, fs, 500.0) == length


@pytest.mark.parametrize(("samples", "fs", "values"), [(1, 250.0, [7.0, 7.0]), (3, 1000.0, [7.0])])
def test_a_single_sample_is_repeated(samples: int, fs: float, values: list[float]) -> None:
    signal = np.arange(7.0, 7.0 + samples)[np.newaxis]
    assert resample_linear(signal, fs, 500.0).tolist() == [values]
    missing = np.array([[True] + [False] * (samples - 1)])
    assert resample_mask(missing, fs, 500.0).tolist() == [[True] * len(values)]


@given(RATES, st.integers(100, 1000), st.integers(0, 99))
def test_a_sample_is_missing_where_any_that_it_is_made_of_is(
    fs: float, samples: int, seed: int
) -> None:
    missing = np.random.default_rng(seed).random((2, samples)) < 0.1
    made_of_missing = np.abs(resample_linear(missing.astype(float), fs, 500.0)) > 0
    assert (resample_mask(missing, fs, 500.0) == made_of_missing).all()


def test_the_signal_is_not_written_to() -> None:
    signal = np.arange(10.0)[np.newaxis]
    before = signal.copy()
    resample_linear(signal, 250.0, 500.0)
    np.testing.assert_array_equal(signal, before)
