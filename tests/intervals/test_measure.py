"""Measurements of synthetic ECGs with known intervals, and of signals that are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intervals.beats import BeatClass
from intervals.calibration import ByLength, Calibration
from intervals.fiducials import NAMES
from intervals.measure import INTERVALS, _why_no_morphology, measure, measure_conditioned
from intervals.measurements import NUMBERS, Measurements
from signals.conditioned import condition
from signals.leads import TwelveLeads, twelve_leads
from signals.r_peaks import r_peaks_of
from tests.intervals.made_beats import beats_at
from tests.intervals.synthetic import Made, record, synthetic, twelve

RNG_SEED = 0
# The network learned cardiologists' boundaries, where a rise becomes visible; these pulses start
# before that.
QRS_WITHIN_MS, PR_WITHIN_MS, QT_WITHIN_MS = 18.0, 20.0, 30.0


def measured(signal: np.ndarray, fs: float = 500.0, *, paced: bool = False) -> Measurements:
    return measure(twelve(signal), fs, paced=paced)


def value(measurements: float | None) -> float:
    assert measurements is not None
    return measurements


@pytest.mark.parametrize(
    "made",
    [
        Made(),
        Made(rr_ms=700.0, pr_ms=140.0, qt_ms=360.0),
        Made(rr_ms=1050.0, pr_ms=220.0, qt_ms=430.0),
        Made(qrs_ms=130.0, qt_ms=430.0),
    ],
)
def test_intervals_are_those_of_the_synthetic_ecg(made: Made) -> None:
    measurements = measured(synthetic(made))
    assert value(measurements.rr_ms) == pytest.approx(made.rr_ms, abs=1.0)
    assert value(measurements.heart_rate_bpm) == pytest.approx(60000.0 / made.rr_ms, abs=0.1)
    assert value(measurements.qrs_ms) == pytest.approx(made.qrs_ms, abs=QRS_WITHIN_MS)
    assert value(measurements.pr_ms) == pytest.approx(made.pr_ms, abs=PR_WITHIN_MS)
    assert value(measurements.qt_ms) == pytest.approx(made.qt_ms, abs=QT_WITHIN_MS)
    assert measurements.ectopic_beats == 0 and measurements.warnings == ()


def test_axes_are_those_of_the_synthetic_ecg() -> None:
    """I and II of each wave are fixed, so its axis is: atan2((2 II - I) / sqrt(3), I)."""
    measurements = measured(synthetic())
    assert value(measurements.p_axis_deg) == pytest.approx(
        np.degrees(np.arctan2((2 * 0.13 - 0.08) / 3**0.5, 0.08)), abs=8.0
    )
    assert value(measurements.t_axis_deg) == pytest.approx(
        np.degrees(np.arctan2((2 * 0.3 - 0.2) / 3**0.5, 0.2)), abs=8.0
    )
    assert value(measurements.qrs_axis_deg) == pytest.approx(
        np.degrees(np.arctan2((2 * 1.0 - 0.6) / 3**0.5, 0.6)), abs=8.0
    )


def test_corrected_qt_follows_its_formulas() -> None:
    measurements = measured(synthetic())
    qt, rr = value(measurements.qt_ms), value(measurements.rr_ms) / 1000.0
    assert value(measurements.qtc_bazett_ms) == pytest.approx(qt / rr**0.5)
    assert value(measurements.qtc_fridericia_ms) == pytest.approx(qt / rr ** (1 / 3))
    assert value(measurements.qtc_framingham_ms) == pytest.approx(qt + 154.0 * (1 - rr))
    assert value(measurements.qtc_hodges_ms) == pytest.approx(qt + 1.75 * (60 / rr - 60))


def test_without_p_waves_there_is_no_pr() -> None:
    measurements = measured(synthetic(Made(p=False)))
    assert measurements.warnings == ("pr_ms: no P waves are found",)
    check_without_p(measurements)


def test_where_paced_there_is_no_pr() -> None:
    measurements = measured(synthetic(), paced=True)
    assert measurements.warnings == ("pr_ms: pacing spikes; a PR interval has no meaning",)
    check_without_p(measurements)


def check_without_p(measurements: Measurements) -> None:
    assert (measurements.pr_ms, measurements.p_duration_ms, measurements.p_axis_deg) == (
        None,
        None,
        None,
    )
    assert set(measurements.uncertainty_ms) == {"qrs_ms", "qt_ms"}
    for beat in measurements.fiducials:
        assert (beat.p_onset, beat.p_offset) == (None, None)
        assert beat.qrs_onset is not None


def calibrated(bias_ms: dict[str, list[float]], scale: float, floor_ms: float) -> Measurements:
    """Measure a synthetic ECG with this bias of each boundary's three readings, else none."""
    by_length = ByLength((100.0,), (0.0,), (scale,), floor_ms)
    calibration = Calibration(
        np.array([bias_ms.get(name, [0.0] * 3) for name in NAMES]),
        dict.fromkeys(INTERVALS, by_length),
    )
    ready = condition(synthetic(), 500.0)
    return measure_conditioned(ready, r_peaks_of(ready), calibration=calibration)


