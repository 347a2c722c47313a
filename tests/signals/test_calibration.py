"""The calibration pulse: found by its height in all leads, at any rate, also if it is cut."""

from __future__ import annotations

import numpy as np
import pytest

from signals.calibration import find_pulse
from signals.leads import INDEPENDENT_ROWS
from tests.signals.recordings import beating, of_leads, record


def with_pulse(
    start_s: float = 10.2,
    length_s: float = 0.2,
    height_mv: float = 1.0,
    fs: float = 500.0,
    seconds: float = 11.0,
) -> np.ndarray:
    """A recording with a flat last second, and a rectangle in the eight independent leads."""
    signal = beating(seconds, fs)
    signal[:, round((seconds - 1) * fs) :] = 0.0
    start = round(start_s * fs)
    signal[list(INDEPENDENT_ROWS), start : start + round(length_s * fs)] += height_mv
    return signal


def pulse_of(signal: np.ndarray, fs: float = 500.0) -> tuple[float, float] | None:
    return find_pulse(record(signal, fs=fs))


@pytest.mark.parametrize("fs", [100.0, 250.0, 500.0, 1000.0])
def test_the_pulse_has_a_start_and_an_end_in_seconds(fs: float) -> None:
    assert pulse_of(with_pulse(fs=fs), fs) == pytest.approx((10.2, 10.4), abs=1.5 / fs)
    assert pulse_of(beating(11.0, fs), fs) is None


@pytest.mark.parametrize(
    ("height_mv", "found"),
    [(0.79, False), (0.81, True), (1.19, True), (1.21, False)],
)
def test_the_pulse_is_about_1_mv_high(height_mv: float, found: bool) -> None:
    assert (pulse_of(with_pulse(height_mv=height_mv)) is not None) is found


@pytest.mark.parametrize(
    ("length_s", "found"), [(0.036, False), (0.04, True), (0.6, True), (0.61, False)]
)
def test_the_pulse_is_40_to_600_ms_long(length_s: float, found: bool) -> None:
    pulse = pulse_of(with_pulse(10.1, length_s))
    assert (pulse is not None) is found
    if pulse:
        assert pulse[1] - pulse[0] == pytest.approx(length_s, abs=0.003)


@pytest.mark.parametrize(("start_s", "found"), [(10.38, False), (10.45, True), (10.98, False)])
def test_the_end_of_the_recording_may_cut_the_pulse(start_s: float, found: bool) -> None:
    pulse = pulse_of(with_pulse(start_s, 1.0))
    assert pulse == (pytest.approx((start_s, 11.0), abs=0.003) if found else None)


@pytest.mark.parametrize(("difference_mv", "found"), [(0.24, True), (0.26, False)])
def test_the_pulse_is_alike_in_all_leads(difference_mv: float, found: bool) -> None:
    signal = with_pulse(height_mv=0.9)
    signal[9, round(10.2 * 500) : round(10.4 * 500)] += difference_mv
    assert (pulse_of(signal) is not None) is found


def test_one_lead_without_the_pulse_is_enough_for_none() -> None:
    for row in (INDEPENDENT_ROWS[0], INDEPENDENT_ROWS[5]):
        signal = with_pulse()
        signal[row, 5000:] = 0.0
        assert pulse_of(signal) is None


@pytest.mark.parametrize(("names", "found"), [(("I", "V1", "V2"), False), (None, True)])
def test_four_independent_leads_are_needed(names: tuple[str, ...] | None, found: bool) -> None:
    names = names or ("I", "V1", "V2", "V6")
    assert (find_pulse(of_leads(with_pulse(), *names)) is not None) is found


def test_the_first_of_two_pulses_counts() -> None:
    signal = with_pulse()
    signal[list(INDEPENDENT_ROWS), 5050:5080] += 1.0
    assert pulse_of(signal) == pytest.approx((10.1, 10.16), abs=0.003)


def test_an_edge_up_without_a_fitting_edge_down_is_skipped() -> None:
    """Up at 9 s, down at 10 s: too long. The pulse after it is found."""
    signal = with_pulse()
    signal[list(INDEPENDENT_ROWS), 4500:5000] = 1.0
    signal[list(INDEPENDENT_ROWS), 4450:4500] = 0.0
    assert pulse_of(signal) == pytest.approx((10.2, 10.4), abs=0.003)


def test_a_very_short_recording_has_no_pulse() -> None:
    assert pulse_of(np.ones((12, 19))) is None


def test_without_units_there_is_no_pulse() -> None:
    assert find_pulse(record(with_pulse(), units="unknown")) is None
