"""Embedding posts recordings, tries again where that helps, and names what the server refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from errors import BadTrainingData
from heads.head import EncoderReference
from tests.data import SHARED, requires_shared
from tests.local_http import QuietHandler, serving
from training.datasets.ptbxl import read_signals, read_table
from training.heads.embed import (
    BATCH,
    TRIES,
    Recording,
    embed,
    recordings_of_folder,
    recordings_of_ptbxl,
)

ENCODER = {"name": "tiny", "revision": None, "sha256": "a" * 64}
Reply = tuple[int, dict[str, str], bytes]
Server = Callable[[Callable[[int, dict[str, Any]], Reply]], str]


@pytest.fixture
def server() -> Iterator[Server]:
    """Start a server that answers the nth request, unpacked, by a function."""
    with ExitStack() as running:

        def start(reply: Callable[[int, dict[str, Any]], Reply]) -> str:
            numbers = count()

            class Handler(QuietHandler):
                def respond(self) -> None:
                    body = self.rfile.read(int(self.headers["content-length"]))
                    is_batch = self.headers["content-type"] == "application/msgpack"
                    request = msgpack.unpackb(body) if is_batch else {"body": body}
                    status, headers, content = reply(next(numbers), request)
                    self.answer(status, content, headers)

            return running.enter_context(serving(Handler))

        yield start


def packed(content: dict[str, Any]) -> Reply:
    return 200, {"Content-Type": "application/msgpack"}, msgpack.packb(content)


def result(value: float, encoder: dict[str, Any] = ENCODER) -> dict[str, Any]:
    data = np.array([value, -value], "<f4").tobytes()
    features = {"dtype": "<f4", "shape": [2], "data": data}
    return {"features": features, "model": {"encoder": encoder}}


def refusal(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "detail": "because"}}


def problem(code: str, **headers: str) -> Reply:
    content = json.dumps({"code": code, "detail": "because"}).encode()
    return 429, {"Content-Type": "application/problem+json", **headers}, content


def arrays(count: int) -> Iterator[Recording]:
    for number in range(count):
        signal = np.full((12, 10), number, np.float32)
        yield Recording(f"r{number}", f"p{number}", signal=signal, fs=100.0)


def first_samples(request: dict[str, Any]) -> list[float]:
    return [
        float(np.frombuffer(record["signal"]["data"], record["signal"]["dtype"])[0])
        for record in request["records"]
    ]


def test_arrays_are_posted_in_batches_and_answers_keep_their_order(server: Server) -> None:
    sizes = []

    def reply(_: int, request: dict[str, Any]) -> Reply:
        record = request["records"][0]
        assert (record["signal"]["shape"], record["fs"], record["units"]) == ([12, 10], 100.0, "mV")
        sizes.append(len(request["records"]))
        return packed({"results": [result(value) for value in first_samples(request)]})

    embeddings, refused = embed(server(reply), arrays(BATCH + 2), None)
    assert sizes == [BATCH, 2]
    assert embeddings.records.tolist() == [f"r{number}" for number in range(BATCH + 2)]
    assert embeddings.patients[-1] == f"p{BATCH + 1}"
    assert embeddings.values.dtype == np.float32
    assert embeddings.values[:, 0].tolist() == list(range(BATCH + 2))
    assert embeddings.values[:, 1].tolist() == [-number for number in range(BATCH + 2)]
    assert embeddings.encoder == EncoderReference("tiny", None, "a" * 64)
    assert refused.reasons == {}


def test_recordings_of_files_are_posted_one_by_one(server: Server, tmp_path: Path) -> None:
    for name in ("a.hea", "a.dat", "b.xml"):
        (tmp_path / name).write_text(f"content of {name}")
    bodies = []

    def reply(number: int, request: dict[str, Any]) -> Reply:
        bodies.append(request["body"])
        return packed(result(number))

    recordings = recordings_of_folder(tmp_path, None)
    embeddings, _ = embed(server(reply), iter(recordings), 2)
    assert embeddings.records.tolist() == ["a", "b"]
    assert embeddings.values[:, 0].tolist() == [0, 1]
    posted = [
        [name for name in ("a.hea", "a.dat", "b.xml") if f"content of {name}".encode() in body]
        for body in bodies
    ]
    assert posted == [["a.hea", "a.dat"], ["b.xml"]]


def test_only_transient_refusals_are_asked_for_again(server: Server) -> None:
    """The second of three is busy once, the third is refused for good."""
    asked = []

    def reply(number: int, request: dict[str, Any]) -> Reply:
        asked.append(first_samples(request))
        if number == 0:
            return packed({"results": [result(0), refusal("overloaded"), refusal("too_short")]})
        return packed({"results": [result(1)]})

    embeddings, refused = embed(server(reply), arrays(3), None)
    assert asked == [[0, 1, 2], [1]]
    assert embeddings.records.tolist() == ["r0", "r1"]
    assert refused.reasons == {"r2": "too_short (because)"}
    assert refused.summary() == "1 recordings left out: r2: too_short (because)"


@pytest.mark.parametrize("succeeds_at, fails", [(TRIES, False), (TRIES + 1, True)])
def test_a_recording_is_tried_again_up_to_the_last_try(
    server: Server, succeeds_at: int, fails: bool
) -> None:
    def reply(number: int, _: dict[str, Any]) -> Reply:
        done = number >= succeeds_at
        return packed({"results": [result(5) if done else refusal("overloaded")]})

    url = server(reply)
    if fails:
        with pytest.raises(BadTrainingData, match=rf"overloaded \(because\), {TRIES} times$"):
            embed(url, arrays(1), None)
    else:
        assert embed(url, arrays(1), None)[0].values[0, 0] == 5


def test_a_full_server_is_waited_for(server: Server) -> None:
    def reply(number: int, _: dict[str, Any]) -> Reply:
        if number < 2:
            return problem("overloaded", **{"Retry-After": "0"})
        return packed({"results": [result(7)]})

    assert embed(server(reply), arrays(1), None)[0].values[0, 0] == 7


def test_a_server_that_stays_full_is_given_up(server: Server) -> None:
    url = server(lambda *_: problem("overloaded", **{"Retry-After": "0"}))
    with pytest.raises(BadTrainingData, match=rf"overloaded \(because\), {TRIES} times$"):
        embed(url, arrays(1), None)


@pytest.mark.parametrize(
    "reply, message",
    [
        (problem("no_model"), r"no_model \(because\)$"),
        (
            (200, {"Content-Type": "text/html"}, b"<p>"),
            r"answers 200 text/html; is it the ECG server\?$",
        ),
        ((404, {}, b""), r"answers 404 without a content type; is it the ECG server\?$"),
        (
            packed({"results": [refusal("too_short")]}),
            r"^nothing was embedded; 1 recordings left out",
        ),
    ],
    ids=["problem", "page", "nothing", "all refused"],
)
def test_what_is_no_result_is_reported(server: Server, reply: Reply, message: str) -> None:
    with pytest.raises(BadTrainingData, match=message):
        embed(server(lambda *_: reply), arrays(1), None)


def test_a_server_that_does_not_answer_and_an_empty_list_are_reported() -> None:
    with pytest.raises(BadTrainingData, match=r"no answer \(ConnectError"):
        embed("http://127.0.0.1:9", arrays(1), None)
    with pytest.raises(BadTrainingData, match=r"^there is no recording to embed$"):
        embed("http://127.0.0.1:9", arrays(0), None)


def test_a_server_that_changes_its_encoder_is_refused(server: Server) -> None:
    other = {**ENCODER, "sha256": "b" * 64}
    answers = packed({"results": [result(0), result(1, other)]})
    with pytest.raises(BadTrainingData, match=r"^the server changed its encoder in between: tiny"):
        embed(server(lambda *_: answers), arrays(2), None)


@pytest.mark.long  # it decodes all of PTB-XL
@requires_shared
def test_folds_of_a_packed_ptbxl_are_embedded_in_the_order_of_its_table() -> None:
    table = read_table(SHARED / "ptbxl")
    signals = read_signals(table)
    rows = np.flatnonzero(np.isin(table.fold, (2, 9)))[:5]
    found = list(islice(recordings_of_ptbxl(SHARED / "ptbxl", 100, (2, 9)), 5))
    for row, recording in zip(rows, found, strict=True):
        assert recording.record_id == str(table.ecg_id[row])
        assert recording.patient_id == str(table.patient_id[row])
        assert recording.fs == 100.0
        assert recording.signal is not None
        np.testing.assert_allclose(1000 * recording.signal, signals[row], atol=0.51)
    first = next(recordings_of_ptbxl(SHARED / "ptbxl", 100))
    assert first.record_id == str(table.ecg_id[0])
    with pytest.raises(BadTrainingData, match=r": the packed copy holds 100 Hz, not 500$"):
        next(recordings_of_ptbxl(SHARED / "ptbxl", 500))


def test_the_files_of_a_folder_are_grouped_by_name(tmp_path: Path) -> None:
    for name in ("b.hea", "b.dat", "sub/a.xml", ".hidden/x.xml", "sub/.y.xml"):
        (tmp_path / "ecgs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ecgs" / name).write_text("")
    found = recordings_of_folder(tmp_path / "ecgs", None)
    assert [(recording.record_id, recording.patient_id) for recording in found] == [
        ("b", "b"),
        ("sub/a", "sub/a"),
    ]
    assert [path.name for path in found[0].files] == ["b.dat", "b.hea"]
    table = tmp_path / "patients.csv"
    table.write_text("record_id,patient_id\nb,p1\nsub/a,p2\n")
    with_patients = recordings_of_folder(tmp_path / "ecgs", table)
    assert [recording.patient_id for recording in with_patients] == ["p1", "p2"]
    table.write_text("record_id,patient_id\nx,p1\n")
    with pytest.raises(BadTrainingData) as refused:
        recordings_of_folder(tmp_path / "ecgs", table)
    assert refused.value.detail == "patients.csv: no patient_id for b and 1 others"
    table.write_text("record,patient\nb,p1\n")
    with pytest.raises(BadTrainingData) as refused:
        recordings_of_folder(tmp_path / "ecgs", table)
    assert refused.value.detail == (
        "patients.csv: a CSV with the columns record_id and patient_id is needed"
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadTrainingData, match=r": no file in it$"):
        recordings_of_folder(tmp_path / "empty", None)
