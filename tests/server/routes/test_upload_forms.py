"""/predict and /classify: the upload forms of earlier services, with the clients that they have."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import httpx
import numpy as np
import pytest

from tests.data import SHARED, requires_shared
from tests.server.ecgs import analyze, twelve_seconds
from tests.server.harness import ANSWER_S, RunningServer

PERSON = {
    "recording_date": "01/11/1984  8:27:32",
    "age": 63,
    "height": 55,
    "weight": 80,
    "nurse": 0,
    "site": 2,
    "device": "CS-12   E",
    "sex": "Male",
    "patient_id": 1,
}
DESCRIPTIONS = {
    None: "keine der fünf Klassen",
    "NORM": "normales EKG",
    "MI": "Myokardinfarkt",
    "STTC": "ST/T-Änderung",
    "CD": "Leitungsstörung",
    "HYP": "Hypertrophie",
}


def ecg_file(seconds: float = 10.0) -> tuple[str, bytes]:
    return "ecg.json", json.dumps(twelve_seconds().seconds(0, seconds).json(units="mV")).encode()


def person(**changed: Any) -> tuple[str, bytes]:
    person_fields = {name: value for name, value in (PERSON | changed).items() if value is not ...}
    return "ecg_predict.txt", json.dumps(person_fields).encode()


def upload(
    server: RunningServer, route: str, *files: tuple[str, bytes], **params: str
) -> httpx.Response:
    return httpx.post(
        server.url + route,
        files=[("files", file) for file in files],
        params=params,
        timeout=ANSWER_S,
    )


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.headers["content-type"] == "application/problem+json"
    return problem


def test_a_result_with_what_was_sent_beside_it(server: RunningServer) -> None:
    answer = upload(server, "/predict", person(), ecg_file()).json()
    assert answer["result"] is answer["pacemaker_result"] is False
    assert (answer["age"], answer["recording_date"]) == (63, PERSON["recording_date"])
    assert 0 <= answer["probability"] < 0.5
    assert set(answer["evidence"]) == {
        "spikes",
        "spike_times_s",
        "chamber",
        "morphology",
        "label",
        "visible",
    }


def test_order_and_names_change_nothing(server: RunningServer) -> None:
    first = upload(server, "/predict", person(), ecg_file()).json()
    second = upload(server, "/predict", ("x.bin", ecg_file()[1]), ("y", person()[1])).json()
    assert first["probability"] == second["probability"]


@pytest.mark.parametrize("age", [19, "19", 18.5, 120, "63"])
def test_above_eighteen_there_is_a_result_with_the_age(server: RunningServer, age: object) -> None:
    answer = upload(server, "/predict", person(age=age), ecg_file()).json()
    assert (answer["result"], answer["age"]) == (False, age)


@pytest.mark.parametrize("age", [18, "18", 18.0, 17, "17", 0, 17.9])
def test_nobody_of_eighteen_or_under(server: RunningServer, age: object) -> None:
    problem = refused(upload(server, "/predict", person(age=age), ecg_file()), 422, "under_age")
    assert problem["result"] is None and problem["pacemaker_result"] is None
    assert (problem["age"], problem["recording_date"]) == (age, PERSON["recording_date"])


@pytest.mark.parametrize(
    ("age", "code"),
    [
        *(
            (..., "missing_field"),
            (None, "missing_field"),
            (True, "bad_type"),
            ("old", "bad_type"),
            ([63], "bad_type"),
        ),
        *(
            (-1, "bad_type"),
            (121, "bad_type"),
            ("", "bad_type"),
            ("1_8", "bad_type"),
            ("nan", "bad_type"),
            (1e300, "bad_type"),
        ),
    ],
)
def test_an_odd_age_is_refused_by_name(server: RunningServer, age: object, code: str) -> None:
    problem = refused(upload(server, "/predict", person(age=age), ecg_file()), 422, code)
    assert problem["result"] is None
    assert problem["errors"][0]["loc"] == ["age"]


def test_every_refused_upload_has_a_result_of_null(server: RunningServer) -> None:
    missing = refused(upload(server, "/predict", ecg_file()), 422, "missing_part")
    two = refused(
        upload(server, "/predict", person(), person(age=5), ecg_file()), 422, "missing_part"
    )
    no_header = refused(
        upload(server, "/predict", person(), ("00001_lr.dat", bytes(range(240)))),
        422,
        "missing_part",
    )
    assert "the header is missing" in no_header["detail"]
    no_ecg = refused(upload(server, "/predict", person()), 422, "missing_part")
    short = refused(upload(server, "/predict", person(), ecg_file(1.0)), 422, "too_short")
    unknown = refused(
        upload(server, "/predict", person(), ("a", b"what is this")), 415, "unknown_format"
    )
    not_a_form = refused(
        httpx.post(server.url + "/predict", json=PERSON), 415, "unsupported_media_type"
    )
    assert all(
        problem["result"] is None
        for problem in (missing, two, no_header, no_ecg, short, unknown, not_a_form)
    )
    assert "multipart/form-data" in not_a_form["detail"]


def test_what_cannot_be_read_has_no_result_and_a_reason(server: RunningServer) -> None:
    flat = {**twelve_seconds().json(units="mV"), "signal": np.zeros((12, 5000)).tolist()}
    answer = upload(server, "/predict", person(), ("ecg", json.dumps(flat).encode())).json()
    assert answer["result"] is None and answer["probability"] is None
    assert any(warning.startswith("pacemaker:") for warning in answer["warnings"])


def test_a_superclass_in_english_and_german(server: RunningServer) -> None:
    """As /analyze names it; the description and the probability are those of the same class."""
    named = analyze(server, twelve_seconds().seconds(0, 10), units="mV")["superclass"]
    answer = upload(server, "/classify", ecg_file()).json()
    assert answer["diagnosis"] == named["top"]
    assert answer["probabilities"] == pytest.approx(named["probabilities"], abs=1e-6)
    assert answer["probability"] == answer["probabilities"].get(named["top"])
    german = upload(server, "/classify", ecg_file(), lang="de").json()
    assert german["description"] == DESCRIPTIONS[german["diagnosis"]]
    refused(upload(server, "/classify", ecg_file(), lang="fr"), 422, "bad_option")


def test_a_superclass_needs_a_model_and_five_seconds(
    server: RunningServer, bare_server: RunningServer
) -> None:
    refused(upload(bare_server, "/classify", ecg_file()), 503, "no_model")
    refused(upload(server, "/classify", ecg_file(4.0)), 422, "too_short")
    refused(httpx.post(server.url + "/classify", json={}), 415, "unsupported_media_type")


@requires_shared
def test_curl_as_the_earlier_service_was_called(server: RunningServer) -> None:
    folder = SHARED / "ptbxl" / "raw100"
    name = min(path.stem for path in folder.glob("*.hea"))

    def sent(*files: str) -> dict[str, Any]:
        forms = [part for file in files for part in ("-F", f"files=@{file}")]
        curl = ["curl", "-s", *forms, server.url + "/predict"]
        about = json.dumps(PERSON)
        done = subprocess.run(
            curl, input=about, capture_output=True, text=True, timeout=ANSWER_S, check=True
        )
        return dict(json.loads(done.stdout))

    dat, hea = f"{folder / name}.dat", f"{folder / name}.hea"
    first = sent("-;filename=ecg_predict.txt", dat, hea)
    assert first["result"] is False and first["age"] == 63
    assert first["evidence"]["visible"] is False, "at 100 Hz"
    assert sent(hea, "-;filename=ecg_predict.txt", dat)["probability"] == first["probability"]
    assert sent("-;filename=ecg_predict.txt", hea)["code"] == "missing_part"
    other = sorted(folder.glob("*.hea"))[1]
    two = sent("-;filename=ecg_predict.txt", dat, hea, str(other), str(other.with_suffix(".dat")))
    assert two["code"] == "several_recordings" and two["result"] is None
