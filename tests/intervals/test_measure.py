"""Measurements on ECGs that were made with known intervals, and on everything that is none."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intervals.measure import measure
from intervals.measurements import NUMBERS, Measurements
from signals.leads import TwelveLeads, twelve_leads
from tests.intervals.synthetic import Made, record, synthetic, twelve

RNG_SEED = 0
# The network learned cardiologists' boundaries, which lie where a wave is seen to rise; the pulses here rise from nothing.
QRS_WITHIN_MS, PR_WITHIN_MS, QT_WITHIN_MS = 16.0, 20.0, 30.0


def measured(signal: np.ndarray, fs: float = 500.0, *, paced: bool = False) -> Measurements:
    return measure(twelve(signal), fs, paced=paced)


def value(found: float | None) -> float:
    assert found is not None
    return found


@pytest.mark.parametrize(
    "made",
    [
        Made(),
        Made(rr_ms=700.0, pr_ms=140.0, qt_ms=360.0),
        Made(rr_ms=1050.0, pr_ms=220.0, qt_ms=430.0),
        Made(qrs_ms=130.0, qt_ms=430.0),
    ],
)
def test_what_was_put_in_comes_out(made: Made) -> None:
    found = measured(synthetic(made))
    assert value(found.rr_ms) == pytest.approx(made.rr_ms, abs=1.0)
    assert value(found.heart_rate_bpm) == pytest.approx(60000.0 / made.rr_ms, abs=0.1)
    assert value(found.qrs_ms) == pytest.approx(made.qrs_ms, abs=QRS_WITHIN_MS)
    assert value(found.pr_ms) == pytest.approx(made.pr_ms, abs=PR_WITHIN_MS)
    assert value(found.qt_ms) == pytest.approx(made.qt_ms, abs=QT_WITHIN_MS)
    assert found.ectopic_beats == 0 and found.warnings == ()


def test_axes_are_those_that_were_put_in() -> None:
    """I and II of each wave are fixed, so its axis is: atan2((2 II - I) / sqrt(3), I)."""
    found = measured(synthetic())
    assert value(found.p_axis_deg) == pytest.approx(
        np.degrees(np.arctan2((2 * 0.13 - 0.08) / 3**0.5, 0.08)), abs=8.0
    )
    assert value(found.t_axis_deg) == pytest.approx(
        np.degrees(np.arctan2((2 * 0.3 - 0.2) / 3**0.5, 0.2)), abs=8.0
    )
    assert value(found.qrs_axis_deg) == pytest.approx(
        np.degrees(np.arctan2((2 * 1.0 - 0.6) / 3**0.5, 0.6)), abs=8.0
    )


def test_corrected_qt_follows_its_formulas() -> None:
    found = measured(synthetic())
    qt, rr = value(found.qt_ms), value(found.rr_ms) / 1000.0
    assert value(found.qtc_bazett_ms) == pytest.approx(qt / rr**0.5)
    assert value(found.qtc_fridericia_ms) == pytest.approx(qt / rr ** (1 / 3))
    assert value(found.qtc_framingham_ms) == pytest.approx(qt + 154.0 * (1 - rr))
    assert value(found.qtc_hodges_ms) == pytest.approx(qt + 1.75 * (60 / rr - 60))


def test_no_pr_without_p_waves_nor_where_paced() -> None:
    for found in (measured(synthetic(Made(p=False))), measured(synthetic(), paced=True)):
        assert found.pr_ms is None and found.p_duration_ms is None and found.p_axis_deg is None
        assert any(warning.startswith("pr_ms: ") for warning in found.warnings)
        assert found.qrs_ms is not None and "pr_ms" not in found.uncertainty_ms
        assert all(beat.p_onset is None for beat in found.fiducials)


def test_fiducials_are_the_intervals_on_every_beat() -> None:
    found = measured(synthetic())
    assert len(found.fiducials) == found.beats
    for beat in found.fiducials[1:-1]:
        assert 1000 * (value(beat.qrs_offset) - value(beat.qrs_onset)) == pytest.approx(
            value(found.qrs_ms)
        )
        assert 1000 * (value(beat.qrs_onset) - value(beat.p_onset)) == pytest.approx(
            value(found.pr_ms)
        )
        assert value(beat.qrs_onset) < beat.r < value(beat.qrs_offset)
        assert min(abs(value(beat.qrs_onset) - np.arange(0.6, 10.0, 0.85))) < 0.012
    assert found.representative is not None and found.representative.data.shape == (12, 288)


def test_uncertainties_are_those_of_the_intervals() -> None:
    uncertainties = measured(synthetic()).uncertainty_ms
    assert set(uncertainties) == {"pr_ms", "p_duration_ms", "qrs_ms", "qt_ms"}
    assert all(1.0 < width < 60.0 for width in uncertainties.values())


def disturbances() -> dict[str, tuple[np.ndarray, float]]:
    signal, at, rng = synthetic(), np.arange(5000) / 500.0, np.random.default_rng(RNG_SEED)
    dead, gone = signal.copy(), signal.copy()
    dead[8], gone[6] = 0.0, np.nan
    return {
        "a fifth": (signal * 0.2, 500.0),
        "five times": (signal * 5.0, 500.0),
        "shifted": (synthetic(first_s=0.7), 500.0),
        "250 Hz": (synthetic(fs=250.0), 250.0),
        "1000 Hz": (synthetic(fs=1000.0), 1000.0),
        "wander": (signal + 0.5 * np.sin(2 * np.pi * 0.3 * at), 500.0),
        "50 Hz": (signal + 0.05 * np.sin(2 * np.pi * 50.0 * at), 500.0),
        "60 Hz": (signal + 0.05 * np.sin(2 * np.pi * 60.0 * at), 500.0),
        "muscle": (signal + rng.normal(0.0, 0.03, signal.shape), 500.0),
        "dead lead": (dead, 500.0),
        "missing lead": (gone, 500.0),
    }


@pytest.mark.parametrize("name", disturbances())
def test_what_should_not_matter_does_not(name: str) -> None:
    signal, fs = disturbances()[name]
    clean, found = measured(synthetic()), measured(signal, fs)
    assert value(found.qrs_ms) == pytest.approx(value(clean.qrs_ms), abs=3.0)
    assert value(found.pr_ms) == pytest.approx(value(clean.pr_ms), abs=3.0)
    assert value(found.qt_ms) == pytest.approx(value(clean.qt_ms), abs=6.0)


@pytest.mark.parametrize("seconds", [2.0, 60.0, 600.0])
def test_any_duration(seconds: float) -> None:
    began = time.process_time()
    found = measured(np.tile(synthetic(Made(rr_ms=1000.0)), 60)[:, : round(seconds * 500)])
    assert time.process_time() - began < 10.0
    assert (
        value(found.rr_ms) == pytest.approx(1000.0, abs=1.0)
        and found.qrs_ms is not None
        and found.qt_ms is not None
    )


@pytest.mark.parametrize("rate", [130.0, 160.0, 190.0, 220.0])
def test_fast_rates(rate: float) -> None:
    """QRS is measured; P lies on T, and is then left out rather than guessed."""
    rr = 60000.0 / rate
    found = measured(
        synthetic(Made(rr_ms=rr, pr_ms=0.3 * rr + 20.0, p_duration_ms=70.0, qt_ms=0.72 * rr + 20.0))
    )
    assert value(found.heart_rate_bpm) == pytest.approx(rate, abs=0.5)
    assert value(found.qrs_ms) == pytest.approx(92.0, abs=QRS_WITHIN_MS)
    assert found.pr_ms is None or found.pr_ms == pytest.approx(0.3 * rr + 20.0, abs=30.0)


def test_one_lead() -> None:
    one = twelve_leads(
        replace(record(synthetic()), signal=synthetic()[1:2].astype(np.float32), lead_names=("II",))
    )
    found = measure(one, 500.0)
    assert value(found.qrs_ms) == pytest.approx(92.0, abs=25.0) and found.qrs_axis_deg is None
    assert any("the axes need leads I and aVF" in warning for warning in found.warnings)


def test_leads_that_contradict_each_other_have_no_axis() -> None:
    signal = synthetic()
    signal[1] = -signal[1]
    found = measured(signal)
    assert found.qrs_axis_deg is None and any("contradict" in warning for warning in found.warnings)


def test_one_beat_has_no_rate() -> None:
    found = measured(synthetic(Made(rr_ms=9000.0), seconds=4.0, first_s=1.5))
    assert found.beats == 1 and found.heart_rate_bpm is None and found.qtc_bazett_ms is None
    assert found.qrs_ms is not None and any(
        warning.startswith("heart_rate_bpm") for warning in found.warnings
    )


def nothings() -> dict[str, np.ndarray]:
    rng, at = np.random.default_rng(RNG_SEED), np.arange(5000) / 500.0
    return {
        "zeros": np.zeros((12, 5000)),
        "gaps": np.full((12, 5000), np.nan),
        "noise": rng.normal(size=(12, 5000)),
        "drifting noise": np.cumsum(rng.normal(size=(12, 5000)), axis=1),
        "hum": np.tile(np.sin(2 * np.pi * 50.0 * at), (12, 1)),
        "short": rng.normal(size=(12, 1)),
        "empty": np.zeros((12, 0)),
    }


@pytest.mark.parametrize("name", nothings())
def test_nothing_is_invented(name: str) -> None:
    found = measured(nothings()[name])
    assert (found.qrs_ms, found.pr_ms, found.qt_ms, found.qrs_axis_deg) == (None, None, None, None)
    assert found.warnings


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.floats(50.0, 2000.0), st.floats(0.5, 12.0), st.floats(0.0, 1.0)
)
def test_nothing_raises(seed: int, fs: float, seconds: float, gappy: float) -> None:
    rng = np.random.default_rng(seed)
    signal = synthetic(Made(rr_ms=float(rng.uniform(250, 3000))), fs, seconds) * rng.choice(
        [0.0, 1.0, 100.0], (12, 1)
    )
    signal += rng.normal(size=signal.shape) * rng.choice([0.0, 0.05, 2.0])
    signal[rng.random(12) < gappy * 0.5] = np.nan
    start = int(rng.integers(0, max(1, signal.shape[1])))
    signal[:, start : start + int(gappy * fs)] = np.nan
    found = measure(TwelveLeads(signal, ~np.isnan(signal).all(axis=1)), fs)
    numbers = [getattr(found, name) for name in NUMBERS]
    assert all(number is None or np.isfinite(number) for number in numbers)
    assert all(0 <= beat.r <= seconds + 0.1 for beat in found.fiducials)


def test_a_premature_beat_is_not_given_the_others_p() -> None:
    """Its P lies in the last T, at another distance."""
    signal = synthetic(Made(rr_ms=1000.0))
    premature = np.concatenate(
        [signal[:, :2500], signal[:, 2760:]], axis=1
    )  # the beat at 5.6 s comes 520 ms sooner
    found = measured(premature)
    soon = [
        beat
        for last, beat in zip(found.fiducials, found.fiducials[1:], strict=False)
        if beat.r - last.r < 0.6
    ]
    assert len(soon) == 1 and soon[0].beat_class == "normal"
    assert soon[0].p_onset is None and soon[0].qrs_onset is not None
    assert sum(beat.p_onset is not None for beat in found.fiducials) >= found.beats - 2


def test_where_t_would_end_after_the_next_p_neither_is_measured() -> None:
    from intervals.boundaries import _drop_fused

    apart, fused, reasons = (
        np.array([-160.0, -60.0, -40.0, 50.0, 360.0]),
        np.array([-160.0, -60.0, -40.0, 50.0, 360.0]),
        list[str](),
    )
    _drop_fused(apart, 521.0, reasons)
    assert np.isfinite(apart).all() and not reasons
    _drop_fused(fused, 519.0, reasons)
    assert np.isnan(fused[[0, 1, 4]]).all() and np.isfinite(fused[2:4]).all()
    assert "runs into the next P wave" in reasons[0]
