"""Peaks are found on all leads together, whatever a single lead does."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality.bands import split_bands
from signal_quality.peaks import find_peaks_s
from tests.signals.recordings import beating

BEATS_S = np.arange(10) + 0.4


def peaks_of(signal: np.ndarray, fs: float = 500.0) -> np.ndarray:
    return find_peaks_s(split_bands(signal.astype(np.float32), fs).beats)


@pytest.mark.parametrize("fs", [100.0, 250.0, 257.0, 500.0, 1000.0])
def test_every_beat_is_found_once_at_any_rate(fs: float) -> None:
    np.testing.assert_allclose(peaks_of(beating(fs=fs), fs), BEATS_S, atol=0.02)


def test_one_lead_is_enough() -> None:
    np.testing.assert_allclose(peaks_of(beating()[1:2]), BEATS_S, atol=0.02)


def test_a_dead_missing_or_loud_lead_does_no_harm() -> None:
    signal = beating()
    signal[3] = 0.0
    signal[4, 500:] = np.nan
    signal[5, 2000:2500] += 50
    peaks = peaks_of(signal)
    # Every beat is found; the artefact's edges at 4 s and 5 s ring, and may give further peaks.
    distances = np.abs(peaks - BEATS_S[:, np.newaxis]).min(axis=1)
    assert distances.max() < 0.03
    further = peaks[np.abs(peaks[:, np.newaxis] - BEATS_S).min(axis=1) > 0.03]
    assert np.abs(further[:, np.newaxis] - [4.0, 5.0]).min(axis=1).max(initial=0.0) < 0.3


@pytest.mark.parametrize("signal", [np.zeros((12, 5000)), np.full((1, 1000), np.nan)])
def test_a_signal_that_does_not_move_has_no_peak(signal: np.ndarray) -> None:
    assert peaks_of(signal).tolist() == []


def triangles(heights: dict[int, float], samples: int = 1250) -> np.ndarray:
    """One lead at 125 Hz with a triangle of 80 ms at each sample."""
    lead = np.zeros(samples)
    for sample, height in heights.items():
        lead += height * np.clip(1 - np.abs(np.arange(samples) - sample) / 5, 0, None)
    return lead[np.newaxis].astype(np.float32)


@pytest.mark.parametrize(
    ("distance", "height", "found"),
    [
        # A T wave comes within 45 samples (360 ms) and is lower than 0.6 of the beat.
        (40, 0.55, False),
        (40, 0.65, True),
        (50, 0.55, True),
        # Two beats are 31 samples (248 ms) apart; the higher one counts.
        (25, 0.9, False),
        # Under 0.35 of the median peak nothing counts.
        (62, 0.3, False),
        (62, 0.4, True),
    ],
)
def test_lower_peaks_count_only_if_late_and_high_enough(
    distance: int, height: float, found: bool
) -> None:
    beats = {60 + 125 * number: 1.0 for number in range(9)}
    extra = 60 + 125 * 4 + distance
    peaks = find_peaks_s(triangles(beats | {extra: height})) * 125
    expected = sorted([*beats, extra] if found else beats)
    assert peaks.size == len(expected)
    np.testing.assert_allclose(peaks, expected, atol=4)


def test_a_block_with_an_artefact_does_not_hide_the_beats() -> None:
    """The first limit is a share of the median of blocks of 3 s, not of the maximum."""
    beats = {60 + 125 * number: 1.0 for number in range(9)}
    peaks = find_peaks_s(triangles(beats | {60: 6.0})) * 125
    np.testing.assert_allclose(peaks, sorted(beats), atol=4)


@pytest.mark.parametrize("samples", [1, 2, 9, 10])
def test_very_short_signals_have_no_peak_or_one(samples: int) -> None:
    signal = np.linspace(0, 1, samples)[np.newaxis]
    assert find_peaks_s(signal).size <= 1
    assert find_peaks_s(signal[:, :9]).size == 0
