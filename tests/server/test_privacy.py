"""Nothing that identifies a patient leaves the server but in the answer to the one who sent it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from tests.formats.binary_files import atc, chunk, contec, wav
from tests.formats.dicom import test_dicom as dicom
from tests.formats.test_edf import one_lead as edf
from tests.formats.test_ishne import ishne
from tests.formats.xml import test_sapphire as sapphire
from tests.formats.xml.test_muse import lead, muse, waveform
from tests.server.ecgs import JSON, NPY, get, npy, post, twelve_seconds
from tests.server.harness import RunningServer
from tests.server.telemetry.collector import Collector, collecting

SURNAME = "Mustermann"
FILE = "mustermann_erika_1961"
SAMPLE = "0.7351937"  # of a signal, as its text
SECRETS = (SURNAME, "Erika", FILE, SAMPLE, "mustermann")


def files() -> dict[str, bytes]:
    """Return files that name the patient: sound ones, and damaged ones whose errors quote them."""
    ramp = np.arange(-50, 50, dtype=np.int16)
    person = f"4711 F 02-MAY-1960 Erika_{SURNAME}"
    demographics = (
        f"<PatientDemographics><PatientLastName>{SURNAME}</PatientLastName></PatientDemographics>"
    )
    document = muse(demographics, waveform(lead("I"), lead("II"))).encode()
    header = f"I,II,{SURNAME}\n"
    rows = "\n".join(f"{SAMPLE},0.1,{index / 1000}" for index in range(2000))
    # Values that break the standard, which pydicom quotes in warnings.
    odd = {"PatientSex": SURNAME.upper(), "PatientAge": SURNAME, "StudyDate": SURNAME}
    return {
        "dcm": dicom.file(dicom.one_lead(), PatientName=f"{SURNAME}^Erika"),
        "odd.dcm": dicom.file(dicom.one_lead()).replace(b"4711", b"\xff\xfe^\\"),
        "edf": edf(person=person),
        "cut.edf": edf(person=person)[:900],
        "ishne": ishne([ramp] * 2, [1, 2]),
        "atc": atc({"I": ramp}, info=SURNAME.encode() * 26),
        "ECG": contec(np.tile(ramp + 2048, (8, 1)), name=SURNAME.encode()),
        "sapphire.xml": sapphire.sapphire(
            sapphire.group(sapphire.lead("I"), S=1, U="uV"),
            more=sapphire.tag("family", V=SURNAME),
        ).encode(),
        "wav": wav(bytes(400), 1, 2, chunk(b"LIST", SURNAME.encode())),
        "muse.xml": document,
        "cut.xml": document[:-40],
        "csv": (header + rows).encode(),
        "text.csv": (header + rows.replace("0.1", SURNAME, 1)).encode(),
        "hea": f"{FILE} 1 500 1000\n{FILE}.dat 16 1000 16 0 0 0 0 I\n# {SURNAME}\n".encode(),
        "txt": f"{SURNAME}, Erika".encode(),
        "odd-tags.dcm": _with_odd_values(odd),
    }


def _with_odd_values(values: dict[str, str]) -> bytes:
    """Return a DICOM file whose values are not allowed; pydicom would refuse to write them."""
    data = dicom.file(dicom.one_lead(), PatientSex="F", PatientAge="062Y", StudyDate="20240501")
    for found, value in zip((b"F ", b"062Y", b"20240501"), values.values(), strict=True):
        data = data.replace(found, value.encode()[: len(found)])
    return data


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def server(collector: Collector) -> Iterator[RunningServer]:
    settings = {"ECG_LOG_JSON": "true", "ECG_LOG_LEVEL": "debug"}
    with RunningServer(ECG_OTLP_ENDPOINT=collector.url, **settings) as running:
        yield running


def send_everything(server: RunningServer) -> list[httpx.Response]:
    """Send the patient's name by every way in."""
    answers = []
    for route in ("/analyze", "/assess_quality"):
        for ending, content in files().items():
            form = {"file": (f"{FILE}.{ending}", content)}
            answers.append(post(server, route, files=form))
            kind = {"Content-Type": "application/octet-stream"}
            answers.append(post(server, route, content=content, headers=kind))
    body = twelve_seconds().json(id=f"{SURNAME}, Erika")
    body["signal"][0][0] = float(SAMPLE)
    answers.append(post(server, "/analyze", json=body))
    for fault in (
        {"fs": SURNAME},
        {"lead_names": [SURNAME] * 12},
        {SURNAME: 1},
        {"signal": [SURNAME]},
    ):
        answers.append(post(server, "/analyze", json={**body, **fault}))
    answers.append(
        post(server, "/analyze", content=f'{{"{SURNAME}'.encode(), headers={"Content-Type": JSON})
    )
    signal = npy(twelve_seconds().signal)
    for query in ({"lead_names": SURNAME}, {SURNAME: "1"}, {"fs": "500", "include": SURNAME}):
        answers.append(
            post(server, "/analyze", content=signal, params=query, headers={"Content-Type": NPY})
        )
    headers = {"Content-Type": SURNAME, "X-Request-ID": f"{SURNAME}, Erika", "X-Patient": SURNAME}
    headers |= {
        "traceparent": f"00-{'1' * 32}-{'2' * 16}-01",
        "tracestate": f"hospital={SURNAME}",
        "baggage": f"patient={SURNAME}",
    }
    answers.append(post(server, "/analyze", content=b"1", headers=headers))
    answers.append(get(server, f"/{SURNAME}?{SURNAME}=1"))
    answers.append(httpx.request(SURNAME.upper(), server.url + "/analyze"))
    return answers


def found_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_log_metrics_and_traces_hold_nothing_of_a_patient(
    server: RunningServer, collector: Collector
) -> None:
    answers = send_everything(server)
    statuses = {answer.status_code for answer in answers}
    assert {200, 400, 404, 415, 422} <= statuses
    assert not [answer.text for answer in answers if answer.status_code >= 500]
    # The name did come in: errors and answers quote it to the client.
    assert sum(SURNAME in answer.text for answer in answers) >= 5
    log = server.log()
    assert log.count('"logger": "ecg.access"') >= len(answers)
    assert found_in(log) == []
    assert found_in(get(server, "/metrics").text) == []
    # The last spans and lines are sent before the server ends.
    server.process.terminate()
    server.process.wait()
    requests = [span for span in collector.spans() if "http.route" in span.attributes]
    assert len(requests) >= len(answers)
    assert len(collector.logs()) >= len(answers)
    assert found_in(collector.raw.decode(errors="replace")) == []
