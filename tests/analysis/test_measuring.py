"""Measurements as parts of the answer: of a synthetic sinus rhythm, and of a flat signal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.measuring import measure_record
from intervals.rhythm import Rhythm
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord, Patient
from tests.intervals.synthetic import Made, synthetic


def synthetic_sinus_rhythm(fs: float = 500.0, rate: float = 75.0) -> EcgRecord:
    """Return 10 s of 12 leads whose beats are sums of Gaussian waves."""
    times = np.arange(int(10 * fs)) / fs
    phase = times % (60 / rate)
    # Height in mV, time from the beat's start and width in seconds: P, Q, R, S, T.
    waves = (
        (0.12, 0.10, 0.022),
        (-0.12, 0.25, 0.008),
        (1.2, 0.28, 0.011),
        (-0.25, 0.31, 0.009),
        (0.3, 0.52, 0.045),
    )
    beats = sum(height * np.exp(-0.5 * ((phase - at) / width) ** 2) for height, at, width in waves)
    gains = np.array([0.7, 1.0, 0.3, -0.85, 0.2, 0.65, -0.4, 0.5, 0.9, 1.2, 1.1, 0.9])
    noise = np.random.default_rng(0).normal(0, 0.005, (12, times.size))
    return EcgRecord(
        (np.outer(gains, beats) + noise).astype(np.float32), fs, LEADS, patient=Patient(60, "male")
    )


def test_a_synthetic_sinus_rhythm_is_measured() -> None:
    record = synthetic_sinus_rhythm()
    measured = measure_record(record, twelve_leads(record))
    assert measured.number("heart_rate_bpm") is not None
    assert abs((measured.number("heart_rate_bpm") or 0) - 75) < 1
    assert measured.rhythm is not None
    assert measured.fiducials is not None
    assert len(measured.fiducials) >= 10
    assert measured.representative_beat is not None
    assert np.shape(measured.representative_beat["data"])[0] == 12
    assert measured.axis_deviation == "Normal"


def test_a_fast_rate_is_flagged_with_its_source() -> None:
    record = synthetic_sinus_rhythm(rate=120.0)
    measured = measure_record(record, twelve_leads(record))
    assert measured.measurements is not None
    flagged = {flag["name"]: flag for flag in measured.measurements["flags"]}
    assert "doi" in flagged["heart_rate_bpm"]["source"]


@pytest.mark.parametrize(
    ("age", "names"),
    [
        (
            40.0,
            {
                "heart_rate_bpm", "pr_ms", "p_duration_ms", "qrs_ms", "qrs_axis_deg",
                "qtc_bazett_ms", "qtc_fridericia_ms", "qtc_framingham_ms", "qtc_hodges_ms",
            },
        ),
        (8.0, {"qrs_ms", "qrs_axis_deg"}),
    ],
)  # fmt: skip
def test_every_measurement_with_a_published_range_has_it(age: float, names: set[str]) -> None:
    record = replace(synthetic_sinus_rhythm(), patient=Patient(age, "male"))
    measured = measure_record(record, twelve_leads(record))
    assert measured.measurements is not None
    ranges = measured.measurements["reference_ranges"]
    assert set(ranges) == names
    assert ranges["qrs_ms"]["high"] == (110 if age > 16 else 99.9)
    assert all("doi" in each["source"] or "J Electro" in each["source"] for each in ranges.values())


def test_nothing_is_measured_on_a_flat_signal() -> None:
    flat = replace(synthetic_sinus_rhythm(), signal=np.zeros((12, 5000), np.float32))
    measured = measure_record(flat, twelve_leads(flat))
    assert measured.number("heart_rate_bpm") is None
    assert measured.fiducials is None
    assert measured.representative_beat is None
    assert measured.warnings


def synthetic_record(fs: float) -> EcgRecord:
    """20 s at 75 per minute."""
    signal = synthetic(Made(rr_ms=800.0), fs, seconds=20.0)
    return EcgRecord(signal.astype(np.float32), fs, LEADS)


def sent_as(record: EcgRecord, fs: float, age: float | None) -> EcgRecord:
    return replace(record, fs=fs, patient=Patient(age, None))


@pytest.mark.parametrize("age", [None, 17.0, 60.0])
def test_an_adults_unusual_rate_that_another_sampling_rate_explains_is_doubted(
    age: float | None,
) -> None:
    record = sent_as(synthetic_record(1000.0), 500.0, age)
    measured = measure_record(record, twelve_leads(record))
    assert measured.rate_warning is not None
    assert measured.rate_warning.startswith("fs: 37 per minute at 500 Hz; at 1000 Hz the same ")
    assert measured.rate_warning.endswith("check fs")
    child = replace(record, patient=Patient(8.0, None))
    assert measure_record(child, twelve_leads(child)).rate_warning is None


@pytest.mark.parametrize("fs", [100.0, 250.0, 500.0, 1000.0])
def test_the_true_sampling_rate_is_not_doubted(fs: float) -> None:
    record = synthetic_record(fs)
    measured = measure_record(record, twelve_leads(record))
    assert (measured.unmeasured, measured.rate_warning) == (None, None)


@pytest.mark.parametrize(("fs", "stated"), [(100.0, 500.0), (100.0, 1000.0)])
def test_without_beats_the_rate_with_beats_is_named(fs: float, stated: float) -> None:
    record = sent_as(synthetic_record(fs), stated, None)
    measured = measure_record(record, twelve_leads(record))
    assert measured.unmeasured is not None and measured.rhythm == Rhythm("Undetermined")
    assert measured.rate_warning is not None
    assert measured.rate_warning.startswith(f"fs: the beats do not fit {stated:g} Hz, at which ")
    assert f"they fit {fs:g} Hz: QRS " in measured.rate_warning
