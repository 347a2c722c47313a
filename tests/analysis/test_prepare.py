"""A recording before the encoder: what is computed, what is refused, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.deployment import Deployment, HeadUse
from analysis.options import FeatureOptions, QualityOptions
from analysis.plan import Need
from analysis.prepare import MIN_MODEL_LEADS, prepare
from errors import BadSamplingRate, NoModel, NoSamples, RecordingTooLong, TooFewLeads, TooShort
from model_store.bundle import load_bundle
from model_store.choose import EMBEDDED_FOLDER
from signals.record import EcgRecord
from tests.analysis.deployments import BOTH, LEADS, NOTHING, asked, encoder, record
from tests.intervals.synthetic import synthetic

GAPS = EcgRecord(np.full((12, 5000), np.nan, np.float32), 500.0, LEADS)


def with_pulse(start_s: float, seconds: float = 10.0) -> EcgRecord:
    """A synthetic ECG that ends with a pulse of 1 mV for 0.2 s in every lead at `start_s`."""
    signal = synthetic(seconds=seconds)
    start = round(start_s * 500)
    signal[:, start - 50 :] = 0.0
    signal[:, start : start + 100] = 1.0
    noise = np.random.default_rng(0).normal(0, 0.003, signal.shape)
    return EcgRecord((signal + noise).astype(np.float32), 500.0, LEADS)


@pytest.mark.parametrize(
    ("ecg", "error"),
    [
        (record(1.9), TooShort),
        (record(60.1), RecordingTooLong),
        (record(fs=40.0), BadSamplingRate),
        (GAPS, NoSamples),
    ],
)
def test_an_invalid_recording_is_refused(ecg: EcgRecord, error: type[Exception]) -> None:
    with pytest.raises(error):
        prepare(ecg, asked(BOTH), BOTH, max_seconds=60)


def test_the_limits_themselves_are_allowed() -> None:
    for ecg in (record(2.0), record(60.0)):
        assert prepare(ecg, asked(BOTH, include="signal"), BOTH, max_seconds=60).no_model is None


def test_gaps_throughout_are_judged_where_that_is_asked_for() -> None:
    quality = prepare(GAPS, QualityOptions(), BOTH, max_seconds=60).quality
    assert quality is not None
    assert (quality["readable"], quality["probability_readable"]) == (False, None)


@pytest.mark.parametrize(
    ("ecg", "error", "detail"),
    [
        (record(4.0), TooShort, "4 s at 500 Hz; the encoder needs at least 5 s"),
        (
            record(leads=("I",)),
            TooFewLeads,
            "signal: 1 of 12 leads contain a signal, derived leads included; "
            "the encoder needs at least 6",
        ),
    ],
)
def test_what_the_encoder_cannot_read_is_refused_where_it_is_the_whole_answer(
    ecg: EcgRecord, error: type[TooShort | TooFewLeads], detail: str
) -> None:
    labels = asked(BOTH, include="labels")
    refusing = [FeatureOptions("features")]
    if error is TooShort:
        refusing.append(replace(labels, requires_model=True))
    for options in refusing:
        with pytest.raises(error) as refused:
            prepare(ecg, options, BOTH, max_seconds=600)
        assert refused.value.detail == detail
        assert refused.value.errors[0].loc == ("signal",)
    # Too few leads still have a rhythm and a quality.
    needing = labels if error is TooShort else replace(labels, requires_model=True)
    prepared = prepare(ecg, needing, BOTH, max_seconds=600)
    assert prepared.no_model == detail
    assert (len(prepared.segments), prepared.needs, prepared.segment_times_s) == (0, {}, ())


def test_an_embedding_without_an_encoder_is_refused() -> None:
    with pytest.raises(NoModel):
        prepare(record(), FeatureOptions("features"), NOTHING, max_seconds=600)


def test_nothing_is_cut_where_no_encoder_is_needed() -> None:
    for options in (asked(BOTH, include="quality,signal"), QualityOptions()):
        prepared = prepare(record(), options, BOTH, max_seconds=600)
        assert (prepared.segments.shape, prepared.needs) == ((0, 12, 0), {})
        assert (prepared.no_model, prepared.segment_times_s) == (None, ())


def test_only_what_is_asked_for_is_computed() -> None:
    prepared = prepare(record(), asked(BOTH, include="features"), BOTH, max_seconds=600)
    assert (prepared.quality, prepared.measured) == (None, None)
    assert (prepared.signal, prepared.reported) == (None, None)
    assert prepared.needs == {"features": Need()}
    assert prepared.segments.shape == (2, 12, 2500)
    assert prepared.segment_times_s == ((0.0, 5.0), (5.0, 10.0))
    assert set(prepared.timings_ms) == {"measure", "segment"}


def test_the_quality_is_judged_for_measurements_but_shown_only_where_it_is_asked_for() -> None:
    prepared = prepare(record(), asked(BOTH, include="measurements"), BOTH, max_seconds=600)
    assert prepared.quality is None
    assert prepared.measured is not None


def test_an_encoder_with_another_preprocessing_gets_its_own_segments() -> None:
    """The embedded model reads windows of 10 s at 100 Hz in mV, with a row more than ECG-FM."""
    preprocessing = load_bundle(EMBEDDED_FOLDER).preprocessing
    embedded = replace(
        encoder("superclass"),
        preprocessing=preprocessing,
        labels=load_bundle(EMBEDDED_FOLDER).labels,
    )
    deployment = replace(BOTH, encoders={**BOTH.encoders, "superclass": embedded})
    options = asked(deployment, include="labels,superclass")
    prepared = prepare(record(), options, deployment, max_seconds=600)
    assert set(prepared.needs) == {"clinical", "superclass"}
    assert prepared.segments.shape == (2, 12, 2500)
    assert {role: rows.shape for role, rows in prepared.extra_segments.items()} == {
        "superclass": (1, 13, preprocessing.segment_samples)
    }
    alone = prepare(record(), asked(deployment, include="superclass"), deployment, max_seconds=600)
    assert alone.segments.shape == (1, 13, preprocessing.segment_samples)
    assert alone.extra_segments == {}


def test_a_pulse_at_the_end_is_cut_off_before_its_edge() -> None:
    options = asked(BOTH, include="labels,signal")
    prepared = prepare(with_pulse(9.5), options, BOTH, max_seconds=600)
    assert [warning for warning in prepared.warnings if warning.startswith("signal: a cal")] == [
        "signal: a calibration pulse at 9.5 s; only the signal before it is analysed"
    ]
    # 9.5 s less the edge leave one whole segment of 5 s; the signal itself is returned whole.
    assert prepared.segment_times_s == ((0.0, 5.0),)
    assert prepared.signal is not None and prepared.signal["data"].shape == (12, 5000)


def test_the_heads_of_the_deployment_are_kept_for_the_answer() -> None:
    heads = (HeadUse("rhythm", 3, "clinical"),)
    deployment = Deployment("auto", "tiny", "for tests", BOTH.encoders, heads, {"x": "damaged"})
    prepared = prepare(record(), asked(deployment), deployment, max_seconds=600)
    assert prepared.heads == heads
    assert prepared.unusable_heads == {"x": "damaged"}


def test_the_options_own_warnings_are_passed_on() -> None:
    options = replace(asked(BOTH, include="labels"), warnings=("thresholds: no effect",))
    assert "thresholds: no effect" in prepare(record(), options, BOTH, max_seconds=60).warnings


def test_six_leads_are_the_least() -> None:
    assert MIN_MODEL_LEADS == 6
    ecg = record(leads=LEADS[6:12])
    assert prepare(ecg, FeatureOptions("features"), BOTH, max_seconds=60).no_model is None


def test_nothing_is_measured_on_what_is_unreadable() -> None:
    flat = EcgRecord(np.zeros((12, 5000), np.float32), 500.0, LEADS)
    prepared = prepare(flat, asked(BOTH, include="measurements"), BOTH, max_seconds=60)
    assert prepared.measured is not None and prepared.measured.measurements is None
    assert prepared.measured.warnings == (
        "measurements: the recording is unreadable; nothing is measured",
    )
    assert prepared.measured.warnings[0] in prepared.warnings
