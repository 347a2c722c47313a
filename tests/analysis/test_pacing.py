"""A recording's part `pacemaker`: what is found, what must not disturb it, and the nulls."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt

from analysis.answer import analysis_answer
from analysis.forward import Piece, forward
from analysis.measuring import measure_record
from analysis.prepare import prepare
from heads.cache import HeadCache
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord
from tests.analysis.deployments import BOTH, NOTHING, RUNTIME, SumRunner, asked
from tests.data import SHARED, requires_shared

NO_HEADS = HeadCache(Path("/nowhere"))

PACED = ("8", "74", "104")
UNPACED = ("2", "37", "132")

pytestmark = requires_shared
Signal = NDArray[np.float64]


@cache
def ludb(name: str) -> Signal:
    signal: Signal = (
        wfdb.rdrecord(str(SHARED / "ludb" / "data" / name), physical=False).d_signal.T / 1000.0
    )
    return signal


def analysed(
    signal: Signal,
    fs: float = 500.0,
    leads: tuple[str, ...] = LEADS,
    include: str = "pacemaker",
    **more: Any,
) -> dict[str, Any]:
    record = EcgRecord(signal.astype(np.float32), fs, leads, **more)
    ready = prepare(record, asked(NOTHING, include=include), NOTHING, max_seconds=600)
    return analysis_answer(ready, {}, NOTHING, RUNTIME, NO_HEADS.head)


def hummed(signal: Signal, hum_hz: float) -> Signal:
    return np.asarray(
        signal + 0.05 * np.sin(2 * np.pi * hum_hz * np.arange(signal.shape[1]) / 500.0)
    )


def muscle(signal: Signal, _: float) -> Signal:
    noise = np.random.default_rng(0).normal(0, 0.03, signal.shape)
    return np.asarray(signal + sosfilt(butter(2, 20, "high", fs=500, output="sos"), noise, axis=1))


def stepped(signal: Signal, _: float) -> Signal:
    steps = np.random.default_rng(1).uniform(500, 4500, 3).astype(int)
    return np.asarray(signal + sum(0.8 * (np.arange(signal.shape[1]) > at) for at in steps))


def tall_t(signal: Signal, _: float) -> Signal:
    """T waves of three millivolt more, as in hyperkalaemia: narrow, but a tenth of a second."""
    r_peaks = measure_record(
        EcgRecord(signal.astype(np.float32), 500.0, LEADS),
        twelve_leads(EcgRecord(signal.astype(np.float32), 500.0, LEADS)),
    ).fiducials
    assert r_peaks is not None
    times = np.arange(signal.shape[1]) / 500.0
    wave = sum(1.2 * np.exp(-0.5 * ((times - beat["r"] - 0.3) / 0.025) ** 2) for beat in r_peaks)
    gains = np.array([0.6, 1.0, 0.4, -0.8, 0.1, 0.7, 0.5, 1.0, 1.0, 0.9, 0.8, 0.6])
    return np.asarray(signal + np.outer(gains, wave))


DISTURBANCES = {
    "50 Hz": (hummed, 50.0),
    "60 Hz": (hummed, 60.0),
    "muscle noise": (muscle, 0.0),
    "steps": (stepped, 0.0),
}


@pytest.mark.parametrize("disturbance", [None, *DISTURBANCES])
def test_paced_recordings_are_found_and_others_are_not_whatever_disturbs_them(
    disturbance: str | None,
) -> None:
    change, parameter = (
        DISTURBANCES[disturbance] if disturbance else (lambda signal, _: signal, 0.0)
    )
    for name, paced in [*((each, True) for each in PACED), *((each, False) for each in UNPACED)]:
        part = analysed(change(ludb(name), parameter))["pacemaker"]
        assert part["present"] == paced, (name, part)


def test_tall_t_waves_are_no_pacemaker() -> None:
    for name in UNPACED:
        part = analysed(tall_t(ludb(name), 0.0))["pacemaker"]
        assert not part["present"], (name, part)
        assert part["evidence"]["chamber"] is None


def test_the_evidence_says_what_was_seen() -> None:
    answer = analysed(ludb("74"))
    part = answer["pacemaker"]
    assert part["visible"]
    assert part["evidence"]["chamber"] == "ventricular"
    assert part["evidence"]["spikes"] >= 9
    assert part["evidence"]["label"] is None
    assert 0 < part["evidence"]["morphology"] <= 1
    assert answer["model"]["pacemaker"].startswith("pacemaker@")


def test_at_100_hz_the_form_of_the_beats_decides_and_it_is_said_that_spikes_cannot_be_seen() -> (
    None
):
    answer = analysed(resample_poly(ludb("74"), 1, 5, axis=1), 100.0)
    part = answer["pacemaker"]
    assert not part["visible"]
    assert part["evidence"]["spikes"] is None
    assert part["probability"] == pytest.approx(part["evidence"]["morphology"])
    assert (
        "pacemaker: pacing spikes cannot be seen at 100 Hz; at least 250 Hz are required"
        in answer["warnings"]
    )


def test_what_lost_its_bandwidth_shows_no_spikes_at_any_rate() -> None:
    former = resample_poly(resample_poly(ludb("2"), 1, 5, axis=1), 5, 1, axis=1)
    answer = analysed(former)
    assert not answer["pacemaker"]["visible"]
    assert any(
        "100 Hz" in warning for warning in answer["warnings"] if warning.startswith("pacemaker:")
    )


def test_units_unknown_leave_the_form_of_the_beats() -> None:
    answer = analysed(ludb("74"), units="unknown")
    part = answer["pacemaker"]
    assert part["present"]
    assert not part["visible"]
    assert any(warning.startswith("pacemaker: the units") for warning in answer["warnings"])


def test_one_lead_gives_null_with_the_reason() -> None:
    answer = analysed(ludb("74")[[1]], leads=("II",))
    assert answer["pacemaker"] is None
    assert answer["model"]["pacemaker"] is None
    assert sum(warning.startswith("pacemaker:") for warning in answer["warnings"]) >= 1


@pytest.mark.parametrize(
    "signal", [np.zeros((12, 5000)), np.random.default_rng(0).normal(0, 0.3, (12, 5000))]
)
def test_nothing_is_invented_where_there_is_no_ecg(signal: Signal) -> None:
    answer = analysed(signal)
    assert answer["pacemaker"] is None or not answer["pacemaker"]["present"]
    assert any(warning.startswith("pacemaker:") for warning in answer["warnings"])


@pytest.mark.parametrize("seconds", [2.0, 3.0])
def test_two_seconds_never_raise(seconds: float) -> None:
    for name in ("74", "2"):
        analysed(ludb(name)[:, : round(seconds * 500)], include="all")


def test_paced_beats_are_called_so_and_have_no_pr() -> None:
    answer = analysed(ludb("104"), include="measurements,fiducials,clinical_analysis")
    classes = [beat["class"] for beat in answer["fiducials"]]
    assert classes.count("paced") >= 8
    assert answer["measurements"]["pr_ms"] is None
    assert answer["clinical_analysis"]["rhythm"] == "Electronic pacemaker"
    assert "pacemaker" not in answer


def test_a_pacemaker_without_visible_spikes_is_found_by_its_beats() -> None:
    """LUDB 111: bipolar, and no spike stands out."""
    answer = analysed(ludb("111"), include="pacemaker,clinical_analysis,measurements")
    assert answer["pacemaker"]["evidence"]["chamber"] is None
    assert answer["pacemaker"]["present"]
    assert answer["clinical_analysis"]["rhythm"] == "Electronic pacemaker"
    assert answer["measurements"]["pr_ms"] is None


def test_a_label_is_part_of_the_evidence_where_there_is_one() -> None:
    record = EcgRecord(ludb("2").astype(np.float32), 500.0, LEADS)
    ready = prepare(record, asked(BOTH, include="pacemaker"), BOTH, max_seconds=600)
    encoded = forward(
        [Piece(ready.segments, ready.needs)],
        {"clinical": SumRunner(1.0, 17), "features": SumRunner(2.0)},
    )[0]
    for logit, low, high in ((-30.0, 0.0, 0.01), (30.0, 0.5, 1.0)):
        said = {
            "clinical": replace(encoded["clinical"], logits=np.full((2, 17), logit, np.float32))
        }
        answer = analysis_answer(ready, said, BOTH, RUNTIME, NO_HEADS.head)
        assert low <= answer["pacemaker"]["evidence"]["label"] <= 1
        assert low <= answer["pacemaker"]["probability"] <= high
        contradicts = any(
            warning.startswith("labels: Electronic pacemaker") for warning in answer["warnings"]
        )
        assert contradicts == ((logit > 0) != answer["pacemaker"]["present"])
