"""Answers for many recordings of which some are not done at the deadline, in every format.

The test plays the workers, so that it decides which recordings are done.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import msgpack
import numpy as np
import pytest

from errors import BadShape, MalformedBody
from server.ipc.messages import WHOLE_REQUEST, BodyParsed, Message, Result, SentToModel, Task
from server.workers.in_flight import PendingRequest
from tests.server.ecgs import assert_is_problem, problem_of
from tests.server.in_process import InProcessServer

DEADLINE_MS = "200"
COUNT = 4
PAYLOADS = {2: b'{"id":"c","features":[3]}', 0: b'{"id":"a","features":[1]}'}


@pytest.fixture
def server(tmp_path: Path) -> InProcessServer:
    server = InProcessServer(tmp_path)
    server.state.http_pid[0] = os.getpid()
    for row in (0, 1):
        server.set_worker(row, os.getpid())
    return server


def answer_with(server: InProcessServer, *batches: Sequence[Message]) -> None:
    """Deliver these messages once the task is sent. A uid of 0 stands for the request's."""

    def send(task: Task) -> None:
        loop = asyncio.get_running_loop()
        for number, batch in enumerate(batches):
            messages = [_with_uid(message, task.head.uid) for message in batch]
            loop.call_later(0.01 * (number + 1), server.in_flight.receive, messages)

    server.in_flight._send = send


def _with_uid(message: Message, uid: int) -> Message:
    return replace(message, uid=uid)


def parsed(count: int = COUNT, *, many: bool = True, deadline_s: float = 0.0) -> BodyParsed:
    return BodyParsed(0, count, many, deadline_s, 1, None)


def ask(server: InProcessServer, accept: str, path: str = "/analyze") -> httpx.Response:
    headers = {"Accept": accept, "X-Request-Deadline-Ms": DEADLINE_MS, "X-Request-ID": "id-1"}
    return server.request("POST", path, json={}, headers=headers)


