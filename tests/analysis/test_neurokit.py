"""The parts that NeuroKit2 gives: `measurements` by its methods, and heart rate variability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.answer import analysis_answer
from analysis.neurokit.lead_measurements import LUDB_BIAS_MS
from analysis.prepare import prepare
from heads.cache import HeadCache
from signals.record import EcgRecord, Patient
from tests.analysis.deployments import LEADS, NOTHING, asked
from tests.house.tree import ROOT
from tests.intervals.synthetic import Made, synthetic, synthetic_at

NULL = ("p_axis_deg", "qrs_axis_deg", "t_axis_deg", "ectopic_beats")


def analysis(signal: np.ndarray, fs: float = 500.0, **options: Any) -> dict[str, Any]:
    """Analyse a recording without an encoder. `patient` belongs to the recording."""
    patient = options.pop("patient", Patient())
    record = EcgRecord(np.asarray(signal, np.float32), fs, LEADS, patient=patient)
    prepared = prepare(record, asked(NOTHING, **options), NOTHING, max_seconds=2000)
    head_of = HeadCache(ROOT / "no heads").head
    return dict(analysis_answer(prepared, {}, NOTHING, None, head_of))


def by_neurokit(signal: np.ndarray, **options: Any) -> dict[str, Any]:
    given = {"include": "measurements", "measurements_method": "neurokit2", **options}
    return analysis(signal, **given)


def says(answer: dict[str, Any], *texts: str) -> bool:
    return any(all(text in warning for text in texts) for warning in answer["warnings"])


def warned_fields(answer: dict[str, Any]) -> list[str]:
    return [warning.partition(": ")[0] for warning in answer["warnings"]]


def test_the_default_is_the_servers_own() -> None:
    answer = analysis(synthetic(), include="measurements")
    assert answer["measurements"]["method"] == "delineator"
    assert answer["measurements"]["qrs_axis_deg"] is not None
    assert not says(answer, "NeuroKit2")


@pytest.mark.parametrize("rr_ms", [600.0, 850.0, 1100.0])
def test_the_same_fields_by_neurokit(rr_ms: float) -> None:
    made = Made(rr_ms=rr_ms, qt_ms=360.0)
    own = analysis(synthetic(made), include="measurements")["measurements"]
    answer = by_neurokit(synthetic(made))
    measured = answer["measurements"]
    assert list(measured) == list(own)
    assert measured["method"] == "neurokit2"
    assert measured["heart_rate_bpm"] == pytest.approx(60_000 / rr_ms, abs=0.2)
    assert measured["rr_ms"] == pytest.approx(rr_ms, abs=2.0)
    assert measured["qrs_ms"] == pytest.approx(110.0, abs=15.0)  # 92 ms as drawn
    assert measured["beats"] == own["beats"]
    qt_ms, rr_s = measured["qt_ms"], measured["rr_ms"] / 1000
    assert measured["qtc_bazett_ms"] == pytest.approx(qt_ms / rr_s**0.5, abs=0.2)
    assert [measured[name] for name in NULL] == [None] * 4
    assert measured["uncertainty_ms"] == dict.fromkeys(
        ("pr_ms", "p_duration_ms", "qrs_ms", "qt_ms")
    )
    # What is null has the reason, and there is no other doubt.
    assert warned_fields(answer) == [
        "measurements", "qrs_axis_deg", "uncertainty_ms", "ectopic_beats", "flags",
        *["model"],
    ]  # fmt: skip


def test_its_errors_are_those_of_the_accuracy_page() -> None:
    page = (ROOT / "docs" / "accuracy.md").read_text()
    for name, bias_ms in LUDB_BIAS_MS.items():
        (line,) = [
            line
            for line in page.splitlines()
            if line.startswith(f"| dwt | 12, median | {name.lower()}_ms ")
        ]
        assert float(line.split("|")[7]) == pytest.approx(bias_ms, abs=0.5)
    answer = by_neurokit(synthetic())
    assert says(answer, "measurements: by NeuroKit2 0.", "QRS +53 ms, PR -45 ms, QT +7 ms")


def test_every_other_part_is_the_servers_own() -> None:
    include = "measurements,clinical_analysis,fiducials,pacemaker,representative_beat"
    own = analysis(synthetic(), include=include)
    other = by_neurokit(synthetic(), include=include)
    assert other["measurements"] != own["measurements"]
    for part in ("clinical_analysis", "fiducials", "pacemaker", "representative_beat"):
        assert str(other[part]) == str(own[part])


def test_flags_are_of_the_heart_rate_only() -> None:
    adult = {"patient": Patient(age_years=50.0, sex="male")}
    fast = by_neurokit(synthetic(Made(rr_ms=500.0, qt_ms=300.0, pr_ms=130.0)), **adult)
    assert [flag["name"] for flag in fast["measurements"]["flags"]] == ["heart_rate_bpm"]
    usual = by_neurokit(synthetic(), **adult)["measurements"]
    assert usual["qrs_ms"] > 100 and usual["flags"] == []
    assert list(usual["reference_ranges"]) == ["heart_rate_bpm"]


def test_a_pr_interval_without_p_waves_is_doubted() -> None:
    signal = synthetic(Made(p=False))
    signal += np.random.default_rng(0).normal(0.0, 0.02, signal.shape)
    answer = by_neurokit(signal, include="measurements,clinical_analysis")
    given = answer["measurements"]["pr_ms"]
    assert given is not None  # NeuroKit2 finds a P wave in most beats without one
    assert says(answer, "pr_ms: NeuroKit2 gives", f"{given:g} ms", "no PR interval")
    assert says(answer, "clinical_analysis: by the server's own method: pr_ms: ")


@pytest.mark.parametrize("ectopic_at", [(5,), (3, 7), (2, 5, 9)])
def test_variability_with_ectopic_beats_is_null(ectopic_at: tuple[int, ...]) -> None:
    onsets_s = 0.6 + 0.8 * np.arange(14)
    normal = np.delete(onsets_s, list(ectopic_at))
    signal = synthetic_at(normal, seconds=12.0)
    wide = Made(qrs_ms=170.0, p=False, qt_ms=440.0)
    signal += -1.5 * synthetic_at(onsets_s[list(ectopic_at)] - 0.2, wide, seconds=12.0)
    answer = by_neurokit(signal)
    assert (answer["measurements"]["sdnn_ms"], answer["measurements"]["rmssd_ms"]) == (None, None)
    assert says(answer, f"sdnn_ms: {len(ectopic_at)} ectopic beats", "rmssd_ms are null")


def test_leads_that_fail_are_left_out_with_a_warning() -> None:
    signal = synthetic()
    signal[6] = np.linspace(0.0, 1.0, signal.shape[1])
    answer = by_neurokit(signal)
    assert answer["measurements"]["heart_rate_bpm"] == pytest.approx(70.6, abs=0.1)
    assert says(answer, "measurements: NeuroKit2 raises ZeroDivisionError on V1")


def test_parts_of_leads_are_named() -> None:
    signal = synthetic(seconds=14.0)
    signal[1, 2000:2500] = np.nan
    answer = by_neurokit(signal)
    assert says(answer, "measurements: NeuroKit2 measures II from 5 to 14 s only")


@pytest.mark.parametrize("forced", [False, True])
def test_where_there_is_no_beat_nothing_is_measured(forced: bool) -> None:
    noise = np.random.default_rng(2).normal(0.0, 0.3, (12, 5000))
    answer = by_neurokit(noise, include="measurements,hrv", judge_unreadable=forced)
    assert answer["measurements"] is None and answer["hrv"] is None
    assert says(answer, "measurements: ") and says(answer, "hrv: ")


def varying(seconds: float = 130.0, fs: float = 250.0) -> np.ndarray:
    """A sinus rhythm of 850 ms that varies by 40 ms at 0.1 Hz."""
    onsets_s = [0.6]
    while onsets_s[-1] < seconds - 1.5:
        rr_s = 0.85 + 0.04 * np.sin(2 * np.pi * 0.1 * onsets_s[-1])
        onsets_s.append(onsets_s[-1] + rr_s)
    return synthetic_at(np.array(onsets_s), fs=fs, seconds=seconds)


def test_variability_of_a_known_rhythm() -> None:
    answer = analysis(varying(), 250.0, include="hrv")
    hrv = answer["hrv"]
    assert hrv["method"].startswith("NeuroKit2 0.")
    assert hrv["seconds"] == 130.0
    assert hrv["intervals"] == pytest.approx(150, abs=3)
    assert hrv["left_out"] == {"beside_other_beats": 0, "across_gaps": 0, "artefacts": 0}
    assert hrv["time"]["MeanNN"] == pytest.approx(849.0, abs=3.0)
    assert hrv["time"]["SDNN"] == pytest.approx(40.0 / 2**0.5, rel=0.03)
    assert hrv["frequency"]["LF"] == pytest.approx(800.0, rel=0.1)  # 40^2 / 2
    assert hrv["frequency"]["HF"] < 10.0
    assert hrv["frequency"]["LFHF"] is None
    assert set(warned_fields(answer)) == {"hrv", "model"}
    assert says(answer, "hrv: VLF, TP, LFHF, LFn, HFn: a recording of 5 min is needed")


def test_a_premature_beat_is_corrected_and_counted() -> None:
    onsets_s = 0.6 + np.cumsum(0.85 + 0.03 * np.sin(0.53 * np.arange(80)))
    plain = analysis(synthetic_at(onsets_s, fs=250.0, seconds=75.0), 250.0, include="hrv")["hrv"]
    onsets_s[40] -= 0.3
    answer = analysis(synthetic_at(onsets_s, fs=250.0, seconds=75.0), 250.0, include="hrv")
    hrv = answer["hrv"]
    assert hrv["left_out"]["artefacts"] in (2, 3)
    assert hrv["time"]["RMSSD"] == pytest.approx(plain["time"]["RMSSD"], rel=0.05)
    assert says(answer, "intervals are left out: 0 beside ectopic or noisy beats")


def test_a_gap_is_left_out() -> None:
    signal = varying()
    signal[3, 5000:5500] = np.nan
    hrv = analysis(signal, 250.0, include="hrv")["hrv"]
    assert hrv["left_out"]["across_gaps"] in (3, 4)
    assert hrv["time"]["SDNN"] == pytest.approx(40.0 / 2**0.5, rel=0.03)


@pytest.mark.parametrize("seconds", [10.0, 40.0, 59.9])
def test_a_short_recording_has_none(seconds: float) -> None:
    answer = analysis(varying(seconds), 250.0, include="hrv")
    assert answer["hrv"] is None
    assert says(answer, f"hrv: the recording is {seconds:g} s long; 60 s or more are needed")


def test_a_minute_has_one() -> None:
    assert analysis(varying(60.0), 250.0, include="hrv")["hrv"] is not None


def test_atrial_fibrillation_has_none() -> None:
    rng = np.random.default_rng(6)
    onsets_s = 0.6 + np.cumsum(rng.uniform(0.45, 1.1, 95))
    signal = synthetic_at(onsets_s[onsets_s < 69], Made(p=False), fs=250.0, seconds=70.0)
    answer = analysis(signal, 250.0, include="hrv,clinical_analysis")
    assert answer["clinical_analysis"]["rhythm"] == "Atrial fibrillation"
    assert answer["hrv"] is None
    assert says(answer, "hrv: the rhythm by rules is Atrial fibrillation")


def test_without_enough_normal_intervals_there_is_none() -> None:
    signal = varying(70.0)
    signal[:, 2500:10000] = np.nan  # 30 of 70 s
    answer = analysis(signal, 250.0, include="hrv")
    assert answer["hrv"] is None
    assert says(answer, "hrv: the intervals between normal beats are", "48 s are needed")
