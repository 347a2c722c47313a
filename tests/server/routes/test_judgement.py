"""Recordings that cannot be judged: the same gate on every route, wire format and client."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from ecgfm_client import EcgClient
from ecgfm_client.report import analysis_report

from tests.intervals.synthetic import synthetic
from tests.server.ecgs import (
    Ecg,
    analyze,
    answer_of,
    npy,
    post,
    post_msgpack,
    post_npy,
    probabilities,
    problem_of,
    says,
    twelve_seconds,
)
from tests.server.harness import RunningServer

RNG = np.random.default_rng(3)
READABLE = Ecg((synthetic() + RNG.normal(0, 0.005, (12, 5000))).astype(np.float32), 500.0)
NOISE = Ecg(RNG.normal(0, 0.01, (12, 5000)).astype(np.float32), 500.0)
FLAT = Ecg(np.zeros((12, 5000), np.float32), 500.0)
# 50 s that were recorded at 100 Hz, sent as 10 s at 500 Hz.
TOO_FAST = Ecg(np.tile(twelve_seconds().signal[:, :5000:5], (1, 5)), 500.0)
UNREADABLE = "the recording is unreadable"
NO_BEATS = "no beats are found"
NOT_JUDGED = pytest.mark.parametrize(
    ("ecg", "doubt"),
    [(NOISE, UNREADABLE), (FLAT, UNREADABLE), (TOO_FAST, NO_BEATS)],
    ids=["noise", "flat", "wrong fs"],
)
PERSON = ("patient.txt", json.dumps({"age": 63}).encode())
PARTS = ("labels", "labels_by_segment", "superclass", "heads")


def file_of(ecg: Ecg) -> tuple[str, bytes]:
    return "ecg.json", json.dumps(ecg.json(units="mV")).encode()


def uploaded(server: RunningServer, route: str, ecg: Ecg, **fields: str) -> dict[str, Any]:
    files = [("files", file_of(ecg))]
    if route == "/predict":
        files.append(("files", PERSON))
    return answer_of(post(server, route, files=files, data=fields))


def assert_not_judged(answer: dict[str, Any], doubt: str) -> None:
    assert [answer[part] for part in PARTS] == [None] * len(PARTS)
    assert answer["clinical_analysis"]["rhythm"] == "Undetermined"
    assert answer["clinical_analysis"]["abnormalities"] == []
    assert answer["pacemaker"]["present"] is None
    for part in (*PARTS, "clinical_analysis", "pacemaker"):
        assert says(answer, f"{part}: not judged, because {doubt}", "judge_unreadable=true")


@NOT_JUDGED
@pytest.mark.parametrize("wire", ["json", "npy", "msgpack", "form"])
def test_every_wire_format_of_analyze(
    server: RunningServer, ecg: Ecg, doubt: str, wire: str
) -> None:
    if wire == "json":
        answer = analyze(server, ecg, include="all")
    elif wire == "npy":
        answer = answer_of(post_npy(server, "/analyze", ecg, include="all"))
    elif wire == "msgpack":
        answer = answer_of(post_msgpack(server, "/analyze", ecg.msgpack(include="all")))
    else:
        answer = uploaded(server, "/analyze", ecg, include="all")
    assert_not_judged(answer, doubt)
    if ecg is not FLAT:
        assert answer["features"] is not None


@NOT_JUDGED
@pytest.mark.parametrize("part", [*PARTS, "clinical_analysis", "pacemaker"])
def test_a_part_alone_asks_too(server: RunningServer, ecg: Ecg, doubt: str, part: str) -> None:
    answer = analyze(server, ecg, include=part)
    assert says(answer, f"{part}: not judged, because {doubt}")
    assert "quality" not in answer and "measurements" not in answer


@NOT_JUDGED
def test_without_an_encoder(bare_server: RunningServer, ecg: Ecg, doubt: str) -> None:
    assert_not_judged(analyze(bare_server, ecg, include="all"), doubt)


@NOT_JUDGED
def test_the_forms_of_earlier_services(server: RunningServer, ecg: Ecg, doubt: str) -> None:
    classified = uploaded(server, "/classify", ecg)
    values = [classified[name] for name in ("diagnosis", "probability", "probabilities")]
    assert values == [None, None, None]
    assert classified["rhythm"] == "Undetermined"
    assert doubt in classified["description"]
    assert says(classified, f"superclass: not judged, because {doubt}")
    assert uploaded(server, "/classify", ecg, lang="de")["description"].startswith("keine Klasse: ")
    report = uploaded(server, "/diagnosis", ecg)
    assert report["conclusion"] is None
    assert doubt in report["note"][0]["text"]
    predicted = uploaded(server, "/predict", ecg)
    assert (predicted["result"], predicted["probability"]) == (None, None)
    assert says(predicted, f"pacemaker: not judged, because {doubt}")


@NOT_JUDGED
def test_fhir(server: RunningServer, ecg: Ecg, doubt: str) -> None:
    headers = {"Accept": "application/fhir+json"}
    bundle = answer_of(post(server, "/analyze", json=ecg.json(), headers=headers))
    report = bundle["entry"][0]["resource"]
    assert report["conclusion"].startswith("Undetermined (by rules).")
    assert f"labels: not judged, because {doubt}" in report["conclusion"]
    assert "Probabilities of ECG findings" not in json.dumps(bundle)


def test_a_record_that_is_not_judged_leaves_the_others_as_they_are(server: RunningServer) -> None:
    records = [ecg.json() for ecg in (READABLE, NOISE, TOO_FAST, READABLE)]
    results = answer_of(post(server, "/analyze", json={"records": records}))["results"]
    assert [result["labels"] is None for result in results] == [False, True, True, False]
    assert probabilities(results[0]) == pytest.approx(probabilities(results[3]), abs=1e-5)


@NOT_JUDGED
def test_the_client_prints_the_reason_and_no_diagnosis(
    server: RunningServer, ecg: Ecg, doubt: str
) -> None:
    with EcgClient(server.url) as client:
        report = analysis_report("ecg", client.analyze(ecg.signal, fs=ecg.fs, units="mV"))
    first_lines = report.splitlines()[2:5]
    assert first_lines[0] == "Undetermined (by rules)"
    assert first_lines[1] == "Pacemaker: not judged"
    assert "Superclass" not in report and "Abnormalities" not in report
    assert f"! labels: not judged, because {doubt}" in report


@pytest.mark.parametrize("ecg", [NOISE, TOO_FAST], ids=["noise", "wrong fs"])
def test_judge_unreadable_is_an_option_of_every_route_and_wire(
    server: RunningServer, ecg: Ecg
) -> None:
    include = "labels,superclass,clinical_analysis,pacemaker"
    whole = {"include": include, "judge_unreadable": True}
    query = {"include": include, "judge_unreadable": "true"}
    answers = [
        analyze(server, ecg, **whole),
        answer_of(post(server, "/analyze", json=ecg.json(), params=query)),
        answer_of(post_npy(server, "/analyze", ecg, **query)),
        answer_of(post_msgpack(server, "/analyze", ecg.msgpack(**whole))),
        uploaded(server, "/analyze", ecg, **query),
        answer_of(post(server, "/analyze", json={"records": [ecg.json()], **whole}))["results"][0],
    ]
    for answer in answers:
        assert answer["labels"] and answer["superclass"]["probabilities"]
        # The rules may decide: where the beats are too fast, or no label names a rhythm.
        assert answer["clinical_analysis"]["rhythm_source"] in ("labels", "rules")
        assert answer["pacemaker"]["present"] is not None
        for part in include.split(","):
            assert says(answer, f"{part}: judged although ")
    classified = uploaded(server, "/classify", ecg, judge_unreadable="true")
    assert classified["probabilities"] == pytest.approx(
        answers[0]["superclass"]["probabilities"], abs=1e-6
    )
    assert says(classified, "superclass: judged although ")
    predicted = uploaded(server, "/predict", ecg, judge_unreadable="true")
    assert predicted["probability"] is not None
    assert says(predicted, "pacemaker: judged although ")
    assert any(
        note["text"].startswith("superclass: judged although ")
        for note in uploaded(server, "/diagnosis", ecg, judge_unreadable="true")["note"]
    )
    with EcgClient(server.url) as client:
        asked = client.analyze(ecg.signal, fs=ecg.fs, units="mV", judge_unreadable=True)
        assert asked.labels


@pytest.mark.parametrize("value", ["True", "FALSE", "true", True, False, None])
def test_a_readable_recording_is_judged_without_a_word_about_it(
    server: RunningServer, value: object
) -> None:
    answer = analyze(server, READABLE, include="labels", judge_unreadable=value)
    assert answer["labels"] is not None and answer["warnings"] == []


@pytest.mark.parametrize("value", ["yes", 1, "", [True], 0.5])
def test_another_value_is_refused(server: RunningServer, value: object) -> None:
    response = post(server, "/analyze", json=READABLE.json(judge_unreadable=value))
    problem = problem_of(response, 422, "bad_option")
    assert problem["errors"][0]["loc"] == ["judge_unreadable"]
    assert problem["detail"].endswith("; allowed are true and false")


def test_quality_and_embeddings_do_not_ask(server: RunningServer) -> None:
    """The option has no effect there, and says so."""
    for route in ("/assess_quality", "/extract_features"):
        response = post(
            server,
            route,
            content=npy(NOISE.signal),
            params=NOISE.query(judge_unreadable="true"),
            headers={"Content-Type": "application/x-npy"},
        )
        assert says(answer_of(response), "judge_unreadable: has no effect on")
