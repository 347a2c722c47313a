"""The real clients of the services that /classify, /diagnosis and /predict replace.

The German service: github, an EKG-Diagnose-Client that posts `{"file": file}` with requests to
/diagnosis: a zip of a .hea and its .dat, the CSV of an Apple Watch, or JSON. The pacemaker service:
github.com/sagi-ezri/ecg-pacemaker-detector, whose README sends three files with curl.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import requests
from fhir.resources.diagnosticreport import DiagnosticReport

from server.media_types import HTML
from superclasses import SUPERCLASSES
from tests.server.ecgs import Ecg, twelve_seconds
from tests.server.harness import ANSWER_S, RunningServer

ECG = twelve_seconds()
TEN_SECONDS = ECG.seconds(0, 10)
TOO_FEW = "1 of 12 leads contain a signal, derived leads included; the encoder needs at least 6"
WATCH_HEAD = """\
Name,Test Person
Date of Birth,"Jan 1, 1970"
Recorded Date,2024-01-01 10:00:00 +0000
Classification,Sinus Rhythm
Symptoms,
Software Version,1.90
Device,"Watch6,1"
Sample Rate,500 hertz


Lead,Lead I
Unit,µV

"""


def watch_csv() -> bytes:
    """Return lead I in the layout of the ECG that Apple's Health app exports."""
    samples = "\n".join(f"{1000 * value:.3f}" for value in TEN_SECONDS.only("I").signal[0])
    return (WATCH_HEAD + samples + "\n").encode()


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def wfdb_pair(name: str, ecg: Ecg) -> dict[str, bytes]:
    """Return header and signal file in format 16 at 1000 units per mV, as PTB-XL's are."""
    codes = np.rint(1000 * ecg.signal).astype("<i2")
    lines = [f"{name} {len(codes)} {ecg.fs:g} {codes.shape[1]}"]
    for row, lead in zip(codes, ecg.lead_names, strict=True):
        checksum = int(row.astype(np.int64).sum() + 32768) % 65536 - 32768
        lines.append(f"{name}.dat 16 1000/mV 16 0 {row[0]} {checksum} 0 {lead}")
    header = "\n".join(lines) + "\n"
    return {f"{name}.hea": header.encode(), f"{name}.dat": codes.T.tobytes()}


SINGLE_LEAD = {
    "ecg_2024-01-01.csv": watch_csv(),
    "watch.zip": zipped({"ecg_2024-01-01.csv": watch_csv()}),
    "export.zip": zipped(
        {
            "apple_health_export/electrocardiograms/ecg_2024-01-01.csv": watch_csv(),
            "apple_health_export/export.xml": b"<HealthData/>",
        }
    ),
    "lead.zip": zipped(wfdb_pair("lead", TEN_SECONDS.only("V4"))),
    "lead.json": json.dumps(TEN_SECONDS.only("V4").json(units="mV")).encode(),
}
TWELVE_LEADS = {
    "00001_hr.zip": zipped(wfdb_pair("00001_hr", TEN_SECONDS)),
    "ecg.json": json.dumps(TEN_SECONDS.json(units="mV")).encode(),
}


