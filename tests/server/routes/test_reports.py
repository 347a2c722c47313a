"""The printed report over HTTP: formats, options in every kind of body, refusals."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pydicom
import pypdfium2
import pytest

from tests.server.ecgs import (
    JSON,
    Ecg,
    analyze,
    npy,
    post,
    post_msgpack,
    problem_of,
    says,
    send,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ECG = twelve_seconds()
PDF, PNG, DICOM = "application/pdf", "image/png", "application/dicom"
LETTER_MM = (279.4, 215.9)


def report(server: RunningServer, accept: str = PDF, ecg: Ecg = ECG, **more: Any) -> bytes:
    response = post(server, "/analyze", json=ecg.json(**more), headers={"Accept": accept})
    assert response.status_code == 200, response.text[:500]
    assert response.headers["content-type"] == accept
    return response.content


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    text: str = document[0].get_textpage().get_text_range()
    document.close()
    return text


def size_of(pdf: bytes) -> tuple[float, float]:
    """Return the page's width and height in mm."""
    document = pypdfium2.PdfDocument(pdf)
    width, height = document[0].get_width(), document[0].get_height()
    document.close()
    return width * 25.4 / 72, height * 25.4 / 72


def test_a_pdf(server: RunningServer) -> None:
    """`include` does not leave out what the report shows."""
    text = text_of(report(server, include=["features"], patient={"age": 63, "sex": "male"}))
    assert "12-lead ECG" in text
    assert "63 y, male" in text
    assert "QRS duration" in text
    assert "For research use only. Not a medical device." in text


def test_a_png_of_300_dpi(server: RunningServer) -> None:
    png = report(server, PNG)
    assert png.startswith(b"\x89PNG")
    width, height = (int.from_bytes(png[begin : begin + 4], "big") for begin in (16, 20))
    assert (width, height) == pytest.approx((297 * 300 / 25.4, 210 * 300 / 25.4), abs=1)


def test_a_dicom_object_holds_the_same_pdf(server: RunningServer) -> None:
    dataset = pydicom.dcmread(io.BytesIO(report(server, DICOM)))
    assert dataset.SOPClassUID.name == "Encapsulated PDF Storage"
    length = dataset.EncapsulatedDocumentLength
    assert dataset.EncapsulatedDocument[:length] == report(server)


def test_options_in_a_json_body(server: RunningServer) -> None:
    by_hand = {"qt_ms": 412, "initials": "XY"}
    pdf = report(
        server, paper="letter", lang="de", speed=50, mm_per_mv=20, by_hand=by_hand, start_s=1
    )
    text = text_of(pdf)
    assert size_of(pdf) == pytest.approx(LETTER_MM, abs=0.1)
    for expected in ("Herzfrequenz", "manuell (XY)", "50 mm/s", "20 mm/mV", "1–5,8 s von 12,4 s"):
        assert expected in text


def test_options_in_a_query_and_in_msgpack(server: RunningServer) -> None:
    by_hand = json.dumps({"pr_ms": 188, "initials": "Q"})
    query = ECG.query(layout="6x2", by_hand=by_hand, speed="25")
    headers = {"Content-Type": "application/x-npy", "Accept": PDF}
    response = post(server, "/analyze", content=npy(ECG.signal), params=query, headers=headers)
    text = text_of(response.content)
    assert "by hand (Q)" in text
    assert "Columns are consecutive, 5 s each" in text
    packed = post_msgpack(server, "/analyze", ECG.msgpack(layout="12x1"), Accept=PDF)
    assert "Rows are simultaneous, 10 s" in text_of(packed.content)


def test_options_in_a_form(server: RunningServer) -> None:
    files = {"file": ("ecg.npy", npy(ECG.signal))}
    data = {"fs": "500", "units": "mV", "layout": "cabrera", "lang": "de", "rhythm_lead": "V1"}
    response = post(server, "/analyze", files=files, data=data, headers={"Accept": PDF})
    text = text_of(response.content)
    assert "Ableitung V1 läuft durch" in text
    assert "−aVR" in text


def test_without_an_encoder(bare_server: RunningServer) -> None:
    """The signal worker draws it, within its limits."""
    for accept in (PDF, PNG, DICOM):
        assert report(bare_server, accept)
    assert "Model: not available, rules only" in text_of(report(bare_server))


def test_without_a_report_its_options_have_a_warning(server: RunningServer) -> None:
    answer = analyze(server, ECG, layout="6x2", mm_per_mv=10, lang="de")
    assert says(answer, "layout: has an effect on a report only")
    assert says(answer, "lang: has an effect on a report only")
    assert not says(answer, "mm_per_mv")


def test_many_records_have_no_report(server: RunningServer) -> None:
    body = json.dumps({"records": [ECG.json(), ECG.json()]}).encode()
    for accept in (PDF, PNG, DICOM):
        problem = problem_of(send(server, body, Accept=accept), 422, "several_recordings")
        assert "2 records" in problem["detail"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("layout", "4x3"),
        ("speed", 12.5),
        ("speed", "fast"),
        ("mm_per_mv", 7),
        ("paper", "a3"),
        ("lang", "fr"),
        ("rhythm_lead", "V9"),
        ("start_s", -1),
        ("start_s", 12.4),
        ("start_s", "soon"),
        ("by_hand", {"qt_ms": 412}),
        ("by_hand", {"qt": 412, "initials": "XY"}),
        ("by_hand", {"qt_ms": "long", "initials": "XY"}),
        ("by_hand", {"qt_ms": 41200, "initials": "XY"}),
        ("by_hand", {"qt_ms": 412, "initials": "a long name"}),
        ("by_hand", [412]),
        ("by_hand", "{"),
    ],
)
def test_a_wrong_option_is_refused(server: RunningServer, option: str, value: object) -> None:
    body = json.dumps(ECG.json(**{option: value})).encode()
    problem = problem_of(send(server, body, Accept=PDF), 422, "bad_option")
    assert problem["detail"].startswith(option)


def test_errors_are_problems_whatever_is_accepted(server: RunningServer) -> None:
    for accept in (PDF, PNG, DICOM, JSON):
        problem_of(send(server, b'{"fs": 500}', Accept=accept), 422, "missing_field")


def test_an_unreadable_recording_has_a_report(server: RunningServer) -> None:
    noise = np.random.default_rng(3).normal(0, 0.01, (12, 5000)).astype(np.float32)
    text = text_of(report(server, ecg=Ecg(noise, 500.0)))
    assert "Not judged: the recording is unreadable" in text


def test_ten_minutes_at_1000_hz_are_one_page(server: RunningServer) -> None:
    signal = np.tile(ECG.signal[:, :5000], (1, 120))
    pdf = post_msgpack(server, "/analyze", Ecg(signal, 1000.0).msgpack(), Accept=PDF).content
    assert len(pdf) < 1_000_000
    assert "0–10 s of 600 s" in text_of(pdf)


def test_drawing_is_loaded_only_for_a_report() -> None:
    """No module that every request needs imports the libraries that draw."""
    import subprocess
    import sys

    code = (
        "import sys, server.stages.signal, server.stages.model, server.openapi.document\n"
        "print([name for name in ('reportlab', 'pypdfium2', 'PIL') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
