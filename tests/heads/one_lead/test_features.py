"""The numbers about rhythm and beats."""

from __future__ import annotations

import numpy as np
import pytest

from heads.one_lead import beats, intervals, spectrum
from heads.one_lead.features import NUMBERS, lead_features
from heads.one_lead.signal_input import lead_input
from signals.r_peaks import find_r_peaks
from tests.intervals.synthetic import Made, synthetic_at

# Places in `interval_features`.
LONGEST_GAP = 5
SD = 7
LARGE_STEPS = 28
STEP_ENTROPY = 29
EARLIEST = 38
PREMATURE = 43


def of_intervals(rr: list[float] | np.ndarray) -> list[float]:
    times = np.cumsum(np.concatenate([[0.4], rr]))
    return intervals.interval_features(times, float(times[-1]) + 0.4)


def regular() -> np.ndarray:
    return np.full(30, 0.8)


def irregular() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.45, 1.1, 30)


def extrasystoles() -> np.ndarray:
    rr = regular()
    rr[5::10] = 0.5
    rr[6::10] = 1.1
    return rr


def test_a_regular_rhythm_has_no_spread() -> None:
    numbers = of_intervals(regular())
    assert numbers[1] == pytest.approx(np.log(0.8))
    assert numbers[2:5] == pytest.approx([0.8, 0.8, 0.8])
    assert numbers[SD] == pytest.approx(0.0, abs=1e-9)
    assert numbers[LARGE_STEPS] == 0.0
    assert numbers[PREMATURE] == 0.0


def test_fibrillation_has_more_spread_than_extrasystoles() -> None:
    calm, wild = of_intervals(extrasystoles()), of_intervals(irregular())
    for place in (SD, LARGE_STEPS, STEP_ENTROPY):
        assert wild[place] > calm[place]
    assert wild[-1] > calm[-1]  # the entropy


def test_premature_beats_with_their_pauses_are_counted() -> None:
    numbers = of_intervals(extrasystoles())
    assert numbers[PREMATURE] == pytest.approx(3 / 29)
    # 0.5 s between an interval of 0.8 s and one of 1.1 s.
    assert numbers[EARLIEST] == pytest.approx(2 * 0.5 / 1.9)


@pytest.mark.parametrize("pause_s", [2.0, 3.5, 6.0])
def test_a_pause_is_the_longest_gap(pause_s: float) -> None:
    rr = regular()
    rr[12] = pause_s
    assert of_intervals(rr)[LONGEST_GAP] == pytest.approx(pause_s)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_with_too_few_beats_there_is_only_the_rate(count: int) -> None:
    times = np.arange(count, dtype=np.float64) + 0.5
    numbers = intervals.interval_features(times, 10.0)
    assert numbers[0] == count / 10
    assert numbers[1:] == [0.0] * (intervals.NUMBERS - 1)
    noise = np.random.default_rng(0).normal(0, 0.3, 1000).astype(np.float32)
    assert beats.beat_features(noise, times) == [0.0] * beats.NUMBERS


@pytest.mark.parametrize("seconds", [9.0, 30.0, 61.0])
@pytest.mark.parametrize("rate", [30, 75, 200])
def test_all_are_finite(seconds: float, rate: int) -> None:
    onsets = np.arange(0.4, seconds, 60 / rate)
    signal = synthetic_at(onsets, Made(qt_ms=260.0), seconds=seconds)[1:2]
    ready = lead_input(signal[0], 500.0)
    assert ready is not None
    numbers = lead_features(ready, find_r_peaks(signal, 500.0))
    assert numbers.shape == (NUMBERS,)
    assert np.isfinite(numbers).all()


def test_a_beat_of_another_shape_is_seen() -> None:
    def numbers(ectopic: bool) -> list[float]:
        times = np.arange(0.6, 29.0, 0.8)
        signal = synthetic_at(times, seconds=30.0)[1]
        if ectopic:
            wide = synthetic_at(times[5::10], Made(qrs_ms=170.0), seconds=30.0)[1]
            usual = synthetic_at(times[5::10], seconds=30.0)[1]
            signal = signal - usual - 1.5 * wide
        ready = lead_input(signal, 500.0)
        assert ready is not None
        return beats.beat_features(ready, times + 0.04)

    share_unlike = 2 * beats.BINS + 3
    assert numbers(False)[share_unlike] == 0.0
    assert numbers(True)[share_unlike] == pytest.approx(0.11, abs=0.03)


@pytest.mark.parametrize("hz", [1.0, 5.5, 12.0, 24.0])
def test_the_power_is_in_the_band_of_a_sine(hz: float) -> None:
    powers = spectrum.band_powers(np.sin(2 * np.pi * hz * np.arange(3000) / 100))
    low, high = spectrum.BANDS[int(powers.argmax())]
    assert low <= hz < high
    assert powers.max() > 0.99 * powers.sum()