def german_client(server: RunningServer, name: str, content: bytes, folder: Path) -> Any:
    """Post a file as the client does, and return what it prints."""
    path = folder / name
    path.write_bytes(content)
    with path.open("rb") as file:
        answer = requests.post(f"{server.url}/diagnosis", files={"file": file}, timeout=ANSWER_S)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def classify(server: RunningServer, name: str, content: bytes, **params: str) -> Any:
    answer = httpx.post(
        f"{server.url}/classify", files={"file": (name, content)}, params=params, timeout=ANSWER_S
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", TWELVE_LEADS)
def test_the_german_client_gets_a_class_with_its_confidence(
    server: RunningServer, name: str, tmp_path: Path
) -> None:
    report = german_client(server, name, TWELVE_LEADS[name], tmp_path)
    DiagnosticReport.model_validate(report)
    classified = classify(server, name, TWELVE_LEADS[name])
    assert report["resourceType"] == "DiagnosticReport"
    assert report["code"] == {"text": "ECG analysis"}
    assert report["conclusion"] == classified["diagnosis"] in SUPERCLASSES
    notes = [note["text"] for note in report["note"]]
    assert notes[0] == f"Confidence: {100 * classified['probability']:.2f}%"
    assert notes[1].startswith("Probabilities: NORM ")
    rhythm = f"{classified['rhythm']} {classified['rhythm_confidence']:.2%}"
    assert notes[2].startswith(f"Rhythm: {rhythm} (by labels), ")
    assert notes[3] == f"Signal quality: {classified['signal_quality']}"
    assert notes[4:-1] == classified["warnings"]


@pytest.mark.parametrize("name", SINGLE_LEAD)
def test_a_single_lead_gets_its_rhythm_and_no_class(
    server: RunningServer, name: str, tmp_path: Path
) -> None:
    report = german_client(server, name, SINGLE_LEAD[name], tmp_path)
    assert report["conclusion"] is None
    notes = [note["text"] for note in report["note"]]
    assert notes[0] == f"no class: signal: {TOO_FEW}"
    assert notes[1] == "Rhythm: Sinus bradycardia (by rules), 58 beats/min"
    assert notes[2].startswith("Signal quality: ")
    classified = classify(server, name, SINGLE_LEAD[name], lang="de")
    assert classified["diagnosis"] is None
    assert classified["description"] == f"keine Klasse: signal: {TOO_FEW}"
    assert (classified["probability"], classified["probabilities"]) == (None, None)
    assert (classified["rhythm"], classified["rhythm_source"]) == ("Sinus bradycardia", "rules")
    assert classified["heart_rate"] == pytest.approx(58, abs=0.5)
    assert classified["signal_quality"] in ("Excellent", "Good")
    assert f"superclass: signal: {TOO_FEW}" in classified["warnings"]


def test_the_report_is_fhir_where_it_is_asked_for_and_refusals_are_problems(
    server: RunningServer,
) -> None:
    name, content = next(iter(SINGLE_LEAD.items()))
    with server.client() as client:
        fhir = client.post(
            "/diagnosis",
            files={"file": (name, content)},
            headers={"Accept": "application/fhir+json"},
        )
        refused = client.post("/diagnosis", files={"file": ("x.csv", b"not an ECG")})
        short = client.post(
            "/diagnosis",
            files={"file": ("x", json.dumps(ECG.seconds(0, 4).json(units="mV")).encode())},
        )
    assert fhir.headers["content-type"] == "application/fhir+json"
    assert fhir.json()["resourceType"] == "DiagnosticReport"
    assert (refused.status_code, refused.json()["code"]) == (415, "unknown_format")
    assert (short.status_code, short.json()["code"]) == (422, "too_short")


@pytest.mark.parametrize(
    ("accept", "is_browser"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html;q=0.5", False),
        ("text/html;q=0, application/json", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("application/json;q=0.1, text/html", True),
    ],
)
def test_the_root_answers_programs_and_shows_people_the_viewer(
    server: RunningServer, accept: str | None, is_browser: bool
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = requests.get(f"{server.url}/", headers=headers, timeout=60)
    assert answer.status_code == 200
    if is_browser:
        assert answer.headers["content-type"] == HTML
    else:
        assert answer.json()["message"] == "ECG-FM inference server. Research use only."


ECG_PREDICT = """{
    "recording_date":"01/11/1984  8:27:32",
    "age":%s,
    "height":55,
    "weight": 80,
    "nurse": 0,
    "site": 2,
    "device": "CS-12   E",
    "sex": "Male",
    "patient_id": 1
}
"""


def pacemaker_client(server: RunningServer, folder: Path, age: int, *names: str) -> Any:
    """Send the files of the README with curl, in that order, and return the answer."""
    pair = wfdb_pair("00001_lr", TEN_SECONDS)
    files = {"ecg_predict.txt": (ECG_PREDICT % age).encode(), **pair}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    forms = [part for name in names for part in ("-F", f"files=@{name}")]
    curl = ["curl", "-s", *forms, f"{server.url}/predict"]
    done = subprocess.run(
        curl, cwd=folder, capture_output=True, text=True, timeout=ANSWER_S, check=True
    )
    return json.loads(done.stdout)


ALL_FILES = ("ecg_predict.txt", "00001_lr.dat", "00001_lr.hea")


@pytest.mark.parametrize(("age", "is_answered"), [(18, False), (17, False), (19, True), (63, True)])
def test_the_pacemaker_client_gets_a_result_above_eighteen(
    server: RunningServer, tmp_path: Path, age: int, is_answered: bool
) -> None:
    answer = pacemaker_client(server, tmp_path, age, *ALL_FILES)
    expected = False if is_answered else None
    assert answer["result"] is answer["pacemaker_result"] is expected
    assert (answer["age"], answer["recording_date"]) == (age, "01/11/1984  8:27:32")
    assert answer.get("code") == (None if is_answered else "under_age")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (ALL_FILES[:2], "the header is missing"),
        ((ALL_FILES[0], ALL_FILES[2]), "00001_lr.dat: named by the WFDB header, missing"),
        (ALL_FILES[1:], "0 JSON objects about the patient"),
    ],
)
def test_the_pacemaker_client_is_told_which_file_is_missing(
    server: RunningServer, tmp_path: Path, sent: tuple[str, ...], reason: str
) -> None:
    answer = pacemaker_client(server, tmp_path, 63, *sent)
    assert answer["code"] == "missing_part"
    assert reason in answer["detail"]
    assert answer["result"] is answer["pacemaker_result"] is None


def heartbeat(record_number: int | None = None) -> list[float]:
    """Return a row of Kaggle's heartbeat data, or of E-Monitor's with its number."""
    beat = np.exp(-0.5 * ((np.arange(187) - 40) / 4) ** 2).round(6).tolist()
    number = [] if record_number is None else [float(record_number)]
    return [*number, *beat, 1.0]


def test_single_heartbeats_are_named_and_not_analysed(server: RunningServer) -> None:
    rows = "\n".join(",".join(map(str, heartbeat())) for _ in range(12))
    frame = np.asarray(heartbeat(2012), "<f4")
    message = {
        "timestamp": 1562000000.0,
        "original_frame": base64.b64encode(frame.tobytes()).decode(),
        "original_dtype": "<f4",
        "original_shape": [189],
    }
    with server.client() as client:
        answers = [
            client.post("/analyze", files={"file": ("mitbih_test.csv", rows)}, data={"fs": "125"}),
            client.post("/analyze", json={"signal": heartbeat(), "fs": 125, "lead_names": ["II"]}),
            client.post("/analyze", json={"signal": [heartbeat(7)] * 12, "fs": 125}),
            client.post("/analyze", json=message),
            client.post("/diagnosis", files={"file": ("x.csv", rows)}, params={"fs": "125"}),
        ]
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "bad_shape"), problem
        assert "single heartbeats: 187 samples at 125 Hz and a class" in problem["detail"]
