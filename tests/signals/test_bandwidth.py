"""Where a spectrum ends is told from the recording alone: filters and former rates are seen, coarse converters are not mistaken."""

from __future__ import annotations

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt

from signals.bandwidth import ends_below_100_hz
from tests.data import SHARED, requires_shared

RECORDS = (2, 37, 74, 104, 132, 195)


@pytest.fixture(params=RECORDS)
def ludb(request: pytest.FixtureRequest) -> NDArray[np.float64]:
    path = SHARED / "ludb" / "data" / str(request.param)
    if not path.with_suffix(".hea").is_file():
        pytest.skip(f"LUDB record {request.param} is not here")
    signal: NDArray[np.float64] = (
        wfdb.rdrecord(str(path), physical=False).d_signal.T / 1000.0
    )  # the integers are microvolts
    return signal


def rounded(signal: NDArray[np.float64], step_uv: float) -> NDArray[np.float64]:
    return np.asarray(np.round(signal * 1000 / step_uv) * step_uv / 1000)


@requires_shared
def test_a_recording_of_the_full_bandwidth_has_it_at_any_converter_step(
    ludb: NDArray[np.float64],
) -> None:
    for step_uv in (1.0, 2.5, 4.88):
        assert not ends_below_100_hz(rounded(ludb, step_uv), 500.0)
    assert not ends_below_100_hz(resample_poly(ludb, 2, 1, axis=1), 1000.0)


@requires_shared
def test_a_low_pass_and_a_former_rate_of_100_hz_end_it(ludb: NDArray[np.float64]) -> None:
    filtered = sosfilt(butter(4, 40, fs=500, output="sos"), ludb, axis=1)
    former = resample_poly(resample_poly(ludb, 1, 5, axis=1), 5, 1, axis=1)
    for step_uv in (1.0, 4.88):
        assert ends_below_100_hz(rounded(filtered, step_uv), 500.0)
        assert ends_below_100_hz(rounded(former, step_uv), 500.0)


def test_noise_of_a_microvolt_is_bandwidth_and_silence_is_none() -> None:
    noise = np.random.default_rng(0).normal(0, 0.003, (12, 5000))
    assert not ends_below_100_hz(noise, 500.0)
    assert ends_below_100_hz(np.zeros((12, 5000)), 500.0)
    assert ends_below_100_hz(np.full((12, 5000), np.nan), 500.0)
    assert ends_below_100_hz(noise, 100.0)
    assert ends_below_100_hz(noise[:, :200], 500.0)
    assert ends_below_100_hz(np.zeros((0, 5000)), 500.0)


def test_gaps_are_left_out() -> None:
    noise = np.random.default_rng(0).normal(0, 0.003, (12, 5000))
    noise[:, 700:1900] = np.nan
    noise[3] = np.nan
    assert not ends_below_100_hz(noise, 500.0)
