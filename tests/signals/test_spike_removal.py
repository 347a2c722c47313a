"""Spikes are removed with their decay, and nothing else of the recording changes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from signals.r_peaks import find_r_peaks
from signals.spike_removal import remove_spikes
from signals.spikes import Spikes, find_pacing, find_spikes

SECONDS, RR_S, BEFORE_S = 10.0, 0.85, 0.06
GAINS = np.array([0.7, 1.0, 0.3, -0.85, 0.2, 0.65, -0.9, -1.4, -1.1, -0.6, 0.8, 0.9])


def paced(
    fs: float, height_mv: float = 1.5, decay_ms: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return wide beats without and with a spike of 2 ms before each, and the spikes' times."""
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
    before = np.abs(spiked - plain)[:, near].max()
    after = np.abs(cleaned - plain)[:, near].max()
    assert before > 1.5
    assert after < 0.15 * before


def test_away_from_the_spikes_nothing_changes() -> None:
    _, spiked, times = paced(500.0)
    cleaned = remove_spikes(spiked, 500.0, find_spikes(spiked, 500.0), find_r_peaks(spiked, 500.0))
    since = np.arange(spiked.shape[1]) / 500.0 - times[:, None]
    far = ~((since > -0.03) & (since < 0.3)).any(axis=0)
    np.testing.assert_array_equal(cleaned[:, far], spiked[:, far])


def test_a_deflection_on_a_beat_stays() -> None:
    plain, _, _ = paced(500.0)
    r_peaks = find_r_peaks(plain, 500.0)
    on_beats = Spikes(r_peaks, np.ones(r_peaks.size))
    np.testing.assert_array_equal(remove_spikes(plain, 500.0, on_beats, r_peaks), plain)


def test_gaps_and_spikes_at_the_ends_are_accepted() -> None:
    _, spiked, times = paced(500.0)
    spiked[2] = np.nan
    spiked[:, 2000:2300] = np.nan
    at_ends = Spikes(np.array([0.0, *times, SECONDS - 0.002]), np.ones(times.size + 2))
    cleaned = remove_spikes(spiked, 500.0, at_ends, np.zeros(0))
    assert np.isnan(cleaned[2]).all()
    np.testing.assert_array_equal(np.isnan(cleaned), np.isnan(spiked))
    # The spikes at the ends stay: there is nothing to interpolate from.
    np.testing.assert_array_equal(cleaned[:, [0, -1]], spiked[:, [0, -1]])


def test_a_lead_at_one_value_stays_at_it_to_the_last_bit() -> None:
    _, spiked, _ = paced(500.0)
    spiked[6] = -79.3
    cleaned = remove_spikes(spiked, 500.0, find_spikes(spiked, 500.0), find_r_peaks(spiked, 500.0))
    assert (cleaned[0] != spiked[0]).any()
    assert (cleaned[6] == -79.3).all()


def one_spike(fs: float = 500.0) -> tuple[NDArray[np.float64], Spikes]:
    """Three leads, flat but for a spike of two samples at 1 s."""
    signal = np.zeros((3, round(2 * fs))) + np.array([[0.1], [-0.2], [0.0]])
    sample = round(fs)
    signal[:, sample] += [0.5, 1.0, 1.5]
    signal[:, sample + 1] -= [0.3, 0.6, 0.9]
    return signal, Spikes(np.array([1.0]), np.array([1.0]))


def test_a_spike_is_replaced_by_a_line_between_its_ends() -> None:
    """On a slope of 1 uV a sample, which is too flat for a decay, the line continues the slope."""
    signal, spikes = one_spike()
    slope = 0.001 * np.arange(1000)
    levels = np.array([[0.1], [-0.2], [0.0]])
    cleaned = remove_spikes(signal + slope, 500.0, spikes, np.zeros(0))
    np.testing.assert_allclose(cleaned, levels + slope, atol=1e-12)


@pytest.mark.parametrize(
    ("r_after_ms", "removed"),
    [(12.1, True), (11.9, False), (0.0, False), (-99.9, False), (-100.1, True)],
)
def test_a_spike_stays_from_12_ms_before_to_100_ms_after_an_r_peak(
    r_after_ms: float, removed: bool
) -> None:
    signal, spikes = one_spike()
    r_times_s = np.array([0.2, 1.0 + r_after_ms / 1000, 1.9])
    cleaned = remove_spikes(signal, 500.0, spikes, r_times_s)
    assert (cleaned != signal).any() == removed


def test_the_argument_is_not_written_to() -> None:
    signal, spikes = one_spike()
    before = signal.copy()
    assert (remove_spikes(signal, 500.0, spikes, np.zeros(0)) != before).any()
    np.testing.assert_array_equal(signal, before)


@pytest.mark.parametrize("constant_ms", [3.0, 8.0, 18.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_pure_decay_is_subtracted_to_its_end(constant_ms: float, sign: int) -> None:
    """Of the form that is fitted, on nothing: hardly anything may be left."""
    signal, spikes = one_spike()
    since_ms = np.maximum(np.arange(1000) - 502, 0) * 2.0
    decay = np.where(np.arange(1000) >= 502, np.exp(-since_ms / constant_ms), 0.0)
    signal += sign * np.array([[0.4], [0.8], [0.04]]) * decay
    cleaned = remove_spikes(signal, 500.0, spikes, np.zeros(0))
    # The steepest part of the decay is interpolated with the spike, up to 16 ms after it.
    np.testing.assert_allclose(cleaned[0, 512:], 0.1, atol=0.004)
    np.testing.assert_allclose(cleaned[1, 512:], -0.2, atol=0.004)
    # In the third lead the decay is lower than 0.05 mV and stays.
    np.testing.assert_array_equal(cleaned[2, 512:], signal[2, 512:])


@pytest.mark.parametrize("gap", [slice(494, 497), slice(520, 523), None])
def test_near_a_gap_the_spike_is_removed_and_the_decay_stays(gap: slice | None) -> None:
    signal, spikes = one_spike()
    decay = np.where(np.arange(1000) >= 502, np.exp(-(np.arange(1000) - 502) / 6), 0.0)
    signal += decay
    if gap is not None:
        signal[1, gap] = np.nan
    cleaned = remove_spikes(signal, 500.0, spikes, np.zeros(0))
    assert np.abs(cleaned[:, 500:502] - signal[:, 500:502]).min() > 0.1
    decay_stays = np.array_equal(cleaned[:, 530:], signal[:, 530:], equal_nan=True)
    assert decay_stays == (gap is not None)
