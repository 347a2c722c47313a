"""Whether a spectrum ends below 100 Hz, with filters, former rates and coarse converters."""

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
    record = wfdb.rdrecord(str(path), physical=False)
    # The integers are microvolts.
    return np.asarray(record.d_signal.T / 1000.0, np.float64)


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


def white_noise(sd_uv: float, fs: float = 500.0, seconds: float = 60.0) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(0, sd_uv / 1000, (12, round(seconds * fs)))


@pytest.mark.parametrize("fs", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize(("factor", "ends"), [(0.93, True), (1.07, False)])
def test_the_limit_is_0_01_square_microvolts_per_hz(fs: float, factor: float, ends: bool) -> None:
    """White noise has the density sd^2 * 2 / fs; its sd at the limit is 1.6 uV at 500 Hz."""
    noise = white_noise(factor * np.sqrt(0.01 * fs / 2), fs)
    assert ends_below_100_hz(noise, fs) is ends


@pytest.mark.parametrize(("sd_uv", "ends"), [(0.0, True), (3.5, True), (5.0, False)])
def test_rounding_to_a_coarse_step_is_no_bandwidth(sd_uv: float, ends: bool) -> None:
    """A step of 20 uV gives 20^2 / 12 * 2 / 500 = 0.133; 1.5 times that is the limit, 0.2.

    The slow wave crosses the steps at varying times, so that the rounding is like white noise.
    Further white noise of 4.1 uV would reach the limit.
    """
    times = np.arange(30_000) / 500
    slow = 2.0 * np.sin(2 * np.pi * 0.83 * times) * np.linspace(0.8, 1.2, 12)[:, np.newaxis]
    assert ends_below_100_hz(rounded(slow + white_noise(sd_uv), 20.0), 500.0) is ends


def test_a_single_step_is_rounding() -> None:
    """Around 110 Hz a step of 1 mV has 13 uV^2/Hz, less than rounding to steps of 1 mV has."""
    step = np.where(np.arange(500) < 250, 0.0, 1.0)[np.newaxis]
    assert ends_below_100_hz(step, 500.0)


@pytest.mark.parametrize(("hz", "ends"), [(80.0, True), (106.0, False), (140.0, True)])
def test_only_frequencies_around_110_hz_count(hz: float, ends: bool) -> None:
    wave = 0.002 * np.sin(2 * np.pi * hz * np.arange(5000) / 500)[np.newaxis]
    # Four of nine frequencies would not do for the median: a band of waves is needed.
    band = sum(
        np.roll(wave, shift) * np.cos(2 * np.pi * 4 * np.arange(5000) / 500 * shift / 3)
        for shift in range(3)
    )
    noise = white_noise(0.2, seconds=10.0)
    assert ends_below_100_hz(noise + 40 * band, 500.0) is ends


def test_silence_and_constants_have_no_bandwidth() -> None:
    for signal in (np.zeros((12, 5000)), np.full((12, 5000), np.nan), np.zeros((0, 5000))):
        assert ends_below_100_hz(signal, 500.0)


@pytest.mark.parametrize(
    ("fs", "samples", "ends"),
    [(500.0, 500, False), (500.0, 499, True), (236.0, 2360, False), (235.9, 2360, True)],
)
def test_a_rate_or_length_that_cannot_show_110_hz_has_none(
    fs: float, samples: int, ends: bool
) -> None:
    assert ends_below_100_hz(white_noise(20.0)[:, :samples], fs) is ends


def test_the_middle_lead_counts() -> None:
    noise = white_noise(3.0, seconds=10.0)
    assert not ends_below_100_hz(np.where(np.arange(12)[:, None] < 5, 0.01 * noise, noise), 500.0)
    assert ends_below_100_hz(np.where(np.arange(12)[:, None] < 7, 0.01 * noise, noise), 500.0)


def test_windows_with_a_gap_and_leads_without_a_signal_are_left_out() -> None:
    noise = white_noise(3.0, seconds=10.0)
    noise[:, 700:1900] = np.nan
    noise[0] = 0.25
    noise[3] = np.nan
    assert not ends_below_100_hz(noise, 500.0)
    assert ends_below_100_hz(0.3 * noise, 500.0)
