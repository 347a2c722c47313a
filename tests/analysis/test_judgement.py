"""What cannot be read, or has no beats, is not judged, whichever part is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.answer import analysis_answer
from analysis.deployment import Deployment, HeadUse
from analysis.forward import Encoded
from analysis.judgement import JUDGED_PARTS, Judgement, judgement_of
from analysis.measuring import MeasuredRecord
from analysis.prepare import Prepared, prepare
from heads.cache import HeadCache
from intervals.rhythm import Rhythm
from model_store.labels import ecg_fm_labels
from signal_quality import Quality
from signal_quality.quality import QualityWord
from signals.record import EcgRecord
from tests.analysis.deployments import BOTH, LEADS, NOTHING, RUNTIME, WIDTH, asked, record
from tests.intervals.no_ecg import no_ecg
from tests.intervals.synthetic import Made, synthetic

EVERY = ",".join(JUDGED_PARTS)
UNREADABLE = "the recording is unreadable"


def noise() -> EcgRecord:
    """White noise of 10 microvolts, as a recorder without a patient gives."""
    signal = np.random.default_rng(1).normal(0, 0.01, (12, 5000))
    return EcgRecord(signal.astype(np.float32), 500.0, LEADS)


def flat() -> EcgRecord:
    return EcgRecord(np.zeros((12, 5000), np.float32), 500.0, LEADS)


def hum() -> EcgRecord:
    return EcgRecord(no_ecg("mains", 1).astype(np.float32), 500.0, LEADS)


def calibration() -> EcgRecord:
    """The square waves of a simulator: readable, and no heart."""
    return EcgRecord(no_ecg("square", 1).astype(np.float32), 500.0, LEADS)


def five_times_too_fast() -> EcgRecord:
    """An ECG of 100 Hz that is sent as one of 500 Hz."""
    return replace(record(fs=100.0, seconds=30.0), fs=500.0)


NOT_JUDGED = pytest.mark.parametrize(
    ("ecg", "doubt"),
    [
        (noise(), UNREADABLE),
        (flat(), UNREADABLE),
        (hum(), UNREADABLE),
        (
            calibration(),
            "no beats are found (the recurring wave takes more than half of the cycle, as no QRS "
            "complex does)",
        ),
        (
            five_times_too_fast(),
            "no beats are found (the onset of a QRS complex cannot be placed)",
        ),
    ],
    ids=["noise", "flat", "hum", "square waves", "wrong fs"],
)


def prepared(ecg: EcgRecord, deployment: Deployment = BOTH, **options: Any) -> Prepared:
    return prepare(ecg, asked(deployment, **options), deployment, max_seconds=600)


def encoded(ready: Prepared) -> dict[Any, Encoded]:
    """Outputs in which every label is positive."""
    segments = len(ready.segments)
    logits = np.full((segments, len(ecg_fm_labels())), 9.0, np.float32)
    pooled = np.ones((segments, WIDTH), np.float32)
    return {role: Encoded(pooled, logits, None, None) for role in ready.needs}


def answer_of(ready: Prepared, deployment: Deployment = BOTH) -> dict[str, Any]:
    return dict(
        analysis_answer(
            ready, encoded(ready), deployment, RUNTIME, HeadCache(Path("/nowhere")).head
        )
    )


def analysis(ecg: EcgRecord, deployment: Deployment = BOTH, **options: Any) -> dict[str, Any]:
    return answer_of(prepared(ecg, deployment, **options), deployment)


@NOT_JUDGED
def test_nothing_is_said_about_the_heart(ecg: EcgRecord, doubt: str) -> None:
    answer = analysis(ecg, include=EVERY)
    for part in ("labels", "labels_by_segment", "superclass", "heads"):
        assert answer[part] is None, part
    clinical, pacemaker = answer["clinical_analysis"], answer["pacemaker"]
    assert (clinical["rhythm"], clinical["rhythm_source"]) == ("Undetermined", "rules")
    assert (clinical["abnormalities"], clinical["confidence"]) == ([], None)
    assert (pacemaker["present"], pacemaker["probability"]) == (None, None)
    assert (pacemaker["evidence"]["chamber"], pacemaker["evidence"]["label"]) == (None, None)
    assert answer["model"]["pacemaker"] is None
    reason = f"not judged, because {doubt}; judge_unreadable=true asks for it anyway"
    assert [each for each in answer["warnings"] if "judge" in each] == [
        f"{part}: {reason}" for part in JUDGED_PARTS
    ]


@NOT_JUDGED
@pytest.mark.parametrize("part", JUDGED_PARTS)
def test_each_part_asks_the_same_gate(ecg: EcgRecord, doubt: str, part: str) -> None:
    """Quality and beats are known although neither is in the answer, and no encoder runs."""
    ready = prepared(ecg, include=part)
    assert (ready.judgement, ready.needs, ready.segments.size) == (Judgement(doubt), {}, 0)
    (warning,) = [each for each in answer_of(ready)["warnings"] if "judge" in each]
    assert warning.startswith(f"{part}: not judged, because {doubt}")


@NOT_JUDGED
def test_without_an_encoder_the_reason_is_the_same(ecg: EcgRecord, doubt: str) -> None:
    answer = analysis(ecg, NOTHING, include="clinical_analysis,labels")
    assert answer["clinical_analysis"]["rhythm"] == "Undetermined"
    assert (
        f"labels: not judged, because {doubt}; judge_unreadable=true asks for it anyway"
        in (answer["warnings"])
    )


@NOT_JUDGED
def test_the_embedding_is_given_all_the_same(ecg: EcgRecord, doubt: str) -> None:
    if ecg.signal.any():
        answer = analysis(ecg, include="features,labels")
        assert answer["features"] is not None and answer["labels"] is None


@pytest.mark.parametrize("ecg", [noise(), hum(), calibration(), five_times_too_fast()])
def test_judge_unreadable_gives_each_part_with_a_warning(ecg: EcgRecord) -> None:
    if ecg.duration_s < 5.0:
        ecg = replace(ecg, signal=np.tile(ecg.signal, 2))
    ready = prepared(ecg, include=EVERY, judge_unreadable=True)
    assert ready.judgement.forced and set(ready.needs) == {"clinical"}
    answer = answer_of(ready)
    assert all(label["positive"] for label in answer["labels"])
    assert answer["labels_by_segment"] is not None
    clinical = answer["clinical_analysis"]
    assert (clinical["rhythm"], clinical["rhythm_source"]) == ("Electronic pacemaker", "labels")
    assert answer["pacemaker"]["present"] is not None
    for part in JUDGED_PARTS:
        sentence = f"{part}: judged although {ready.judgement.doubt} (judge_unreadable)"
        # No encoder here has superclasses.
        assert (sentence in answer["warnings"]) is (part != "superclass"), part


@pytest.mark.parametrize(
    ("ecg", "deployment"),
    [
        (replace(noise(), signal=noise().signal[6:9, :1500], lead_names=LEADS[6:9]), BOTH),
        (replace(noise(), signal=noise().signal[:, :1500]), BOTH),
        (noise(), NOTHING),
    ],
    ids=["3 s of three leads", "3 s", "no encoder"],
)
def test_a_part_that_is_null_all_the_same_is_not_called_judged(
    ecg: EcgRecord, deployment: Deployment
) -> None:
    answer = analysis(ecg, deployment, include=EVERY, judge_unreadable=True)
    assert [warning.split(":")[0] for warning in answer["warnings"] if " judged " in warning] == [
        "clinical_analysis",
        "findings",
        "pacemaker",
    ]
    for part in ("labels", "labels_by_segment", "superclass", "heads"):
        reasons = [each for each in answer["warnings"] if each.startswith(f"{part}: ")]
        assert answer[part] is None and len(reasons) == 1


@pytest.mark.parametrize(
    "ecg", [record(), record(leads=("II",)), record(fs=100.0), record(seconds=5.0)]
)
def test_a_recording_with_beats_is_judged_and_not_warned_of(ecg: EcgRecord) -> None:
    for forced in (False, True):
        ready = prepared(ecg, NOTHING, include="clinical_analysis", judge_unreadable=forced)
        assert ready.judgement.doubt is None
        assert answer_of(ready, NOTHING)["clinical_analysis"]["rhythm"] == "Sinus rhythm"
    assert not [each for each in answer_of(ready, NOTHING)["warnings"] if "judge" in each]


def test_unreadable_recordings_are_measured_only_if_that_is_forced() -> None:
    """An ECG under noise: the beats are seen, the recording is unreadable all the same."""
    buried = record()
    signal = buried.signal + np.random.default_rng(0).normal(0, 0.4, buried.signal.shape)
    buried = replace(buried, signal=signal.astype(np.float32))
    withheld = prepared(buried, include="measurements,quality,labels")
    assert withheld.quality is not None
    assert withheld.quality["signal_quality"] == "Unreadable"
    assert withheld.measured is not None and withheld.measured.measurements is None
    forced = prepared(buried, include="measurements", judge_unreadable=True)
    assert forced.measured is not None and forced.measured.measurements is not None
    assert "measurements: measured although the recording is unreadable (judge_unreadable)" in (
        forced.warnings
    )


@pytest.mark.parametrize(("fs", "beats_per_min"), [(250.0, 75.0), (500.0, 60.0), (1000.0, 75.0)])
def test_the_sampling_rate_of_unreadable_beats_is_not_doubted(
    fs: float, beats_per_min: float
) -> None:
    """Each lead is flat for some seconds; at half of the rate there would be beats as well."""
    signal = synthetic(Made(rr_ms=60_000 / beats_per_min), fs, seconds=20.0)
    rng = np.random.default_rng(1)
    for lead in signal:
        start = rng.integers(0, lead.size // 2)
        length = int(lead.size * rng.uniform(0.15, 0.5))
        lead[start : start + length] = rng.uniform(-1.0, 1.0)
    ecg = EcgRecord(signal.astype(np.float32), fs, LEADS)
    ready = prepared(ecg, include="labels,quality")
    assert ready.judgement == Judgement(UNREADABLE)
    assert not [warning for warning in ready.warnings if warning.startswith("fs:")]
    forced = prepared(ecg, include="measurements", judge_unreadable=True)
    assert forced.measured is not None
    assert forced.measured.number("heart_rate_bpm") == pytest.approx(beats_per_min, rel=0.02)


@pytest.mark.parametrize("name", ["Asystole", "Ventricular fibrillation", "Torsade"])
def test_a_rule_on_the_signal_may_name_the_rhythm(name: str) -> None:
    """The gate withholds what needs beats; it does not silence a rule that needs none."""
    ready = prepared(noise(), include=EVERY)
    assert ready.measured is not None
    named = replace(ready, measured=replace(ready.measured, rhythm=Rhythm(name)))
    answer = answer_of(named)
    assert answer["clinical_analysis"]["rhythm"] == name
    assert (answer["labels"], answer["pacemaker"]["present"]) == (None, None)


def test_installed_heads_are_not_asked_either() -> None:
    heads = (HeadUse("superclass", 1, "features"), HeadUse("rhythm", 1, "clinical"))
    deployment = replace(BOTH, heads=heads)
    answer = analysis(noise(), deployment, include="superclass,heads")
    assert (answer["superclass"], answer["heads"]) == (None, None)
    assert answer["model"]["superclass"] == "heads/superclass@1"


def quality(word: QualityWord, *, readable: bool) -> Quality:
    return Quality(word, readable, 0.5, {}, (), "")


@pytest.mark.parametrize(
    ("word", "readable", "unmeasured", "doubt"),
    [
        ("Unreadable", False, None, UNREADABLE),
        ("Unreadable", False, "no beats are found", UNREADABLE),
        ("Excellent", True, "no beats are found", "no beats are found"),
        ("Poor", False, "so and so", "no beats are found (so and so)"),
        ("Poor", False, None, None),  # one lead is off, the others can be read
        ("Excellent", True, None, None),
    ],
)
def test_why_a_recording_is_not_judged(
    word: QualityWord, readable: bool, unmeasured: str | None, doubt: str | None
) -> None:
    measured = MeasuredRecord(unmeasured=unmeasured)
    for forced in (False, True):
        judged = judgement_of(quality(word, readable=readable), measured, forced=forced)
        assert judged == Judgement(doubt, forced)
        assert judged.is_withheld is (doubt is not None and not forced)
