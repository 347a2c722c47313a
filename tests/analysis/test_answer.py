"""From a recording to the parts of an answer without HTTP and without a network: what is there, what is null, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.answer import analysis_answer, quality_answer
from analysis.deployment import Deployment
from analysis.embedding import embed, embedding_answer
from analysis.forward import Encoded, Piece, forward
from analysis.options import PARTS, FeatureOptions, QualityOptions, analyze_options, feature_options
from analysis.prepare import Prepared, prepare
from errors import BadSamplingRate, NoModel, NoSamples, RecordingTooLong, TooFewLeads, TooShort
from heads.cache import HeadCache
from signals.record import EcgRecord, Patient, Reported
from tests.analysis.deployments import (
    BOTH,
    LEADS,
    NOTHING,
    ONLY_CLINICAL,
    ONLY_FEATURES,
    RUNTIME,
    SumRunner,
    record,
)
from tests.intervals.synthetic import synthetic

NO_HEADS = HeadCache(Path("/nowhere"))
MODEL_PARTS = ("labels", "labels_by_segment", "features", "saliency")


def prepared(ecg: EcgRecord, deployment: Deployment = BOTH, **options: Any) -> Prepared:
    return prepare(ecg, analyze_options(options, deployment), deployment, max_seconds=600)


def encode(ready: Prepared) -> dict[Any, Encoded]:
    return (
        forward(
            [Piece(ready.segments, ready.needs)],
            {"clinical": SumRunner(1.0, 17), "features": SumRunner(2.0)},
        )[0]
        if ready.needs
        else {}
    )


def analysis(ecg: EcgRecord, deployment: Deployment = BOTH, **options: Any) -> dict[str, Any]:
    ready = prepared(ecg, deployment, **options)
    return analysis_answer(ready, encode(ready), deployment, RUNTIME, NO_HEADS.head)


def warned(answer: dict[str, Any], *words: str) -> bool:
    return any(all(word in warning for word in words) for warning in answer["warnings"])


def test_all_parts_are_there_and_only_those_asked_for() -> None:
    everything = analysis(record(), include="all")
    assert set(PARTS) | {"id", "model", "segments", "warnings", "signal_quality"} == set(everything)
    assert all(everything[part] is not None for part in MODEL_PARTS)
    assert set(analysis(record(), include="labels")) == {
        "id",
        "model",
        "segments",
        "warnings",
        "labels",
    }


def test_a_part_that_is_null_is_explained_once() -> None:
    answer = analysis(record(), include="all")
    assert answer["reported"] is None
    assert sum(warning.startswith("reported:") for warning in answer["warnings"]) == 1


def test_without_an_encoder_the_reason_stands_beside_every_model_part() -> None:
    answer = analysis(record(), NOTHING, include="all")
    for part in MODEL_PARTS:
        assert answer[part] is None
        assert warned(answer, f"{part}:", "no encoder")
    assert answer["clinical_analysis"]["rhythm_source"] == "rules"
    assert answer["model"]["encoder"] is None
    assert answer["segments"] == 0


def test_an_encoder_without_labels_gives_features_only() -> None:
    answer = analysis(record(), ONLY_FEATURES, include="all")
    assert answer["labels"] is None
    assert warned(answer, "labels:", "no labels")
    assert answer["features"] is not None
    assert answer["saliency"] is not None


def test_with_only_the_clinical_encoder_features_are_its_own() -> None:
    answer = analysis(record(), ONLY_CLINICAL)
    assert answer["features"] is not None
    assert answer["model"]["encoder"]["name"] == "tiny-clinical"


@pytest.mark.parametrize("seconds", [2.0, 4.99])
def test_under_one_segment_the_model_parts_are_null(seconds: float) -> None:
    answer = analysis(record(seconds), include="all")
    assert all(answer[part] is None for part in MODEL_PARTS)
    assert warned(answer, "labels:", "5 s")
    assert answer["signal_quality"]


def test_under_six_leads_the_model_parts_are_null() -> None:
    for leads in (("I",), LEADS[6:11], ("I", "V1", "V2", "V3", "V4")):
        assert warned(analysis(record(leads=leads)), "labels:", "6")
    for leads in (("I", "II"), ("V1", "V2", "V3", "V4", "V5", "V6")):
        assert analysis(record(leads=leads))["labels"] is not None


def test_an_embedding_that_cannot_be_had_is_an_error() -> None:
    options = feature_options({}, BOTH)
    for ecg, error in ((record(4.0), TooShort), (record(leads=("I",)), TooFewLeads)):
        with pytest.raises(error):
            prepare(ecg, options, BOTH, max_seconds=600)
    with pytest.raises(NoModel):
        prepare(record(), FeatureOptions("features"), NOTHING, max_seconds=600)


def test_a_recording_that_is_none_is_refused_whatever_is_asked() -> None:
    gaps = EcgRecord(np.full((12, 5000), np.nan, np.float32), 500.0, LEADS)
    for ecg, error in (
        (record(1.9), TooShort),
        (record(61.0), RecordingTooLong),
        (record(fs=40.0), BadSamplingRate),
        (gaps, NoSamples),
    ):
        with pytest.raises(error):
            prepare(ecg, analyze_options({}, BOTH), BOTH, max_seconds=60)
    assert prepare(gaps, QualityOptions(), BOTH, max_seconds=60).quality is not None


def test_quality_is_judged_only_where_it_is_asked_for_and_takes_no_encoder() -> None:
    assert prepared(record(), include="labels").quality is None
    ready = prepare(
        record(id="seven"), QualityOptions(("layer: has no effect",)), BOTH, max_seconds=600
    )
    assert (len(ready.segments), ready.needs) == (0, {})
    answer = quality_answer(ready)
    assert answer["id"] == "seven"
    assert "layer: has no effect" in answer["warnings"]
    assert {"signal_quality", "readable", "leads", "findings", "recommendation"} <= set(answer)


def test_nothing_is_cut_where_no_encoder_is_needed() -> None:
    ready = prepared(record(), include="quality,signal")
    assert (len(ready.segments), ready.needs, ready.no_model) == (0, {}, None)


def test_the_signal_is_given_back_as_it_came() -> None:
    ecg = record(leads=("V2", "I"))
    signal = analysis(ecg, include="signal")["signal"]
    assert (signal["fs"], signal["lead_names"], signal["units"]) == (500.0, ["V2", "I"], "mV")
    np.testing.assert_array_equal(signal["data"], ecg.signal)


def test_what_the_device_reported_is_passed_on() -> None:
    ecg = record(
        patient=Patient(63, "female"), reported=Reported("1984-11-01", "CS-12", {"pr_ms": 160.0})
    )
    assert analysis(ecg, include="reported")["reported"] == {
        "recording_date": "1984-11-01", "age": 63, "sex": "female", "device": "CS-12", "measurements": {"pr_ms": 160.0},
    }  # fmt: skip


def test_the_answer_says_which_model_spoke() -> None:
    model = analysis(record())["model"]
    assert (model["encoder"]["name"], model["dtype"], model["device"]) == (
        "tiny-features",
        "float32",
        "cpu",
    )
    assert model["encoder"]["source"] == "auto: for tests"
    assert analysis(record(), model="clinical")["model"]["encoder"]["name"] == "tiny-clinical"


def test_warnings_of_every_stage_are_there_once() -> None:
    ecg = record(leads=LEADS[:11]).with_warnings("fps: unknown field, ignored")
    answer = analysis(ecg, include="all")
    assert answer["warnings"].count("fps: unknown field, ignored") == 1
    assert warned(answer, "V6")
    assert len(answer["warnings"]) == len(set(answer["warnings"]))


def test_saliency_has_a_row_for_each_segment_with_its_place() -> None:
    saliency = analysis(record(12.0), include="saliency")["saliency"]
    assert [(segment["start"], segment["end"]) for segment in saliency["segments"]] == [
        (0.0, 5.0),
        (5.0, 10.0),
    ]
    assert "attention" in saliency["method"]


STATES = np.arange(2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2)


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"level": "token", "layer": 1}, STATES),
        ({"level": "segment", "layer": 1, "pooling": "max"}, STATES.max(axis=1)),
        ({"level": "record", "layer": 1, "pooling": "max"}, STATES.max(axis=1).mean(axis=0)),
        ({"level": "segment"}, np.ones((2, 2))),
        ({}, np.ones(2)),
    ],
    ids=str,
)  # fmt: skip
def test_states_are_joined_as_far_as_asked(options: dict[str, Any], expected: np.ndarray) -> None:
    parsed = feature_options(options, BOTH)
    states = STATES if "layer" in options else None
    np.testing.assert_allclose(
        embed(Encoded(np.ones((2, 2), np.float32), None, states, None), parsed), expected
    )


def test_the_mean_over_tokens_leaves_exact_zeros_out_as_the_original_does() -> None:
    states = np.array([[[2.0, 0.0], [0.0, 0.0], [4.0, 3.0]]], np.float32)
    options = feature_options({"layer": 0, "level": "segment"}, BOTH)
    np.testing.assert_allclose(
        embed(Encoded(np.zeros((1, 2), np.float32), None, states, None), options), [[3.0, 3.0]]
    )


def test_an_embedding_is_of_the_type_asked_for_and_knows_its_model() -> None:
    for dtype in ("float32", "float16"):
        ready = prepare(
            record(id="x"),
            feature_options({"dtype": dtype, "model": "clinical"}, BOTH),
            BOTH,
            max_seconds=600,
        )
        found = embedding_answer(ready, encode(ready), BOTH, RUNTIME)
        assert (found.values.dtype, found.values.shape, found.segments, found.record_id) == (
            np.dtype(dtype),
            (4,),
            2,
            "x",
        )
        assert found.model["encoder"]["name"] == "tiny-clinical"


def test_a_recording_with_a_lead_off_is_measured_with_a_doubt() -> None:
    signal = synthetic() + np.random.default_rng(0).normal(0, 0.01, (12, 5000))
    whole = analysis(
        EcgRecord(signal.astype(np.float32), 500.0, LEADS), NOTHING, include="measurements"
    )
    signal[11] = 0.0
    without_v6 = analysis(
        EcgRecord(signal.astype(np.float32), 500.0, LEADS), NOTHING, include="measurements"
    )
    assert abs(without_v6["measurements"]["qrs_ms"] - whole["measurements"]["qrs_ms"]) < 5.0
    assert warned(without_v6, "measurements:", "not readable as a whole") and not warned(
        whole, "not readable"
    )
