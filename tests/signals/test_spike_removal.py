"""Spikes are cut out, their decay with them, and nothing else of the recording is touched."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from signals.r_peaks import find_r_peaks
from signals.spike_removal import remove_spikes
from signals.spikes import find_pacing, find_spikes

SECONDS, RR_S, BEFORE_S = 10.0, 0.85, 0.06
GAINS = np.array([0.7, 1.0, 0.3, -0.85, 0.2, 0.65, -0.9, -1.4, -1.1, -0.6, 0.8, 0.9])


def paced(
    fs: float, height_mv: float = 1.5, decay_ms: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(without spikes, with spikes, spike times in s): wide beats, each after a spike of 2 ms that may decay."""
    rng = np.random.default_rng(0)
    times = np.arange(round(SECONDS * fs)) / fs
    beats = np.arange(0.6, SECONDS - 0.5, RR_S)
    wave = sum(
        np.exp(-0.5 * ((times - at) / 0.022) ** 2)
        - 0.4 * np.exp(-0.5 * ((times - at - 0.3) / 0.05) ** 2)
        for at in beats
    )
    plain = np.outer(GAINS, wave) + rng.normal(0, 0.004, (12, times.size))
    spiked = plain.copy()
    for at in beats - BEFORE_S:
        since = times - round(at * fs) / fs
        pulse = np.where((since >= 0) & (since < 0.0021), 1.0, 0.0)
        tail = (
            np.where(since >= 0, 0.4 * np.exp(-np.maximum(since, 0.0) * 1000 / decay_ms), 0.0)
            if decay_ms
            else 0.0
        )
        spiked += height_mv * np.outer(np.linspace(0.3, 1.2, 12), np.maximum(pulse, tail))
    return plain, spiked, beats - BEFORE_S


@pytest.mark.parametrize("fs", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize("decay_ms", [0.0, 6.0, 12.0])
def test_little_of_a_spike_and_its_decay_is_left(fs: float, decay_ms: float) -> None:
    plain, spiked, times = paced(fs, decay_ms=decay_ms)
    spikes, r_peaks = find_spikes(spiked, fs), find_r_peaks(spiked, fs)
    assert find_pacing(spikes, r_peaks).chamber == "ventricular"
    cleaned = remove_spikes(spiked, fs, spikes, r_peaks)
    near = np.abs(np.arange(plain.shape[1]) / fs - times[:, None]).min(axis=0) < 0.05
    before, after = np.abs(spiked - plain)[:, near].max(), np.abs(cleaned - plain)[:, near].max()
    assert before > 1.5
    assert after < 0.15 * before


def test_beyond_the_spikes_nothing_changes() -> None:
    _, spiked, times = paced(500.0)
    cleaned = remove_spikes(spiked, 500.0, find_spikes(spiked, 500.0), find_r_peaks(spiked, 500.0))
    since = np.arange(spiked.shape[1]) / 500.0 - times[:, None]
    far = ~((since > -0.03) & (since < 0.3)).any(axis=0)
    np.testing.assert_array_equal(cleaned[:, far], spiked[:, far])


def test_what_lies_on_a_beat_stays() -> None:
    plain, _, _ = paced(500.0)
    r_peaks = find_r_peaks(plain, 500.0)
    spikes = find_spikes(plain, 500.0)
    on_beats = type(spikes)(r_peaks, np.ones(r_peaks.size))
    np.testing.assert_array_equal(remove_spikes(plain, 500.0, on_beats, r_peaks), plain)


def test_gaps_and_the_ends_are_borne() -> None:
    _, spiked, times = paced(500.0)
    spiked[2] = np.nan
    spiked[:, 2000:2300] = np.nan
    spikes = find_spikes(spiked, 500.0)
    at_ends = type(spikes)(np.array([0.0, *times, SECONDS - 0.002]), np.ones(times.size + 2))
    cleaned = remove_spikes(spiked, 500.0, at_ends, np.zeros(0))
    assert np.isnan(cleaned[2]).all()
    np.testing.assert_array_equal(np.isnan(cleaned), np.isnan(spiked))


def test_a_lead_at_one_value_stays_at_it_to_the_last_bit() -> None:
    _, spiked, _ = paced(500.0)
    spiked[6] = -79.3
    cleaned = remove_spikes(spiked, 500.0, find_spikes(spiked, 500.0), find_r_peaks(spiked, 500.0))
    assert (cleaned[0] != spiked[0]).any()
    assert (cleaned[6] == -79.3).all()