def test_the_uncertainty_is_the_spread_of_both_ends_scaled_or_its_floor() -> None:
    plain = calibrated({}, 1.0, 0.0).uncertainty_ms
    assert set(plain) == {"pr_ms", "p_duration_ms", "qrs_ms", "qt_ms"}
    assert all(2.0 < spread_ms < 60.0 for spread_ms in plain.values())
    assert calibrated({}, 2.5, 0.0).uncertainty_ms == {
        name: pytest.approx(2.5 * spread_ms) for name, spread_ms in plain.items()
    }
    assert calibrated({}, 2.5, 70.0).uncertainty_ms == dict.fromkeys(plain, 175.0)


def test_a_reading_that_is_late_is_moved_back_by_its_bias() -> None:
    """The onset of QRS, 8 ms late, is corrected: QRS and QT become longer, and PR shorter."""
    plain = calibrated({}, 1.0, 0.0)
    moved = calibrated({"qrs_onset": [8.0, 8.0, 8.0]}, 1.0, 0.0)
    assert value(moved.qrs_ms) - value(plain.qrs_ms) == pytest.approx(8.0)
    assert value(moved.qt_ms) - value(plain.qt_ms) == pytest.approx(8.0)
    assert value(moved.pr_ms) - value(plain.pr_ms) == pytest.approx(-8.0)
    assert moved.p_duration_ms == plain.p_duration_ms


@pytest.mark.parametrize(
    ("beats", "normal", "measured"),
    [(3, 1, True), (4, 2, False), (4, 3, True), (12, 3, True), (13, 3, False), (13, 4, True)],
)
def test_beats_without_a_common_morphology_are_noise(
    beats: int, normal: int, measured: bool
) -> None:
    """From four beats on, at least three and a quarter of them must have one morphology."""
    classes: list[BeatClass] = ["normal"] * normal + ["noisy"] * (beats - normal)
    made = beats_at(np.arange(beats).tolist(), classes=classes)
    reason = _why_no_morphology(made, millivolts=False)
    assert reason == (None if measured else "the detected beats have no common morphology")


def test_fiducials_are_the_intervals_on_every_beat() -> None:
    measurements = measured(synthetic())
    assert len(measurements.fiducials) == measurements.beats
    for beat in measurements.fiducials[1:-1]:
        assert 1000 * (value(beat.qrs_offset) - value(beat.qrs_onset)) == pytest.approx(
            value(measurements.qrs_ms)
        )
        assert 1000 * (value(beat.qrs_onset) - value(beat.p_onset)) == pytest.approx(
            value(measurements.pr_ms)
        )
        assert value(beat.qrs_onset) < beat.r < value(beat.qrs_offset)
        assert min(abs(value(beat.qrs_onset) - np.arange(0.6, 10.0, 0.85))) < 0.012
    assert measurements.representative is not None and measurements.representative.data.shape == (
        12,
        360,
    )


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
    clean, measurements = measured(synthetic()), measured(signal, fs)
    assert value(measurements.qrs_ms) == pytest.approx(value(clean.qrs_ms), abs=3.0)
    assert value(measurements.pr_ms) == pytest.approx(value(clean.pr_ms), abs=3.0)
    assert value(measurements.qt_ms) == pytest.approx(value(clean.qt_ms), abs=6.0)


@pytest.mark.parametrize("seconds", [2.0, 60.0, 600.0])
def test_any_duration(seconds: float) -> None:
    signal = np.tile(synthetic(Made(rr_ms=1000.0)), 60)[:, : round(seconds * 500)]
    measurements = measured(signal)
    assert measurements.beats == round(seconds)
    assert value(measurements.rr_ms) == pytest.approx(1000.0, abs=1.0)
    assert value(measurements.qrs_ms) == pytest.approx(92.0, abs=QRS_WITHIN_MS)
    assert value(measurements.qt_ms) == pytest.approx(400.0, abs=QT_WITHIN_MS)


