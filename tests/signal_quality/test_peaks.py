"""Beats are found on all leads together, whatever a single lead does."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality.bands import split
from signal_quality.peaks import find_peaks_s
from tests.signals.recordings import beating

BEATS_S = np.arange(10) + 0.4


def peaks_of(signal: np.ndarray, fs: float = 500.0) -> np.ndarray:
    return find_peaks_s(split(signal.astype(np.float32), fs).beats)


@pytest.mark.parametrize("fs", [100.0, 250.0, 257.0, 500.0, 1000.0])
def test_every_beat_is_found_once_at_any_rate(fs: float) -> None:
    np.testing.assert_allclose(peaks_of(beating(fs=fs), fs), BEATS_S, atol=0.02)


def test_one_lead_is_enough_and_a_loud_dead_or_missing_lead_does_no_harm() -> None:
    signal = beating()
    np.testing.assert_allclose(peaks_of(signal[1:2]), BEATS_S, atol=0.02)
    signal[3], signal[4, 500:] = 0.0, np.nan
    signal[5, 2000:2500] += 50
    np.testing.assert_allclose(peaks_of(signal)[:3], BEATS_S[:3], atol=0.03)


@pytest.mark.parametrize("signal", [np.zeros((12, 5000)), np.full((1, 1000), np.nan)])
def test_where_nothing_moves_there_is_no_beat(signal: np.ndarray) -> None:
    assert peaks_of(signal).size == 0
