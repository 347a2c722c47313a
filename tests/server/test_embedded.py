"""A server with the embedded model: superclasses, labels and embeddings of real recordings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model_store.labels import ecg_fm_labels
from signals.leads import LEADS
from superclasses import SUPERCLASSES
from tests.data import SHARED, requires_shared
from tests.server.ecgs import (
    Ecg,
    analyze,
    answer_of,
    get,
    post,
    post_npy,
    problem_of,
    says,
    twelve_seconds,
)
from tests.server.harness import RunningServer
from training.datasets.ptbxl import in_standard_order, read_file

PACED = 144  # of PTB-XL: electronic pacemaker
ECG = twelve_seconds()


def ptbxl(number: int, kind: str = "raw500/{:05d}_hr") -> Ecg:
    record = read_file(SHARED / "ptbxl" / kind.format(number))
    return Ecg(in_standard_order(record), record.fs, LEADS)


def probabilities(answer: dict[str, Any]) -> dict[str, float]:
    return {label["name"]: label["probability"] for label in answer["labels"]}


def distance(first: dict[str, Any], second: dict[str, Any]) -> float:
    return max(
        abs(
            first["superclass"]["probabilities"][name] - second["superclass"]["probabilities"][name]
        )
        for name in SUPERCLASSES
    )


def test_it_says_everywhere_what_was_chosen_and_why(embedded: RunningServer) -> None:
    health = embedded.health_when_complete()
    assert (health["status"], health["model"]["requested"], health["model"]["chosen"]) == (
        "ok",
        "auto",
        "embedded",
    )
    assert "auto chose the embedded model" in health["model"]["reason"]
    model = analyze(embedded, ECG)["model"]
    assert model["encoder"]["source"].startswith("auto: auto chose the embedded model")
    assert model["labels"] == model["superclass"] and model["labels"].startswith("embedded@")
    (listed,) = answer_of(get(embedded, "/models"))["models"]
    assert listed["card"] == "/docs/models/embedded" and "CC BY 4.0" in listed["licence"]
    assert get(embedded, listed["card"]).status_code == 200


def test_the_default_parts_are_all_there(embedded: RunningServer) -> None:
    answer = analyze(embedded, ECG)
    for part in (
        "clinical_analysis",
        "labels",
        "superclass",
        "measurements",
        "quality",
        "features",
    ):
        assert answer[part] is not None, part
    assert answer["clinical_analysis"]["rhythm_source"] == "labels"
    assert len(answer["features"]) == 512 and answer["segments"] == 2


def test_superclasses_have_a_part_of_their_own(embedded: RunningServer) -> None:
    answer = analyze(embedded, ECG)
    found = answer["superclass"]
    assert set(found["probabilities"]) == set(SUPERCLASSES)
    assert set(found["positive"]) <= set(SUPERCLASSES)
    assert found["top"] == max(
        found["positive"], key=found["probabilities"].__getitem__, default=None
    )
    assert not set(SUPERCLASSES) & set(probabilities(answer))
    assert not set(SUPERCLASSES) & set(answer["clinical_analysis"]["abnormalities"])


def test_labels_that_ptbxl_does_not_tell_are_absent(embedded: RunningServer) -> None:
    found = set(probabilities(analyze(embedded, ECG)))
    shared = {label.name for label in ecg_fm_labels()} & found
    assert {
        "Sinus rhythm",
        "Atrial fibrillation",
        "Right bundle branch block",
        "Infarction",
    } <= shared
    assert (
        not {"Poor data quality", "Ventricular tachycardia", "Accessory pathway conduction"} & found
    )
    assert {"Left anterior fascicular block", "Wolff-Parkinson-White pattern", "Ischaemia"} <= found


def test_thresholds_hold_for_superclasses_too(embedded: RunningServer) -> None:
    answer = analyze(embedded, ECG, thresholds={"NORM": 0.0, "MI": 1.0, "Sinus rhythm": 0.0})
    assert (
        "NORM" in answer["superclass"]["positive"] and "MI" not in answer["superclass"]["positive"]
    )
    problem_of(
        post(embedded, "/analyze", json=ECG.json(thresholds={"Ventricular tachycardia": 0.5})),
        422,
        "unknown_label",
    )


def test_embeddings_layers_and_saliency(embedded: RunningServer) -> None:
    whole = answer_of(post(embedded, "/extract_features", json=ECG.json()))
    assert whole["shape"] == [512]
    tokens = answer_of(post(embedded, "/extract_features", json=ECG.json(level="token", layer=2)))
    assert tokens["shape"][0] == 2 and len(tokens["shape"]) == 3
    saliency = analyze(embedded, ECG, include="saliency")["saliency"]
    assert "attention pooling" in saliency["method"]
    assert [segment["start"] for segment in saliency["segments"]] == [
        0.0,
        pytest.approx(ECG.signal.shape[1] / ECG.fs - 10),
    ]
    problem_of(
        post(embedded, "/extract_features", json=ECG.json(layer=6)), 422, "layer_out_of_range"
    )


def test_five_seconds_are_enough_and_less_is_not(embedded: RunningServer) -> None:
    five = replace(ECG, signal=ECG.signal[:, : round(5 * ECG.fs)])
    assert analyze(embedded, five)["superclass"] is not None
    less = analyze(embedded, replace(ECG, signal=ECG.signal[:, : round(4.9 * ECG.fs)]))
    assert less["superclass"] is None and says(less, "superclass:", "5 s")


@requires_shared
def test_a_paced_recording_and_a_normal_one(embedded: RunningServer) -> None:
    paced, normal = analyze(embedded, ptbxl(PACED)), analyze(embedded, ptbxl(1, "raw100/{:05d}_lr"))
    assert (
        probabilities(paced)["Electronic pacemaker"] > probabilities(normal)["Electronic pacemaker"]
    )
    assert normal["superclass"]["top"] == "NORM"


@requires_shared
@pytest.mark.parametrize("rate", [100, 250, 1000])
def test_the_sampling_rate_changes_little(embedded: RunningServer, rate: int) -> None:
    import scipy.signal

    ecg = ptbxl(PACED)
    other = Ecg(
        np.asarray(scipy.signal.resample_poly(ecg.signal, rate, 500, axis=1), np.float32),
        float(rate),
        LEADS,
    )
    assert distance(analyze(embedded, ecg), analyze(embedded, other)) < 0.05


@requires_shared
def test_units_and_filters_change_little(embedded: RunningServer) -> None:
    import scipy.signal

    ecg = ptbxl(1, "raw100/{:05d}_lr")
    whole = analyze(embedded, ecg)
    assert (
        distance(whole, analyze(embedded, replace(ecg, signal=1000 * ecg.signal), units="uV"))
        < 1e-3
    )
    band = scipy.signal.butter(2, (0.5, 40.0), "bandpass", fs=ecg.fs, output="sos")
    filtered = replace(
        ecg, signal=np.asarray(scipy.signal.sosfiltfilt(band, ecg.signal, axis=1), np.float32)
    )
    assert distance(whole, analyze(embedded, filtered)) < 0.1
    counts = analyze(embedded, replace(ecg, signal=200 * ecg.signal), units="unknown")
    again = analyze(embedded, replace(ecg, signal=0.37 * ecg.signal), units="unknown")
    assert distance(counts, again) < 1e-3


def test_beside_ecg_fm_it_gives_the_superclasses(server: RunningServer) -> None:
    answer = analyze(server, ECG)
    assert set(answer["superclass"]["probabilities"]) == set(SUPERCLASSES)
    assert answer["model"]["superclass"].startswith("embedded@") and not answer["model"][
        "labels"
    ].startswith("embedded")
    assert {label["name"] for label in answer["labels"]} == {
        label.name for label in ecg_fm_labels()
    }
    alone = analyze(server, ECG, include="superclass")
    assert distance(alone, answer) < 1e-5
    embedding = answer_of(post(server, "/extract_features", json=ECG.json(model="superclass")))
    assert embedding["shape"] == [512]


def test_ten_minutes_beside_ecg_fm(server: RunningServer) -> None:
    long = replace(ECG, signal=np.tile(ECG.signal, (1, 48)))
    answer = answer_of(post_npy(server, "/analyze", long, include="superclass,labels"))
    assert answer["superclass"] is not None and len(answer["labels"]) == 17
