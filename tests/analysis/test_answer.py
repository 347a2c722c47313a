"""From a recording to an answer, without HTTP and a network: values, nulls and their reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.answer import SALIENCY_METHODS, analysis_answer, quality_answer
from analysis.deployment import Deployment
from analysis.forward import Encoded
from analysis.options import PARTS, QualityOptions
from analysis.prepare import Prepared, prepare
from heads.cache import HeadCache
from model_store.labels import ecg_fm_labels
from signals.record import EcgRecord, Patient, Reported
from tests.analysis.deployments import (
    BOTH,
    LEADS,
    NOTHING,
    ONLY_CLINICAL,
    ONLY_FEATURES,
    RUNTIME,
    TOKENS,
    WIDTH,
    asked,
    record,
)
from tests.intervals.synthetic import synthetic

NO_HEADS = HeadCache(Path("/nowhere"))
MODEL_PARTS = ("labels", "labels_by_segment", "superclass", "features", "saliency")


def encoded(prepared: Prepared) -> dict[Any, Encoded]:
    """Outputs that differ in every row and column, for the encoders that the recording needs."""
    segments = len(prepared.segments)
    outputs: dict[Any, Encoded] = {}
    for role, need in prepared.needs.items():
        shift = {"clinical": 0.25, "features": -3.0}[role]
        pooled = shift + np.arange(segments * WIDTH, dtype=np.float32).reshape(segments, WIDTH) ** 2
        saliency = np.arange(segments * TOKENS, dtype=np.float32).reshape(segments, TOKENS)
        outputs[role] = Encoded(
            pooled=pooled,
            logits=LOGITS[:segments] if role == "clinical" else None,
            states=None,
            saliency=saliency + 0.5 if need.attention else None,
        )
    return outputs


LABEL_NAMES = [label.name for label in ecg_fm_labels()]
LOGITS = np.linspace(-6.0, 5.0, 3 * len(LABEL_NAMES)).reshape(3, -1).astype(np.float32)


def analysis(ecg: EcgRecord, deployment: Deployment = BOTH, **options: Any) -> dict[str, Any]:
    ready = prepare(ecg, asked(deployment, **options), deployment, max_seconds=600)
    runtime = RUNTIME if deployment.loaded else None
    answer = analysis_answer(ready, encoded(ready), deployment, runtime, NO_HEADS.head)
    return dict(answer)


def ecg(**more: Any) -> EcgRecord:
    """10 s of synthetic sinus rhythm at 70.6 per minute, without noise that would be warned of."""
    noise = np.random.default_rng(0).normal(0, 0.005, (12, 5000))
    return EcgRecord((synthetic() + noise).astype(np.float32), 500.0, LEADS, **more)


def test_every_part_is_there_in_a_fixed_order() -> None:
    assert list(analysis(record(), include="all")) == [
        "id",
        "clinical_analysis",
        "findings",
        "labels",
        "labels_by_segment",
        "superclass",
        "features",
        "saliency",
        "heads",
        "signal_quality",
        "quality",
        "measurements",
        "hrv",
        "fiducials",
        "representative_beat",
        "matrix",
        "signal",
        "reported",
        "pacemaker",
        "model",
        "segments",
        "warnings",
    ]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_not_asked_for_is_absent(part: str) -> None:
    with_quality = {"signal_quality"} if part == "quality" else set()
    always = {"id", "model", "segments", "warnings"}
    assert set(analysis(record(), include=part)) == {part, *always, *with_quality}


def test_a_readable_recording_gives_no_warning_but_for_what_is_null() -> None:
    everything = analysis(ecg(reported=Reported()), include="all")
    nulls = [part for part in PARTS if everything[part] is None]
    assert nulls == ["superclass", "hrv"]
    assert everything["warnings"] == [
        "hrv: the recording is 10 s long; 60 s or more are needed",
        "superclass: the loaded encoder has no labels",
    ]
    parts = "quality,measurements,signal,fiducials,representative_beat,matrix"
    without = analysis(ecg(), include=parts)
    assert without["warnings"] == []


def test_a_recording_without_its_devices_values_says_so_once() -> None:
    answer = analysis(record(), include="reported")
    assert answer["reported"] is None
    assert answer["warnings"] == ["reported: the recording contains no measurements of its device"]


def test_without_an_encoder_every_model_part_is_null_with_the_reason() -> None:
    answer = analysis(ecg(), NOTHING, include=",".join((*MODEL_PARTS, "clinical_analysis")))
    assert [answer[part] for part in MODEL_PARTS] == [None] * 5
    assert answer["warnings"] == [
        "model: no encoder is loaded (as asked for)",
        *(f"{part}: no encoder is loaded" for part in MODEL_PARTS),
        "clinical_analysis: the rhythm is determined by rules on the measurements: "
        "no encoder is loaded",
    ]
    assert answer["clinical_analysis"]["rhythm_source"] == "rules"
    assert answer["clinical_analysis"]["rhythm"] == "Sinus rhythm"
    assert set(answer["model"].values()) == {None}
    assert answer["segments"] == 0


def test_an_encoder_without_labels_gives_features_and_saliency() -> None:
    answer = analysis(record(), ONLY_FEATURES, include=",".join(MODEL_PARTS))
    assert {part for part in MODEL_PARTS if answer[part] is None} == {
        "labels",
        "labels_by_segment",
        "superclass",
    }
    assert answer["warnings"] == [
        f"{part}: the loaded encoder has no labels"
        for part in ("labels", "labels_by_segment", "superclass")
    ]


def test_features_are_the_mean_over_segments_of_the_chosen_encoder() -> None:
    # Squares of 0..3 and 4..7, averaged, with each encoder's shift of `encoded`.
    mean = np.array([8.0, 13.0, 20.0, 29.0])
    for deployment, model, shift, name in (
        (BOTH, None, -3.0, "tiny-features"),
        (BOTH, "features", -3.0, "tiny-features"),
        (BOTH, "clinical", 0.25, "tiny-clinical"),
        (BOTH, "tiny-clinical", 0.25, "tiny-clinical"),
        (ONLY_CLINICAL, None, 0.25, "tiny-clinical"),
        (ONLY_FEATURES, None, -3.0, "tiny-features"),
    ):
        answer = analysis(record(), deployment, include="features", model=model)
        np.testing.assert_array_equal(answer["features"], mean + shift)
        assert answer["features"].dtype == np.float32
        assert answer["model"]["encoder"]["name"] == name
        assert answer["segments"] == 2


def test_labels_are_joined_over_the_segments() -> None:
    answer = analysis(record(), include="labels", thresholds={"Infarction": 0.75})
    assert [label["name"] for label in answer["labels"]] == LABEL_NAMES
    column = LABEL_NAMES.index("Infarction")
    # Joined by the mean; the weight 3.464408 is ECG-FM's for this label.
    odds = np.exp(LOGITS[:2, column].astype(np.float64))
    expected = np.mean(odds / (1 + odds))
    corrected = np.mean(odds / (odds + 3.464408))
    infarction = answer["labels"][column]
    assert infarction["probability"] == pytest.approx(expected, rel=1e-12)
    assert infarction["probability_prior_corrected"] == pytest.approx(corrected, rel=1e-12)
    assert infarction["threshold"] == 0.75
    assert infarction["positive"] is bool(expected >= 0.75)


def test_labels_by_segment_and_saliency_have_each_segments_place() -> None:
    answer = analysis(record(15.5), include="labels_by_segment,saliency")
    places = [(0.0, 5.0), (5.0, 10.0), (10.0, 15.0)]
    by_segment, saliency = answer["labels_by_segment"], answer["saliency"]
    assert [(segment["start"], segment["end"]) for segment in by_segment] == places
    assert [(segment["start"], segment["end"]) for segment in saliency["segments"]] == places
    assert by_segment[2]["probabilities"]["Tachycardia"] == pytest.approx(
        1 / (1 + np.exp(-float(LOGITS[2, LABEL_NAMES.index("Tachycardia")]))), rel=1e-12
    )
    assert saliency["segments"][1]["values"].tolist() == [5.5, 6.5, 7.5, 8.5, 9.5]
    assert saliency["method"] == SALIENCY_METHODS["ecg-fm"]
    assert answer["segments"] == 3


@pytest.mark.parametrize("seconds", [2.0, 4.998])
def test_under_one_segment_the_model_parts_are_null(seconds: float) -> None:
    answer = analysis(record(seconds), include=",".join(MODEL_PARTS))
    assert [answer[part] for part in MODEL_PARTS] == [None] * 5
    reason = f"{seconds:g} s at 500 Hz; the encoder needs at least 5 s"
    assert answer["warnings"] == [f"{part}: {reason}" for part in MODEL_PARTS]


def test_one_segment_is_enough() -> None:
    answer = analysis(record(5.0), include="labels,features")
    assert answer["segments"] == 1
    assert answer["labels"] is not None and answer["features"] is not None
    assert answer["warnings"] == []


@pytest.mark.parametrize(
    ("leads", "usable"),
    [(("I",), 1), (LEADS[6:11], 5), (("I", "V1", "V2", "V3", "V4"), 5)],
)
def test_under_six_leads_the_encoders_parts_are_null(leads: tuple[str, ...], usable: int) -> None:
    answer = analysis(record(leads=leads), include="features")
    assert answer["features"] is None
    assert answer["warnings"][-1] == (
        f"features: signal: {usable} of 12 leads contain a signal, derived leads included; "
        "the encoder needs at least 6"
    )


@pytest.mark.parametrize("leads", [("I", "II"), LEADS[6:12], ("I", "V1", "V2", "V3", "V4", "V5")])
def test_six_leads_are_enough_derived_ones_included(leads: tuple[str, ...]) -> None:
    assert analysis(record(leads=leads), include="labels")["labels"] is not None


def test_the_quality_alone_is_the_answer_of_assess_quality() -> None:
    options = QualityOptions(("layer: has no effect on /assess_quality",))
    ready = prepare(ecg(id="seven"), options, BOTH, max_seconds=600)
    answer = quality_answer(ready)
    assert list(answer) == [
        "id",
        "signal_quality",
        "readable",
        "probability_readable",
        "leads",
        "findings",
        "recommendation",
        "warnings",
    ]
    assert (answer["id"], answer["readable"]) == ("seven", True)
    assert answer["warnings"] == ["layer: has no effect on /assess_quality"]


def test_the_signal_is_returned_as_sent() -> None:
    sent = record(leads=("V2", "I"))
    signal = analysis(sent, include="signal")["signal"]
    assert (signal["fs"], signal["lead_names"], signal["units"]) == (500.0, ["V2", "I"], "mV")
    np.testing.assert_array_equal(signal["data"], sent.signal)


def test_the_devices_own_values_are_passed_on() -> None:
    report = Reported("1984-11-01", "CS-12", {"pr_ms": 160.0}, ("Sinus rhythm", "Normal ECG"))
    sent = record(patient=Patient(63, "female"), reported=report)
    answer = analysis(sent, include="reported")
    assert answer["reported"] == {
        "recording_date": "1984-11-01",
        "age": 63,
        "sex": "female",
        "device": "CS-12",
        "measurements": {"pr_ms": 160.0},
        "statements": ["Sinus rhythm", "Normal ECG"],
    }
    assert answer["warnings"] == []


def test_the_clinical_analysis_repeats_the_measurements() -> None:
    answer = analysis(ecg(), include="clinical_analysis,measurements")
    clinical, measured = answer["clinical_analysis"], answer["measurements"]
    # No label of a rhythm is positive.
    assert (clinical["rhythm"], clinical["rhythm_source"]) == ("Sinus rhythm", "rules")
    assert clinical["axis_deviation"] == "Normal"
    numbers = {
        "heart_rate": measured["heart_rate_bpm"],
        "qrs_duration": measured["qrs_ms"],
        "qt_interval": measured["qt_ms"],
        "pr_interval": measured["pr_ms"],
    }
    assert None not in numbers.values()
    assert {name: clinical[name] for name in numbers} == numbers
    assert clinical["physiological_parameters"] == {
        **numbers,
        "qrs_axis": measured["qrs_axis_deg"],
    }
    # The synthetic ECG's own intervals, RR 850 ms among them.
    assert measured["heart_rate_bpm"] == pytest.approx(60 / 0.85, abs=0.2)


def test_warnings_of_every_step_are_there_once_in_their_order() -> None:
    sent = record(leads=LEADS[:11]).with_warnings("fps: unknown field, ignored")
    warnings = analysis(sent, include="all")["warnings"]
    assert warnings[0] == "fps: unknown field, ignored"
    assert len(warnings) == len(set(warnings))
    about_v6 = [warning.split(":")[0] for warning in warnings if "V6" in warning]
    assert len(about_v6) == 2
    assert "matrix" in about_v6  # its row is null; the other is about the encoder's input


def test_a_recording_with_a_lead_off_is_measured_with_a_doubt() -> None:
    signal = ecg().signal.copy()
    whole = analysis(ecg(), NOTHING, include="measurements")
    signal[11] = 0.0
    without_v6 = analysis(EcgRecord(signal, 500.0, LEADS), NOTHING, include="measurements")
    for name in ("qrs_ms", "pr_ms", "heart_rate_bpm"):
        assert without_v6["measurements"][name] == pytest.approx(
            whole["measurements"][name], abs=5.0
        )
    doubt = (
        "measurements: the recording is judged not readable as a whole; "
        "check by eye what is measured on its better leads"
    )
    assert doubt in without_v6["warnings"]
    assert whole["warnings"] == ["model: no encoder is loaded (as asked for)"]


def test_labels_and_measurements_are_compared_for_the_clinical_analysis_only() -> None:
    """With this threshold the label is positive; the measured rate is 70.6 per minute."""

    def contradictions_of(include: str) -> list[str]:
        answer = analysis(ecg(), include=include, thresholds={"Bradycardia": 0.01})
        return [warning for warning in answer["warnings"] if warning.startswith("labels: ")]

    assert contradictions_of("clinical_analysis,labels,measurements") == [
        "labels: Bradycardia is positive, but the measured rate is 71 per minute"
    ]
    assert contradictions_of("labels,measurements") == []
