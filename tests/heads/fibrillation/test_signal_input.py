"""Which windows can be judged, how their gaps are filled, and what the filter leaves."""

from __future__ import annotations

import numpy as np
import pytest

from heads.fibrillation.signal_input import (
    FLAT_MV,
    WATCH_HZ,
    WINDOW_SAMPLES,
    constant_runs,
    filtered,
    whole_windows,
)
from tests.heads.fibrillation.leads import waves


def window() -> np.ndarray:
    return waves(5.0, 0.5, 4)


@pytest.mark.parametrize(("gap_s", "judged"), [(0.0, 1), (0.39, 1), (0.41, 0), (4.0, 0)])
@pytest.mark.parametrize("start", [0, 100, WINDOW_SAMPLES])
def test_nine_tenths_must_be_known(gap_s: float, judged: int, start: int) -> None:
    rows = window()
    samples = round(gap_s * WATCH_HZ)
    start = min(start, WINDOW_SAMPLES - samples)
    rows[0, start : start + samples] = np.nan
    chosen, numbers = whole_windows(rows)
    assert len(chosen) == len(numbers) == judged
    assert np.isfinite(chosen).all()


@pytest.mark.parametrize("value", [0.0, -5.12])
@pytest.mark.parametrize("fs", [125.0, 250.0, 360.0])
def test_one_value_for_a_fifth_of_a_second_is_a_gap(value: float, fs: float) -> None:
    samples = round(0.2 * fs)
    signal = np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32)
    signal[0, 50 : 50 + samples] = value
    signal[1, 50 : 50 + samples - 1] = value
    signal[2, -samples - 20 :] = value
    expected = np.zeros(signal.shape, np.bool_)
    expected[0, 50 : 50 + samples] = True
    expected[2, -samples - 20 :] = True
    assert np.array_equal(constant_runs(signal, fs), expected)


@pytest.mark.parametrize("lead", [0.0, 1.5, np.nan])
def test_a_lead_that_is_off_cannot_be_judged(lead: float) -> None:
    rows = np.full((2, WINDOW_SAMPLES), lead, np.float32)
    rows[1] += np.random.default_rng(0).normal(0, FLAT_MV / 20, WINDOW_SAMPLES)
    assert whole_windows(rows)[1].size == 0


def test_gaps_are_filled_with_a_line_and_at_the_ends_with_the_nearest_sample() -> None:
    ramp = np.linspace(0.0, 1.0, WINDOW_SAMPLES, dtype=np.float32)[np.newaxis]
    rows = ramp.copy()
    rows[0, 0:10] = rows[0, 200:220] = rows[0, -10:] = np.nan
    (filled,), _ = whole_windows(rows)
    assert filled[10:-10] == pytest.approx(ramp[0, 10:-10], abs=1e-6)
    assert (filled[:10] == ramp[0, 10]).all() and (filled[-10:] == ramp[0, -11]).all()


def test_the_windows_of_the_caller_are_not_written_to() -> None:
    rows = window()
    rows[0, 30:40] = np.nan
    before = rows.copy()
    whole_windows(rows)
    assert np.array_equal(rows, before, equal_nan=True)


@pytest.mark.parametrize(("hz", "left"), [(0.3, 0.05), (5.0, 1.0), (15.0, 1.0), (50.0, 0.0)])
def test_the_filter_leaves_what_may_be_fibrillation(hz: float, left: float) -> None:
    times_s = np.arange(WINDOW_SAMPLES) / WATCH_HZ
    rows = np.sin(2 * np.pi * hz * times_s)[np.newaxis].astype(np.float32)
    signal = filtered(rows).signal[0, 100:-100]
    assert np.ptp(signal) / 2 == pytest.approx(left, abs=0.12)