def keep_deadline(server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The played workers do not know the deadline: leave the one that the route has set."""
    note = server.in_flight._note_parsed

    def noted(pending: PendingRequest, message: BodyParsed) -> None:
        deadline_s = pending.deadline_s
        note(pending, message)
        pending.deadline_s = deadline_s

    monkeypatch.setattr(server.in_flight, "_note_parsed", noted)


@pytest.fixture
def partly_done(server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> InProcessServer:
    """Recordings 2 and 0 are done, in this order; 1 failed; 3 is not done at the deadline."""
    keep_deadline(server, monkeypatch)
    results = [Result(0, index, payload) for index, payload in PAYLOADS.items()]
    failed = Result(0, 1, error=BadShape("no shape", loc=("records", 1, "signal")))
    answer_with(server, [parsed()], [results[0]], [failed], [results[1]])
    return server


def test_in_json_each_recording_has_its_result_or_its_error(partly_done: InProcessServer) -> None:
    response = ask(partly_done, "application/json")
    assert response.status_code == 200
    first, second, third, fourth = response.json()["results"]
    assert first == {"id": "a", "features": [1]}
    assert third == {"id": "c", "features": [3]}
    assert_is_problem(second["error"], 422, "bad_shape")
    assert second["error"]["errors"][0]["loc"] == ["records", 1, "signal"]
    assert_is_problem(fourth["error"], 504, "deadline_exceeded")
    assert fourth["error"]["request_id"] == "id-1"
    assert partly_done.state.in_flight_count() == 0


def test_in_fhir_an_error_is_an_operation_outcome(partly_done: InProcessServer) -> None:
    entries = ask(partly_done, "application/fhir+json").json()["entry"]
    assert [entry["resource"].get("resourceType") for entry in entries] == [
        None,
        "OperationOutcome",
        None,
        "OperationOutcome",
    ]
    issues = [entries[index]["resource"]["issue"][0] for index in (1, 3)]
    assert [(issue["code"], issue["details"]["text"]) for issue in issues] == [
        ("invalid", "bad_shape"),
        ("exception", "deadline_exceeded"),
    ]


def test_in_msgpack_an_error_is_an_object(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_deadline(server, monkeypatch)
    answer_with(server, [parsed(2), Result(0, 1, msgpack.packb({"id": "b"}))])
    results = msgpack.unpackb(ask(server, "application/msgpack").content)["results"]
    assert results[0]["error"]["code"] == "deadline_exceeded"
    assert results[1] == {"id": "b"}


def test_lines_are_sent_as_recordings_are_done_and_errors_at_the_end(
    partly_done: InProcessServer,
) -> None:
    response = ask(partly_done, "application/x-ndjson")
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["index"] for line in lines] == [2, 1, 0, 3]
    assert lines[0] == {"index": 2, "id": "c", "features": [3]}
    assert [line["error"]["code"] for line in (lines[1], lines[3])] == [
        "bad_shape",
        "deadline_exceeded",
    ]
    assert partly_done.state.in_flight_count() == 0


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_where_nothing_is_done_the_whole_request_is_an_error(
    server: InProcessServer, accept: str
) -> None:
    answer_with(server)
    problem_of(ask(server, accept), 504, "deadline_exceeded")
    assert server.state.in_flight_count() == 0


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_failure_of_the_whole_request_is_one_error(server: InProcessServer, accept: str) -> None:
    answer_with(server, [Result(0, WHOLE_REQUEST, error=MalformedBody("bad"))])
    assert problem_of(ask(server, accept), 400, "malformed_body")["detail"] == "bad"


def test_no_recordings_are_an_empty_list(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_deadline(server, monkeypatch)
    answer_with(server, [parsed(0)])
    assert ask(server, "application/json").json() == {"results": []}
    assert ask(server, "application/x-ndjson").text == ""


def test_the_longest_time_of_each_stage_is_told(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_deadline(server, monkeypatch)
    timings = [{"parse": 1.234, "encode": 7.0}, {"parse": 0.5, "encode": 9.876, "other": 100.0}]
    results = [Result(0, index, b"{}", timings_ms=times) for index, times in enumerate(timings)]
    answer_with(server, [parsed(2), *results])
    assert ask(server, "application/json").headers["server-timing"] == (
        "parse;dur=1.23, queue;dur=0.00, measure;dur=0.00, segment;dur=0.00, "
        "encode;dur=9.88, assemble;dur=0.00"
    )


def test_a_recording_without_its_model_worker_is_told_to_come_again(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage in which a recording waits decides."""
    keep_deadline(server, monkeypatch)
    server.state.rows["model"] = range(1, 2)
    server.state.ready[1] = 0
    server.state.starts[1] = 2
    done = Result(0, 2, b"{}")
    answer_with(server, [parsed(3), SentToModel(0, 1), done])
    results = ask(server, "application/json").json()["results"]
    assert_is_problem(results[1]["error"], 503, "worker_restarting")
    assert [result["error"]["code"] for result in results[:2]] == [
        "deadline_exceeded",
        "worker_restarting",
    ]
    assert results[2] == {}


@pytest.mark.parametrize("path", ["/predict", "/classify"])
def test_an_error_of_predict_has_a_result_of_null(server: InProcessServer, path: str) -> None:
    """Whatever the error: refused before the body is read, by a worker, or at the deadline."""
    form = {"files": {"file": ("x", b"y")}}
    expected = {"result": None, "pacemaker_result": None} if path == "/predict" else {}
    headers = {"X-Request-Deadline-Ms": "50"}
    answer_with(server, [Result(0, WHOLE_REQUEST, error=MalformedBody("bad"))])
    answers = [server.request("POST", path, **form)]
    answer_with(server)
    answers.append(server.request("POST", path, headers=headers, **form))
    slots = [server.in_flight.reserve() for _ in range(2)]
    answers.append(server.request("POST", path, **form))
    server.state.draining.value = 1
    answers.append(server.request("POST", path, **form))
    assert all(slots)
    assert [answer.json()["code"] for answer in answers] == [
        "malformed_body",
        "deadline_exceeded",
        "overloaded",
        "shutting_down",
    ]
    for answer in answers:
        assert {
            name: answer.json()[name] for name in answer.json() if name.endswith("result")
        } == expected


def test_bare_values_have_failed_recordings_as_nan(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_deadline(server, monkeypatch)
    # The route is checked for an encoder, which this server lacks.
    monkeypatch.setattr(type(server.service.deployment), "loaded", True)
    values = np.array([1.5, -2.0, 4.0], "<f4")
    done = Result(0, 2, values.tobytes(), shape=values.shape, dtype=values.dtype.str)
    failed = Result(0, 0, error=BadShape("no shape"))
    answer_with(server, [parsed(3), done, failed])
    response = ask(server, "application/x-npy", "/extract_features")
    assert response.headers["x-ecg-errors"] == "0:bad_shape,1:deadline_exceeded"
    array = np.load(io.BytesIO(response.content), allow_pickle=False)
    np.testing.assert_array_equal(array[2], values)
    assert np.isnan(array[:2]).all()


def test_a_single_recording_is_answered_without_a_list(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_deadline(server, monkeypatch)
    answer_with(server, [parsed(1, many=False), Result(0, 0, b'{"id":"a"}')])
    response = ask(server, "application/json")
    assert (response.status_code, response.content) == (200, b'{"id":"a"}')
    assert response.headers["content-type"] == "application/json"
    answer_with(server, [parsed(1, many=False), Result(0, 0, error=BadShape("no shape"))])
    problem_of(ask(server, "application/json"), 422, "bad_shape")


def test_a_single_embedding_is_a_bare_array(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_deadline(server, monkeypatch)
    monkeypatch.setattr(type(server.service.deployment), "loaded", True)
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    done = Result(0, 0, values.tobytes(), shape=values.shape, dtype=values.dtype.str)
    answer_with(server, [parsed(1, many=False), done])
    response = ask(server, "application/x-npy", "/extract_features")
    assert response.headers["content-type"] == "application/x-npy"
    assert "x-ecg-errors" not in response.headers
    array = np.load(io.BytesIO(response.content), allow_pickle=False)
    np.testing.assert_array_equal(array, values)
