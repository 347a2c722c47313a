"""Options: what each does, wherever it is given, and the errors and warnings for wrong ones."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.intervals.synthetic import Made, synthetic
from tests.server.ecgs import (
    MSGPACK,
    NPY,
    Ecg,
    analyze,
    answer_of,
    array_of,
    carried,
    get,
    lasting,
    npy,
    places,
    post,
    post_npy,
    probabilities,
    problem_of,
    says,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ALWAYS = {"id", "request_id", "model", "segments", "processing_time", "warnings", "version"}
DEFAULT = {
    "clinical_analysis",
    "findings",
    "labels",
    "superclass",
    "pacemaker",
    "measurements",
    "quality",
    "signal_quality",
    "features",
}
ON_DEMAND = {
    "labels_by_segment",
    "saliency",
    "signal",
    "fiducials",
    "representative_beat",
    "matrix",
    "hrv",
    "reported",
    "heads",
}


def test_by_default_the_default_parts_are_there(server: RunningServer) -> None:
    assert set(analyze(server, twelve_seconds())) == ALWAYS | DEFAULT


@pytest.mark.parametrize(
    "include",
    [
        "labels,features",
        ["labels", "features"],
        " features , labels ",
        ["features", "labels", "labels"],
    ],
)
def test_include_is_a_list_or_a_comma_separated_text(server: RunningServer, include: Any) -> None:
    assert set(analyze(server, twelve_seconds(), include=include)) == ALWAYS | {
        "labels",
        "features",
    }


def test_include_may_be_repeated_in_a_query(server: RunningServer) -> None:
    query = [("include", "labels"), ("include", "features,signal")]
    answer = answer_of(post(server, "/analyze", json=twelve_seconds().json(), params=query))
    assert set(answer) == ALWAYS | {"labels", "features", "signal"}


@pytest.mark.parametrize("include", ["all", ["all"], ["labels", "all"]])
def test_include_all_is_every_part(server: RunningServer, include: Any) -> None:
    assert set(analyze(server, twelve_seconds(), include=include)) == ALWAYS | DEFAULT | ON_DEMAND


@pytest.mark.parametrize("include", ["", []])
def test_nothing_included_is_what_is_always_there(server: RunningServer, include: Any) -> None:
    assert set(analyze(server, twelve_seconds(), include=include)) == ALWAYS


def test_the_signal_comes_back_as_it_was_read(server: RunningServer) -> None:
    ecg = twelve_seconds().only("V3", "II", "aVR", "I").having("I", np.nan).times(1000)
    signal = analyze(server, ecg, include="signal", units="uV")["signal"]
    assert (signal["fs"], signal["units"], tuple(signal["lead_names"])) == (
        500,
        "mV",
        ecg.lead_names,
    )
    read = np.array(
        [[np.nan if value is None else value for value in row] for row in signal["data"]]
    )
    np.testing.assert_allclose(read, ecg.signal / 1000, rtol=1e-6)


REFUSED: list[tuple[str, dict[str, Any], str, list[str | int]]] = [
    ("/analyze", {"include": "labels,beats"}, "unknown_part", ["include"]),
    ("/analyze", {"include": ["labels", 7]}, "bad_option", ["include"]),
    ("/analyze", {"include": 7}, "bad_option", ["include"]),
    ("/analyze", {"include": {"labels": True}}, "bad_option", ["include"]),
    ("/analyze", {"aggregate": "median"}, "bad_option", ["aggregate"]),
    ("/analyze", {"thresholds": {"Sinus rythm": 0.5}}, "unknown_label", ["thresholds"]),
    (
        "/analyze",
        {"thresholds": {"Sinus rhythm": 1.5}},
        "bad_option",
        ["thresholds", "Sinus rhythm"],
    ),
    (
        "/analyze",
        {"thresholds": {"Sinus rhythm": -0.1}},
        "bad_option",
        ["thresholds", "Sinus rhythm"],
    ),
    (
        "/analyze",
        {"thresholds": {"Sinus rhythm": True}},
        "bad_option",
        ["thresholds", "Sinus rhythm"],
    ),
    (
        "/analyze",
        {"thresholds": {"Sinus rhythm": "high"}},
        "bad_option",
        ["thresholds", "Sinus rhythm"],
    ),
    ("/analyze", {"thresholds": [0.5]}, "bad_option", ["thresholds"]),
    ("/analyze", {"thresholds": "{"}, "bad_option", ["thresholds"]),
    ("/analyze", {"model": "ecg-fm-3"}, "bad_option", ["model"]),
    ("/extract_features", {"model": "ecg-fm-3"}, "bad_option", ["model"]),
    ("/extract_features", {"pooling": "median"}, "bad_option", ["pooling"]),
    ("/extract_features", {"level": "beat"}, "bad_option", ["level"]),
    ("/extract_features", {"layer": 4}, "layer_out_of_range", ["layer"]),
    ("/extract_features", {"layer": -5}, "layer_out_of_range", ["layer"]),
    ("/extract_features", {"layer": "last"}, "bad_option", ["layer"]),
    ("/extract_features", {"layer": 1.5}, "bad_option", ["layer"]),
    ("/extract_features", {"layer": True}, "bad_option", ["layer"]),
    ("/extract_features", {"layer": [1]}, "bad_option", ["layer"]),
    ("/extract_features", {"dtype": "int8"}, "bad_option", ["dtype"]),
    ("/extract_features", {"level": "token", "pooling": "mean"}, "bad_option", ["pooling"]),
    ("/extract_features", {"level": "record", "pooling": "none"}, "bad_option", ["level"]),
    ("/extract_features", {"level": "segment", "pooling": "none"}, "bad_option", ["level"]),
]


@pytest.mark.parametrize(
    "path, options, code, place", REFUSED, ids=[json.dumps(case[1]) for case in REFUSED]
)
def test_a_wrong_option_is_refused_with_its_place(
    server: RunningServer, path: str, options: dict[str, Any], code: str, place: list[str | int]
) -> None:
    problem = problem_of(post(server, path, json=twelve_seconds().json(**options)), 422, code)
    assert places(problem) == [place]
    assert str(place[0]) in problem["detail"]
    beside_many = post(server, path, json={"records": [twelve_seconds().json()], **options})
    problem_of(beside_many, 422, code)


def test_a_refused_option_says_what_is_allowed(server: RunningServer) -> None:
    body = twelve_seconds().json()
    for path, options, words in (
        ("/analyze", {"include": "beats"}, ("labels_by_segment", "all")),
        ("/analyze", {"thresholds": {"x": 0.5}}, ("Sinus rhythm",)),
        ("/extract_features", {"layer": 99}, ("0", "3")),
        ("/extract_features", {"model": "x"}, ("clinical", "features")),
    ):
        detail = post(server, path, json=body | options).json()["detail"]
        assert all(word in detail for word in words), detail


def test_thresholds_decide_what_is_positive(server: RunningServer) -> None:
    ecg = twelve_seconds()
    names = [label["name"] for label in analyze(server, ecg, include="labels")["labels"]]
    chances = dict(zip(names, probabilities(analyze(server, ecg)), strict=True))
    lowest, highest = (
        min(chances, key=lambda name: chances[name]),
        max(chances, key=lambda name: chances[name]),
    )
    answer = analyze(server, ecg, thresholds={lowest: 0.0, highest: 1.0})
    found = {label["name"]: (label["threshold"], label["positive"]) for label in answer["labels"]}
    assert found[lowest] == (0.0, True)
    assert found[highest] == (1.0, False)


def test_thresholds_may_be_a_json_text_in_the_query(server: RunningServer) -> None:
    ecg, thresholds = twelve_seconds(), {"Atrial fibrillation": 0.01}
    expected = lasting(analyze(server, ecg, thresholds=thresholds))
    text = json.dumps(thresholds)
    assert (
        lasting(answer_of(post(server, "/analyze", json=ecg.json(), params={"thresholds": text})))
        == expected
    )
    assert lasting(answer_of(post_npy(server, "/analyze", ecg, thresholds=text))) == expected


@pytest.mark.parametrize(
    "text",
    ["[" * 20_000, "9" * 5000, "NaN", '{"Sinus rhythm": NaN}', '{"Sinus rhythm": 1e999}'],
)
def test_odd_thresholds_in_the_query_are_the_clients_fault(
    server: RunningServer, text: str
) -> None:
    response = post(server, "/analyze", json=twelve_seconds().json(), params={"thresholds": text})
    assert problem_of(response, 422, "bad_option")["errors"][0]["loc"][0] == "thresholds"


def test_a_positive_rhythm_label_is_the_rhythm_unless_the_measurements_refute_it(
    server: RunningServer,
) -> None:
    """The recording has a regular rhythm with P waves, slower than 60 per minute."""
    slow = Ecg(synthetic(Made(rr_ms=1060.0), seconds=12.0).astype(np.float32), 500.0)
    everything_else = {
        label["name"]: 1.0 for label in analyze(server, slow, include="labels")["labels"]
    }
    for positive, rhythm, source in (
        (["Atrial fibrillation", "Sinus rhythm"], "Sinus bradycardia", "rules"),
        (["Sinus rhythm", "Bradycardia"], "Sinus bradycardia", "labels"),
        # The measured rate names a sinus rhythm, whatever the labels say of the rate.
        (["Sinus rhythm", "Tachycardia"], "Sinus bradycardia", "labels"),
        (["Sinus rhythm"], "Sinus bradycardia", "labels"),
        # `pacemaker.present` is false: spikes and beats show none.
        (["Electronic pacemaker", "Ventricular tachycardia"], "Ventricular tachycardia", "labels"),
        ([], "Sinus bradycardia", "rules"),
    ):
        clinical = analyze(server, slow, thresholds=everything_else | dict.fromkeys(positive, 0.0))[
            "clinical_analysis"
        ]
        assert (clinical["rhythm"], clinical["rhythm_source"]) == (rhythm, source)


def test_the_encoder_is_chosen_by_role_or_by_name(server: RunningServer) -> None:
    ecg = carried()
    loaded = {model["role"]: model["name"] for model in get(server, "/models").json()["models"]}
    assert set(loaded) == {"clinical", "features", "superclass"}
    for role, truth in (("clinical", "embedding"), ("features", "pretrained_embedding")):
        for name in (role, loaded[role]):
            answer = answer_of(post(server, "/extract_features", json=ecg.json(model=name)))
            np.testing.assert_allclose(answer["features"], ecg.truth[truth].mean(axis=0), atol=1e-4)
            assert answer["model"]["encoder"]["name"] == loaded[role]
        features = analyze(server, ecg, model=role)["features"]
        np.testing.assert_allclose(features, ecg.truth[truth].mean(axis=0), atol=1e-4)


def test_labels_are_the_clinical_encoders_whatever_model_is_asked_for(
    server: RunningServer,
) -> None:
    ecg = carried()
    for model in ("clinical", "features"):
        np.testing.assert_allclose(
            probabilities(analyze(server, ecg, model=model)), ecg.truth["record_probs"], atol=1e-4
        )


def test_float16_is_on_the_wire_only_when_asked_for(server: RunningServer) -> None:
    ecg = twelve_seconds()
    full = array_of(post(server, "/extract_features", json=ecg.json(), headers={"Accept": NPY}))
    half = array_of(
        post(server, "/extract_features", json=ecg.json(dtype="float16"), headers={"Accept": NPY})
    )
    assert (full.dtype, half.dtype) == (np.float32, np.float16)
    np.testing.assert_array_equal(full.astype(np.float16), half)
    in_json = answer_of(post(server, "/extract_features", json=ecg.json(dtype="float16")))
    np.testing.assert_array_equal(np.array(in_json["features"], np.float16), half)


@pytest.mark.parametrize(
    "options, shape",
    [
        ({}, [32]),
        ({"level": "record"}, [32]),
        ({"level": "segment"}, [2, 32]),
        ({"level": "token"}, [2, 156, 32]),
        ({"pooling": "none"}, [2, 156, 32]),
        ({"pooling": "none", "level": "token"}, [2, 156, 32]),
        ({"pooling": "max"}, [32]),
        ({"pooling": "max", "level": "segment", "layer": 0}, [2, 32]),
        ({"layer": "2"}, [32]),
        ({"layer": 2.0}, [32]),
        ({"layer": -4}, [32]),
    ],
    ids=str,
)
def test_level_and_pooling_give_the_shape(
    server: RunningServer, options: dict[str, Any], shape: list[int]
) -> None:
    answer = answer_of(post(server, "/extract_features", json=twelve_seconds().json(**options)))
    assert answer["shape"] == shape == list(np.shape(answer["features"]))
    assert answer["segments"] == 2


def test_an_option_does_the_same_in_the_body_the_query_and_the_form(server: RunningServer) -> None:
    ecg, option = twelve_seconds(), {"level": "segment", "layer": "1"}
    expected = lasting(answer_of(post(server, "/extract_features", json=ecg.json(**option))))
    in_query = post(server, "/extract_features", json=ecg.json(), params=option)
    packed = post(
        server,
        "/extract_features",
        content=ecg.msgpack(),
        params=option,
        headers={"Content-Type": MSGPACK},
    )
    file = {"file": ("ecg.npy", npy(ecg.signal))}
    in_form = post(server, "/extract_features", files=file, data={**ecg.query(), **option})
    beside_form = post(server, "/extract_features", files=file, params={**ecg.query(), **option})
    for response in (in_query, packed, in_form, beside_form):
        assert lasting(answer_of(response)) == expected


@pytest.mark.parametrize(
    "path, option",
    [
        ("/analyze", {"pooling": "max"}),
        ("/analyze", {"layer": 99}),
        ("/extract_features", {"include": "nonsense"}),
        ("/assess_quality", {"thresholds": 3}),
    ],
)
def test_another_routes_option_is_named_in_the_warnings(
    server: RunningServer, path: str, option: dict[str, Any]
) -> None:
    (name,) = option
    assert says(
        answer_of(post(server, path, json=twelve_seconds().json(**option))), f"{name}:", path
    )


def test_unknown_fields_are_named_with_what_was_meant(server: RunningServer) -> None:
    body = twelve_seconds().json(lead_name=["I"], patient={"agee": 60}, includes="labels")
    answer = answer_of(post(server, "/analyze", json=body, params={"treshold": "0.5"}))
    assert says(answer, "lead_name:", "unknown", "lead_names")
    assert says(answer, "patient.agee:", "unknown", "age")
    assert says(answer, "includes:", "unknown", "include")
    assert says(answer, "treshold:", "unknown", "thresholds")
    many = answer_of(
        post(server, "/analyze", json={"records": [twelve_seconds().json()], "agregate": "max"})
    )
    assert says(many["results"][0], "agregate:", "unknown", "aggregate")


def test_a_flood_of_unknown_fields_is_counted_not_listed(server: RunningServer) -> None:
    flood = {f"field_{number}": number for number in range(5000)}
    assert len(analyze(server, twelve_seconds(), **flood)["warnings"]) < 30
    many = answer_of(post(server, "/analyze", json={"records": [twelve_seconds().json()], **flood}))
    assert len(many["results"][0]["warnings"]) < 30
