"""Noise: each limit from both sides, and noise added to synthetic and to real recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signal_quality import Quality, assess
from signal_quality.noise import Noise, are_excellent, measure_noise, noise_findings
from signal_quality.quality import WORDS, Code, Finding
from signal_quality.windows import measure_windows
from signals.leads import LEADS
from tests.data import requires_shared
from tests.signal_quality.real import ptb_xl
from tests.signals.recordings import beating, record

SIGNAL = beating()
AT_S = np.arange(5000) / 500
V3 = LEADS.index("V3")
NAMES = ("II", "V3", "aVF")

QUIET: dict[Code, float] = {
    "baseline_wander": 0.1,
    "step": 0.0,
    "mains_hum": 0.001,
    "muscle_noise": 0.001,
    "spikes": 0.0,
    "qrs_not_visible": 20.0,
    "r_peak_disagreement": 1.0,
}
ADVICE: dict[Code, str] = {
    "baseline_wander": "The baseline of V3 wanders: clean the skin under the V3 electrode, and let"
    " the patient breathe calmly.",
    "step": "The baseline of V3 jumps: secure the V3 electrode and the cable, and keep the patient"
    " still.",
    "mains_hum": "60 Hz hum in V3: unplug devices nearby, keep cables away from mains cables, and"
    " clean the skin under the V3 electrode.",
    "muscle_noise": "Muscle noise in V3: keep the patient warm and relaxed, and move limb"
    " electrodes away from muscles.",
    "spikes": "Spikes between the beats in V3: check the plug and the V3 electrode.",
    "qrs_not_visible": "No QRS complex is visible in V3: press on or replace the V3 electrode.",
    "r_peak_disagreement": "The beats in V3 are not at the times of those in the other leads: press"
    " on or replace the V3 electrode.",
}


def noise_of(changed: dict[Code, float] | None = None, likeness: float = 0.95) -> Noise:
    """The noise of three quiet leads, except for these values of V3."""
    values = {code: np.array([value] * 3) for code, value in QUIET.items()}
    for code, value in (changed or {}).items():
        values[code][1] = value
    return Noise(values, np.array([0.95, likeness, 0.95]), np.array([50.0, 60.0, 50.0]))


def found(signal: np.ndarray, fs: float = 500.0) -> set[tuple[str, str | None]]:
    return {(one.code, one.lead) for one in assess(record(signal, fs=fs)).findings}


def with_v3(added: np.ndarray, signal: np.ndarray = SIGNAL) -> np.ndarray:
    signal = signal.copy()
    signal[V3] += added
    return signal


def measured(signal: np.ndarray, fs: float = 500.0) -> Noise:
    return measure_noise(measure_windows(signal, fs, LEADS[: len(signal)]))


def test_quiet_leads_have_no_findings() -> None:
    assert noise_findings(noise_of(), NAMES, True) == {"II": [], "V3": [], "aVF": []}


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("baseline_wander", 1.0),
        ("step", 1.0),
        ("mains_hum", 0.05),
        ("muscle_noise", 0.025),
        ("spikes", 3.0),
    ],
)
def test_noise_above_its_limit_is_a_finding_if_the_units_are_known(
    code: Code, limit: float
) -> None:
    assert noise_findings(noise_of({code: limit}), NAMES, True)["V3"] == []
    above = float(np.nextafter(limit, 2 * limit))
    findings = noise_findings(noise_of({code: above}), NAMES, True)
    assert findings["V3"] == [Finding(code, "V3", above, limit, ADVICE[code])]
    assert findings["II"] == findings["aVF"] == []
    assert noise_findings(noise_of({code: above}), NAMES, False)["V3"] == []


@pytest.mark.parametrize(
    ("code", "limit"), [("qrs_not_visible", 3.0), ("r_peak_disagreement", 0.6)]
)
@pytest.mark.parametrize("millivolt", [True, False])
def test_beats_below_their_limit_are_a_finding_in_any_units(
    code: Code, limit: float, millivolt: bool
) -> None:
    assert noise_findings(noise_of({code: limit}), NAMES, millivolt)["V3"] == []
    below = float(np.nextafter(limit, 0))
    findings = noise_findings(noise_of({code: below}), NAMES, millivolt)
    assert findings["V3"] == [Finding(code, "V3", below, limit, ADVICE[code])]
    assert findings["II"] == findings["aVF"] == []


def test_values_that_cannot_be_measured_are_no_finding() -> None:
    unknown = noise_of(dict.fromkeys(QUIET, np.nan), np.nan)
    assert noise_findings(unknown, NAMES, True)["V3"] == []
    assert are_excellent(unknown).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("likeness", "agreement", "off"),
    [(0.29, 0.59, True), (0.3, 0.59, False), (0.29, 0.6, False), (np.nan, 0.0, False)],
)
def test_a_lead_whose_beats_are_unlike_and_disagree_is_off(
    likeness: float, agreement: float, off: bool
) -> None:
    changed: dict[Code, float] = {"r_peak_disagreement": agreement, "mains_hum": 0.5}
    findings = noise_findings(noise_of(changed, likeness), NAMES, True)["V3"]
    if off:
        # Its noise is not mentioned.
        advice = "V3 shows no heartbeat: reattach the V3 electrode."
        assert findings == [Finding("lead_off", "V3", likeness, 0.3, advice)]
    else:
        expected = ["mains_hum"] + ["r_peak_disagreement"] * (agreement < 0.6)
        assert [finding.code for finding in findings] == expected


@pytest.mark.parametrize(
    ("changed", "excellent"),
    [
        ({}, True),
        ({"baseline_wander": 0.4}, True),
        ({"baseline_wander": 0.41}, False),
        ({"step": 0.41}, False),
        ({"mains_hum": 0.02}, True),
        ({"mains_hum": 0.0201}, False),
        ({"muscle_noise": 0.0101}, False),
        ({"spikes": 1.3}, False),
        ({"r_peak_disagreement": 0.9}, True),
        ({"r_peak_disagreement": 0.89}, False),
        # Prominence has no part in it.
        ({"qrs_not_visible": 3.1}, True),
    ],
)
def test_an_excellent_lead_is_within_0_4_of_every_limit_in_mv(
    changed: dict[Code, float], excellent: bool
) -> None:
    assert are_excellent(noise_of(changed)).tolist() == [True, excellent, True]


def test_a_recording_has_the_median_of_its_windows_and_the_mean_of_their_spikes() -> None:
    """Three windows; the second is loud, the third has spikes."""
    signal = np.tile(SIGNAL, 3)
    signal[V3, 5000:10_000] += 0.1 * np.sin(2 * np.pi * 50 * AT_S)
    signal[V3, 10_416::500] += 1.0
    windows = measure_windows(signal, 500.0, LEADS)
    assert len(windows) == 3
    whole = measure_noise(windows)
    alone = [measure_noise([window]) for window in windows]
    for code in QUIET:
        values = [noise.values[code] for noise in alone]
        expected = np.mean(values, axis=0) if code == "spikes" else np.median(values, axis=0)
        np.testing.assert_array_equal(whole.values[code], expected)
    assert whole.values["mains_hum"][V3] < 0.05 < alone[1].values["mains_hum"][V3]
    assert whole.values["spikes"][V3] == pytest.approx(alone[2].values["spikes"][V3] / 3)
    np.testing.assert_array_equal(
        whole.likeness, np.median([noise.likeness for noise in alone], axis=0)
    )


@pytest.mark.parametrize(("beats", "known"), [(2, False), (3, True)])
def test_with_fewer_than_three_beats_likeness_is_unknown(beats: int, known: bool) -> None:
    (window,) = measure_windows(SIGNAL, 500.0, LEADS)
    window = replace(window, beats=replace(window.beats, peaks_s=window.beats.peaks_s[:beats]))
    noise = measure_noise([window])
    for values in (
        noise.likeness,
        noise.values["qrs_not_visible"],
        noise.values["r_peak_disagreement"],
    ):
        assert np.isfinite(values).all() == known
        assert np.isnan(values).all() != known
    assert np.isfinite(noise.values["mains_hum"]).all()


@pytest.mark.parametrize("hz", [49.9, 50.0, 60.0, 60.1])
def test_mains_hum_is_found_and_its_frequency_named(hz: float) -> None:
    quality = assess(record(with_v3(0.05 * np.sin(2 * np.pi * hz * AT_S))))
    (finding,) = quality.findings
    assert (finding.code, finding.lead) == ("mains_hum", "V3")
    # Peak to peak.
    assert finding.value == pytest.approx(0.1, rel=0.15)
    assert finding.advice.startswith(f"{hz:.0f} Hz hum in V3: ")
    assert quality.leads["V3"].word == "Acceptable"


@pytest.mark.parametrize(
    ("fs", "columns"),
    [(100.0, 0), (101.6, 0), (101.7, 1), (118.0, 1), (121.6, 1), (121.7, 2), (250.0, 2)],
)
def test_hum_is_measured_if_the_rate_can_show_it(fs: float, columns: int) -> None:
    """50 Hz and 60 Hz with 0.8 Hz on either side must be below half of the rate."""
    at_s = np.arange(round(10 * fs)) / fs
    hum = [0.1 * np.cos(2 * np.pi * hz * at_s) for hz in (50.0, 60.0)]
    values = measured(np.stack(hum) + beating(10.0, fs)[:2], fs).values["mains_hum"]
    found_hums = (values > 0.1).tolist()
    assert found_hums == [columns >= 1, columns >= 2]


def test_broad_noise_is_not_hum() -> None:
    """The power next to the line is subtracted from it."""
    noise = 0.3 * np.random.default_rng(0).normal(size=(3, 5000))
    values = measured(SIGNAL[:3] + noise).values["mains_hum"]
    # Its 3.2 Hz of the mains alone would be 2 * sqrt(2 * 0.09 * 3.2 / 250), 0.1 mV.
    assert values.max() < 0.08


def test_a_wandering_baseline_is_found() -> None:
    assert found(with_v3(0.8 * np.sin(2 * np.pi * 0.25 * AT_S))) == {("baseline_wander", "V3")}
    assert found(with_v3(0.2 * np.sin(2 * np.pi * 0.25 * AT_S))) == set()
    values = measured(with_v3(0.8 * np.sin(2 * np.pi * 0.25 * AT_S))).values["baseline_wander"]
    assert values[V3] == pytest.approx(1.6, abs=0.15)


def test_muscle_noise_is_found() -> None:
    noise = np.random.default_rng(1).normal(size=5000)
    assert found(with_v3(0.06 * noise)) == {("muscle_noise", "V3")}
    assert found(with_v3(0.015 * noise)) == set()
    # White noise in 40-100 Hz without 3.2 Hz of the mains.
    values = measured(with_v3(0.06 * noise)).values["muscle_noise"]
    assert values[V3] == pytest.approx(0.06 * np.sqrt((60 - 3.2) / 250), rel=0.05)


def test_a_burst_of_muscle_noise_is_none() -> None:
    """The median tenth of a second counts."""
    noise = np.where(AT_S < 4, 0.2 * np.random.default_rng(1).normal(size=5000), 0.0)
    assert measured(with_v3(noise)).values["muscle_noise"][V3] < 0.01


@pytest.mark.parametrize("height", [2.0, -2.0])
def test_a_step_is_found_with_its_height(height: float) -> None:
    stepping = with_v3(height * (AT_S > 5.2))
    assert ("step", "V3") in found(stepping)
    steps = measured(stepping).values["step"]
    assert steps[V3] == pytest.approx(2.0, rel=0.2)
    assert (np.delete(steps, V3) < 0.1).all()


def test_a_slow_wave_or_slope_is_no_step() -> None:
    for added in (2.0 * np.sin(2 * np.pi * 0.3 * AT_S), 0.5 * AT_S):
        assert measured(with_v3(added)).values["step"][V3] == 0.0


def test_spikes_between_beats_are_found_and_pacing_before_them_is_not() -> None:
    between = np.zeros(5000)
    between[416::500] = 1.0
    before = np.zeros(5000)
    before[np.arange(10) * 500 + 170] = 1.0  # 60 ms before each R
    assert ("spikes", "V3") in found(with_v3(between))
    assert ("spikes", "V3") not in found(with_v3(before))
    assert measured(with_v3(between)).values["spikes"].tolist() == [
        10.0 if lead == "V3" else 0.0 for lead in LEADS
    ]


@pytest.mark.parametrize(("height", "count"), [(0.27, 0.0), (0.33, 4.0), (-0.33, 4.0)])
def test_a_spike_is_0_3_mv_over_the_line_between_its_neighbours(
    height: float, count: float
) -> None:
    spikes = np.zeros(5000)
    spikes[916:2900:500] = height
    noise = measured(with_v3(spikes) + np.linspace(0, 5, 5000))
    assert noise.values["spikes"][V3] == count


@pytest.mark.parametrize(
    ("after_r_ms", "counts"),
    [(-370, True), (-320, False), (0, False), (90, False), (150, True)],
)
def test_spikes_from_350_ms_before_to_120_ms_after_a_beat_do_not_count(
    after_r_ms: float, counts: bool
) -> None:
    """R is at 4.4 s. A spike also deflects the lines that end 8 ms before and after it."""
    spikes = np.zeros(5000)
    spikes[round((4.4 + after_r_ms / 1000) * 500)] = 1.0
    assert (measured(with_v3(spikes)).values["spikes"][V3] > 0) == counts


@pytest.mark.parametrize(("apart", "count"), [(3, 1.0), (50, 2.0)])
def test_deflections_close_together_are_one_spike(apart: int, count: float) -> None:
    spikes = np.zeros(5000)
    # In the middle of a stretch of 50 ms, in which spikes are counted.
    spikes[[2366, 2366 + apart]] = 1.0
    assert measured(with_v3(spikes)).values["spikes"][V3] == count


def test_below_250_hz_no_spike_is_counted() -> None:
    for fs, count in ((187.0, 0.0), (250.0, 1.0)):
        signal = beating(10.0, fs)
        signal[V3, round(3.8 * fs)] += 2.0
        assert (measured(signal, fs).values["spikes"][V3] > 0) == count


def test_a_lead_of_noise_among_good_ones_is_off() -> None:
    signal = SIGNAL.copy()
    signal[V3] = 0.3 * np.random.default_rng(2).normal(size=5000)
    quality = assess(record(signal))
    (finding,) = quality.leads["V3"].findings
    assert finding.code == "lead_off"
    assert finding.advice == "V3 shows no heartbeat: reattach the V3 electrode."
    assert quality.leads["V3"].word == "Unreadable"


@requires_shared
@pytest.mark.parametrize("hz", [50.0, 60.0])
def test_hum_over_real_recordings_is_found_in_every_lead(hz: float) -> None:
    for real in ptb_xl()[:10]:
        hum = 0.06 * np.sin(2 * np.pi * hz * AT_S)
        quality = assess(record(real.signal + hum, real.lead_names))
        hums = [finding for finding in quality.findings if finding.code == "mains_hum"]
        assert [finding.lead for finding in hums] == list(LEADS)
        assert {finding.advice[:10] for finding in hums} == {f"{hz:.0f} Hz hum "}


@requires_shared
@pytest.mark.parametrize("folder", ["raw500", "raw100"])
def test_recordings_of_a_hospital_can_be_read(folder: str) -> None:
    qualities = [assess(real) for real in ptb_xl(folder)]
    good = ("Acceptable", "Good", "Excellent")
    assert np.mean([quality.readable for quality in qualities]) >= 0.95
    assert np.mean([quality.signal_quality in good for quality in qualities]) >= 0.9
    codes = {finding.code for quality in qualities for finding in quality.findings}
    assert not codes & {"flat_line", "calibration_pulse", "saturated"}


@requires_shared
def test_noise_lowers_the_probability_of_real_recordings() -> None:
    rng = np.random.default_rng(3)
    for real in ptb_xl()[:10]:
        noise = rng.normal(size=real.signal.shape)
        noisy = assess(record(real.signal + noise, real.lead_names))
        assert probability(noisy) < 0.5 < probability(assess(real))


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
        in_mv = {"mains_hum", "muscle_noise", "baseline_wander", "step", "spikes", "saturated"}
        assert not {finding.code for finding in quality.findings} & in_mv
