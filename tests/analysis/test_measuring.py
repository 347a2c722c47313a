"""Measurements in the form of the answer: of a synthetic sinus rhythm, and of nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.measuring import measure_record
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord, Patient


def _drawn(fs: float = 500.0, rate: float = 75.0) -> EcgRecord:
    times = np.arange(int(10 * fs)) / fs
    phase = times % (60 / rate)
    bumps = (
        (0.12, 0.10, 0.022),
        (-0.12, 0.25, 0.008),
        (1.2, 0.28, 0.011),
        (-0.25, 0.31, 0.009),
        (0.3, 0.52, 0.045),
    )
    wave = sum(height * np.exp(-0.5 * ((phase - at) / width) ** 2) for height, at, width in bumps)
    gains = np.array([0.7, 1.0, 0.3, -0.85, 0.2, 0.65, -0.4, 0.5, 0.9, 1.2, 1.1, 0.9])
    noise = np.random.default_rng(0).normal(0, 0.005, (12, times.size))
    return EcgRecord(
        (np.outer(gains, wave) + noise).astype(np.float32), fs, LEADS, patient=Patient(60, "male")
    )


def test_a_drawn_sinus_rhythm_is_measured() -> None:
    record = _drawn()
    found = measure_record(record, twelve_leads(record))
    assert found.number("heart_rate_bpm") is not None
    assert abs((found.number("heart_rate_bpm") or 0) - 75) < 1
    assert found.rhythm is not None
    assert found.fiducials is not None
    assert len(found.fiducials) >= 10
    assert found.representative_beat is not None
    assert np.shape(found.representative_beat["data"])[0] == 12
    assert found.axis_deviation == "Normal"


def test_a_fast_rate_is_flagged_with_its_source() -> None:
    record = _drawn(rate=120.0)
    found = measure_record(record, twelve_leads(record))
    assert found.measurements is not None
    flagged = {flag["name"]: flag for flag in found.measurements["flags"]}
    assert "doi" in flagged["heart_rate_bpm"]["source"]


def test_nothing_is_measured_on_nothing() -> None:
    flat = replace(_drawn(), signal=np.zeros((12, 5000), np.float32))
    found = measure_record(flat, twelve_leads(flat))
    assert found.number("heart_rate_bpm") is None
    assert found.fiducials is None
    assert found.representative_beat is None
    assert found.warnings