@pytest.mark.parametrize("rate", [130.0, 160.0, 190.0, 220.0])
def test_fast_rates(rate: float) -> None:
    """QRS is measured. P overlaps with T, and is then None rather than guessed."""
    rr = 60000.0 / rate
    measurements = measured(
        synthetic(Made(rr_ms=rr, pr_ms=0.3 * rr + 20.0, p_duration_ms=70.0, qt_ms=0.72 * rr + 20.0))
    )
    assert value(measurements.heart_rate_bpm) == pytest.approx(rate, abs=0.5)
    assert value(measurements.qrs_ms) == pytest.approx(92.0, abs=QRS_WITHIN_MS)
    assert measurements.pr_ms is None or measurements.pr_ms == pytest.approx(
        0.3 * rr + 20.0, abs=30.0
    )


def test_one_lead() -> None:
    one = twelve_leads(
        replace(record(synthetic()), signal=synthetic()[1:2].astype(np.float32), lead_names=("II",))
    )
    measurements = measure(one, 500.0)
    assert value(measurements.qrs_ms) == pytest.approx(92.0, abs=25.0)
    assert (measurements.p_axis_deg, measurements.qrs_axis_deg, measurements.t_axis_deg) == (
        None,
        None,
        None,
    )
    assert measurements.warnings == (
        "qrs_axis_deg: the axes need two limb leads; fewer are recorded",
    )


def test_three_limb_leads_that_contradict_each_other_have_no_axis() -> None:
    """`twelve_leads` gives the reason: it is reported once."""
    signal = synthetic()[:3].astype(np.float32)
    signal[1] = -signal[1]
    leads = twelve_leads(replace(record(synthetic()), signal=signal, lead_names=("I", "II", "III")))
    measurements = measure(leads, 500.0)
    assert (measurements.p_axis_deg, measurements.qrs_axis_deg, measurements.t_axis_deg) == (
        None,
        None,
        None,
    )
    assert measurements.warnings == ()
    (warning,) = leads.warnings
    assert warning.startswith("lead_names: limb leads contradict each other: I by ")
    assert "so that no axis is measured" in warning


@pytest.mark.parametrize("wrong", range(6))
def test_axes_are_measured_on_the_leads_that_agree(wrong: int) -> None:
    sound = synthetic()
    signal = sound.copy()
    signal[wrong] *= -1
    expected = measured(sound)
    measurements = measure(twelve_leads(record(signal)), 500.0)
    for axis, expected_axis in (
        (measurements.p_axis_deg, expected.p_axis_deg),
        (measurements.qrs_axis_deg, expected.qrs_axis_deg),
        (measurements.t_axis_deg, expected.t_axis_deg),
    ):
        assert value(axis) == pytest.approx(value(expected_axis), abs=3.0)


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
    measurements = measured(nothings()[name])
    assert all(getattr(measurements, field) is None for field in NUMBERS)
    assert measurements.fiducials == () and measurements.representative is None
    (warning,) = measurements.warnings
    assert warning.startswith("measurements: ") and warning.endswith("; nothing is measured")


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
    measurements = measure(TwelveLeads(signal, ~np.isnan(signal).all(axis=1)), fs)
    numbers = [getattr(measurements, name) for name in NUMBERS]
    assert all(number is None or np.isfinite(number) for number in numbers)
    assert all(0 <= beat.r <= seconds + 0.1 for beat in measurements.fiducials)


def test_a_premature_beat_is_not_given_the_others_p() -> None:
    """Its P is within the last T, at another distance from the QRS."""
    signal = synthetic(Made(rr_ms=1000.0))
    # The beat at 5.6 s comes 520 ms sooner.
    premature = np.concatenate([signal[:, :2500], signal[:, 2760:]], axis=1)
    measurements = measured(premature)
    soon = [
        beat
        for last, beat in zip(measurements.fiducials, measurements.fiducials[1:], strict=False)
        if beat.r - last.r < 0.6
    ]
    assert len(soon) == 1 and soon[0].beat_class == "normal"
    assert soon[0].p_onset is None and soon[0].qrs_onset is not None
    assert (
        sum(beat.p_onset is not None for beat in measurements.fiducials) >= measurements.beats - 2
    )
