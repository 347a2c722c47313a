"""NeuroKit2's measurements lead by lead, and their median."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.neurokit.leads import LeadsMeasured, lead_values, measure_leads
from intervals.neurokit.loading import load
from signals.leads import LEADS
from tests.intervals.synthetic import Made, synthetic, twelve


def measured(signal: np.ndarray, fs: float = 500.0) -> LeadsMeasured:
    return measure_leads(twelve(signal), fs)


@pytest.mark.parametrize("rate", [52, 75, 110])
def test_the_rate_of_its_own_simulation(rate: int) -> None:
    simulated = load().ecg_simulate(
        duration=20, sampling_rate=500, heart_rate=rate, heart_rate_std=0, random_state=1
    )
    values = lead_values(np.asarray(simulated))
    assert values["heart_rate_bpm"] == pytest.approx(rate, rel=0.02)
    assert values["beats"] == pytest.approx(rate / 3, abs=1.01)
    assert values["rmssd_ms"] < 20


@pytest.mark.parametrize("fs", [250.0, 360.0, 500.0, 1000.0])
def test_known_intervals_at_every_rate(fs: float) -> None:
    """They are off by NeuroKit2's own errors, which are the same at every sampling rate."""
    values = measured(synthetic(Made(rr_ms=900.0), fs=fs), fs).values
    assert values["rr_ms"] == pytest.approx(900.0, abs=2.0)
    assert values["heart_rate_bpm"] == pytest.approx(66.7, abs=0.2)
    assert values["qrs_ms"] == pytest.approx(110.0, abs=12.0)  # 92 ms as drawn
    assert values["qt_ms"] == pytest.approx(410.0, abs=12.0)  # 400 ms as drawn
    assert values["pr_ms"] == pytest.approx(148.0, abs=12.0)  # 160 ms as drawn
    assert values["p_duration_ms"] == pytest.approx(104.0, abs=12.0)


def test_it_is_the_median_over_the_leads() -> None:
    """Noise on three leads, whose rates are nonsense, changes nothing."""
    signal = synthetic()
    noisy = signal.copy()
    noisy[6:9] = np.random.default_rng(1).normal(0.0, 0.2, (3, signal.shape[1]))
    expected, found = measured(signal), measured(noisy)
    assert found.values["heart_rate_bpm"] == expected.values["heart_rate_bpm"]
    assert found.values["qrs_ms"] == pytest.approx(expected.values["qrs_ms"], abs=10.0)


def test_a_lead_that_it_cannot_measure_is_named_with_the_error() -> None:
    signal = synthetic()
    signal[6] = np.linspace(0.0, 1.0, signal.shape[1])
    signal[7] = np.arange(signal.shape[1]) == 2500
    found = measured(signal)
    assert found.failed == {"V1": "ZeroDivisionError", "V2": "ValueError"}
    assert found.measured == tuple(lead for lead in LEADS if lead not in ("V1", "V2"))
    assert found.values["heart_rate_bpm"] == pytest.approx(70.6, abs=0.1)


def test_without_any_beat_there_are_no_values() -> None:
    found = measured(np.tile(np.linspace(0.0, 1.0, 5000), (12, 1)))
    assert found.values == {}
    assert list(found.failed) == list(LEADS)


def test_of_a_lead_with_gaps_the_longest_part_is_measured() -> None:
    signal = synthetic(seconds=20.0)
    signal[1, 2000:2500] = np.nan
    signal[2, 9000:] = np.nan
    signal[3, 3000:3090] = np.nan  # 0.18 s are filled
    found = measured(signal)
    assert found.shortened == {"II": (5.0, 20.0), "III": (0.0, 18.0)}
    assert found.failed == {}
    assert found.values["rr_ms"] == 850.0


def test_a_missing_lead_is_not_measured() -> None:
    signal = synthetic()
    signal[6:] = np.nan
    found = measured(signal)
    assert found.measured == LEADS[:6]
    assert (found.failed, found.shortened) == ({}, {})


def test_at_most_a_minute_is_measured() -> None:
    signal = synthetic(fs=250.0, seconds=90.0)
    signal[2:] = np.nan
    found = measured(signal, 250.0)
    assert found.shortened == {"I": (0.0, 60.0), "II": (0.0, 60.0)}
    assert found.values["beats"] == 70
