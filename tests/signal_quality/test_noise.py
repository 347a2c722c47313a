"""Noise that is laid over recordings is found where it is, and not where it isn't."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_quality import Quality, assess
from signal_quality.quality import WORDS
from signals.leads import LEADS, LIMB_LEADS
from tests.data import requires_shared
from tests.signal_quality.real import ptb_xl
from tests.signals.recordings import beating, record

SIGNAL = beating()
AT_S = np.arange(5000) / 500
V3 = LEADS.index("V3")


def found(signal: np.ndarray, fs: float = 500.0) -> set[tuple[str, str | None]]:
    return {(one.code, one.lead) for one in assess(record(signal, fs=fs)).findings}


def with_v3(added: np.ndarray, signal: np.ndarray = SIGNAL) -> np.ndarray:
    signal = signal.copy()
    signal[V3] += added
    return signal


@pytest.mark.parametrize("hz", [49.9, 50.0, 60.0, 60.1])
def test_mains_hum_is_found_and_its_frequency_named(hz: float) -> None:
    quality = assess(record(with_v3(0.05 * np.sin(2 * np.pi * hz * AT_S))))
    (finding,) = quality.findings
    assert (finding.code, finding.lead) == ("mains_hum", "V3")
    assert finding.value == pytest.approx(0.1, rel=0.15)  # peak to peak
    assert f"{hz:.0f} Hz" in finding.advice
    assert quality.leads["V3"].word == "Acceptable"


def test_a_wandering_baseline_is_found() -> None:
    assert found(with_v3(0.8 * np.sin(2 * np.pi * 0.25 * AT_S))) == {("baseline_wander", "V3")}
    assert found(with_v3(0.2 * np.sin(2 * np.pi * 0.25 * AT_S))) == set()


def test_muscle_noise_is_found() -> None:
    rng = np.random.default_rng(1)
    assert found(with_v3(0.06 * rng.normal(size=5000))) == {("muscle_noise", "V3")}
    assert found(with_v3(0.015 * rng.normal(size=5000))) == set()


def test_a_step_is_found() -> None:
    assert ("step", "V3") in found(with_v3(2.0 * (AT_S > 5.2)))


def test_spikes_between_beats_are_found_and_pacing_before_them_is_not() -> None:
    between, before = np.zeros(5000), np.zeros(5000)
    between[400::500] = 1.0
    before[np.arange(10) * 500 + 170] = 1.0  # 60 ms before each R
    assert ("spikes", "V3") in found(with_v3(between))
    assert ("spikes", "V3") not in found(with_v3(before))


def test_a_lead_of_noise_among_good_ones_is_off() -> None:
    signal = SIGNAL.copy()
    signal[V3] = 0.3 * np.random.default_rng(2).normal(size=5000)
    quality = assess(record(signal))
    assert [one.code for one in quality.leads["V3"].findings] == ["lead_off"]
    assert (
        quality.leads["V3"].word == "Unreadable"
        and "V3 electrode" in quality.leads["V3"].findings[0].advice
    )


@pytest.mark.parametrize("at_s", [10.3, 0.05])
def test_a_calibration_pulse_is_found_and_left_out(at_s: float) -> None:
    signal = beating(11.0)
    with_pulse = signal.copy()
    pulse = slice(round(at_s * 500), round((at_s + 0.2) * 500))
    for index, lead in enumerate(LEADS):
        baseline = 0.0
        with_pulse[index, pulse] = baseline + (
            1.0 if lead in ("I", "II") or lead not in LIMB_LEADS else 0.0
        )
    quality = assess(record(with_pulse))
    (finding,) = [one for one in quality.findings if one.code == "calibration_pulse"]
    assert finding.value == pytest.approx(at_s, abs=0.03)
    assert not [one for one in assess(record(signal)).findings if one.code == "calibration_pulse"]


@requires_shared
@pytest.mark.parametrize("hz", [50.0, 60.0])
def test_hum_over_real_recordings_is_found_in_every_lead(hz: float) -> None:
    for real in ptb_xl()[:10]:
        quality = assess(
            record(real.signal + 0.06 * np.sin(2 * np.pi * hz * AT_S), real.lead_names)
        )
        assert {one.lead for one in quality.findings if one.code == "mains_hum"} == set(LEADS)


@requires_shared
@pytest.mark.parametrize("folder", ["raw500", "raw100"])
def test_recordings_of_a_hospital_can_be_read(folder: str) -> None:
    judged = [assess(real) for real in ptb_xl(folder)]
    assert np.mean([quality.readable for quality in judged]) >= 0.95
    assert (
        np.mean(
            [quality.signal_quality in ("Acceptable", "Good", "Excellent") for quality in judged]
        )
        >= 0.9
    )
    assert not [
        one
        for quality in judged
        for one in quality.findings
        if one.code in ("flat_line", "calibration_pulse", "saturated")
    ]


@requires_shared
def test_noise_lowers_the_probability_of_real_recordings() -> None:
    rng = np.random.default_rng(3)
    for real in ptb_xl()[:10]:
        clean, noisy = (
            assess(record(real.signal + size * rng.normal(size=real.signal.shape), real.lead_names))
            for size in (0.0, 1.0)
        )
        assert probability(noisy) < 0.5 < probability(clean)


def test_ten_minutes_are_judged_in_windows() -> None:
    signal = np.tile(SIGNAL, 60)
    worst = signal.copy()
    worst[:, :5000] = np.random.default_rng(4).normal(size=(12, 5000))
    assert assess(record(signal)).readable and assess(record(worst)).readable


@requires_shared
def test_a_recording_is_judged_in_a_few_milliseconds() -> None:
    """Stated in docs/accuracy.md; the limit here is wide, for a machine that does other things too."""
    real = ptb_xl()[0]
    assess(real)
    spent = []
    for _ in range(9):
        start = time.process_time()
        assess(real)
        spent.append(time.process_time() - start)
    assert np.median(spent) < 0.025


def probability(quality: Quality) -> float:
    assert quality.probability_readable is not None
    return quality.probability_readable


@settings(max_examples=60, deadline=None)
@given(
    leads=st.lists(st.sampled_from(LEADS), min_size=1, max_size=12, unique=True),
    fs=st.sampled_from([50.0, 62.5, 100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 1000.0, 2000.0]),
    seconds=st.floats(2.0, 25.0),
    size=st.sampled_from([0.0, 1e-6, 0.01, 1.0, 300.0, 1e6]),
    missing=st.floats(0.0, 1.0),
    units=st.sampled_from(["mV", "unknown"]),
    seed=st.integers(0, 9),
)
def test_anything_is_judged(
    leads: list, fs: float, seconds: float, size: float, missing: float, units: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    signal = size * rng.normal(size=(len(leads), round(seconds * fs)))
    signal[:, :: 1 + seed] = size * (seed % 3 - 1)
    start = round(rng.uniform() * signal.shape[1])
    signal[rng.integers(len(leads)), start : start + round(missing * signal.shape[1])] = np.nan
    quality = assess(record(signal, tuple(leads), fs, units))  # type: ignore[arg-type]
    assert quality.signal_quality in WORDS
    assert quality.probability_readable is None or 0 <= quality.probability_readable <= 1
    assert all(one.value is None or np.isfinite(one.value) for one in quality.findings)
    if units == "unknown":
        assert not {one.code for one in quality.findings} & {
            "mains_hum",
            "muscle_noise",
            "baseline_wander",
            "step",
            "saturated",
        }
