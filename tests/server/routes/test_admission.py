"""What is refused before or while a body is read: limits, deadlines, a server that starts."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest

from tests.server.ecgs import (
    JSON,
    MSGPACK,
    NPY,
    Ecg,
    analyze,
    answer_of,
    get,
    lasting,
    npy,
    post,
    post_npy,
    problem_of,
    send,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ECG = twelve_seconds()
GOOD = ECG.json()
MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_RECORDS = 3
MAX_SECONDS = 20
HEAD = (
    b"POST /analyze HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n"
)


@pytest.fixture(scope="module")
def narrow() -> Iterator[RunningServer]:
    """A server with small limits."""
    with RunningServer(
        ECG_BODY_TIMEOUT="1",
        ECG_MAX_IN_FLIGHT="2",
        ECG_MAX_WAITING="1",
        ECG_MAX_BODY_MB="2",
        ECG_MAX_RECORDS=str(MAX_RECORDS),
        ECG_MAX_SECONDS=str(MAX_SECONDS),
        ECG_SIGNAL_WORKERS="1",
    ) as running:
        yield running


def in_chunks(body: bytes) -> Iterator[bytes]:
    """Sent without a Content-Length."""
    yield body[:-100]
    yield body[-100:]


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_the_body_limit(narrow: RunningServer, chunked: bool) -> None:
    at_limit = b" " * MAX_BODY_BYTES
    for body, status, code in (
        (at_limit[:-1], 400, "malformed_body"),
        (at_limit, 400, "malformed_body"),
        (at_limit + b" ", 413, "body_too_large"),
    ):
        content: Any = in_chunks(body) if chunked else body
        response = post(narrow, "/analyze", content=content, headers={"Content-Type": JSON})
        problem = problem_of(response, status, code)
    assert problem["detail"] == (
        "body is larger than 2097152 bytes (ECG_MAX_BODY_MB); send many records as npy"
    )
    assert response.headers["connection"] == "close"


def test_the_body_limit_of_a_compressed_body(narrow: RunningServer) -> None:
    gzipped = {"Content-Encoding": "gzip"}
    at_limit = b" " * MAX_BODY_BYTES
    problem_of(send(narrow, gzip.compress(at_limit), **gzipped), 400, "malformed_body")
    over = send(narrow, gzip.compress(at_limit + b" "), **gzipped)
    assert problem_of(over, 413, "body_too_large")["detail"] == (
        "body decompresses to more than 2097152 bytes, the limit (ECG_MAX_BODY_MB)"
    )


@pytest.mark.parametrize(
    ("length", "status", "code"),
    [
        ("9" * 18, 413, "body_too_large"),
        ("9" * 5000, 413, "body_too_large"),
        ("2097153", 413, "body_too_large"),
    ],
    ids=["18 digits", "5000 digits", "one too many"],
)
def test_a_length_over_the_limit_is_refused_unread(
    narrow: RunningServer, length: str, status: int, code: str
) -> None:
    head = HEAD.replace(b"1000", length.encode())
    with socket.create_connection(("127.0.0.1", narrow.port), timeout=60) as connection:
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    # uvicorn itself answers 400 for a length that its parser cannot hold.
    assert answer.startswith((f"HTTP/1.1 {status} ".encode(), b"HTTP/1.1 400 "))
    if answer.startswith(b"HTTP/1.1 413 "):
        assert code.encode() in answer
    else:
        assert len(length) > 18


def test_the_limit_of_records_in_every_format(narrow: RunningServer) -> None:
    record = Ecg(ECG.signal[:2, :1000], 500, ("I", "II"))
    for count in (MAX_RECORDS, MAX_RECORDS + 1):
        stack = Ecg(np.stack([record.signal] * count), 500, ("I", "II"))
        for response in (
            send(narrow, json.dumps({"records": [record.json()] * count}).encode()),
            post_npy(narrow, "/analyze", stack),
        ):
            if count == MAX_RECORDS:
                assert len(answer_of(response)["results"]) == count
            else:
                problem = problem_of(response, 413, "too_many_records")
                assert re.search(r"\b3\b", problem["detail"])


def test_the_limit_of_a_recordings_length(narrow: RunningServer) -> None:
    def recording(samples: int) -> Ecg:
        return Ecg(np.zeros((2, samples), np.float32), 50, ("I", "II"))

    answer_of(post_npy(narrow, "/assess_quality", recording(50 * MAX_SECONDS)))
    over = post_npy(narrow, "/assess_quality", recording(50 * MAX_SECONDS + 1))
    problem = problem_of(over, 413, "recording_too_long")
    assert problem["detail"] == "signal: 20.02 s at 50 Hz; the maximum is 20 s"


def test_a_slow_body_is_given_up(narrow: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", narrow.port), timeout=60) as connection:
        connection.sendall(HEAD + b'{"fs"')
        # The head and the body of the answer may arrive in two pieces.
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"content-type: application/problem+json" in head.lower()
    problem = json.loads(body)
    assert problem["code"] == "upload_too_slow"
    assert problem["detail"] == "body incomplete after 1 s (ECG_BODY_TIMEOUT): 5 bytes received"


def test_a_full_server_says_when_to_come_again(narrow: RunningServer) -> None:
    """Two in flight and one that waits; the worker is stopped, so that none is answered."""
    with ThreadPoolExecutor(3) as threads:
        stopped = narrow.workers("signal")
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            accepted = [threads.submit(post_npy, narrow, "/assess_quality", ECG) for _ in range(3)]
            # Or a request of `first_with_status`, which has a short deadline, takes a place, and
            # the worker that has it is replaced as overdue.
            wait_for_in_flight(narrow, 2)
            refused = first_with_status(narrow, 429)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        assert [future.result().status_code for future in accepted] == [200] * 3
    problem = problem_of(refused, 429, "overloaded")
    assert problem["detail"] == (
        "2 requests are in flight, the limit (ECG_MAX_IN_FLIGHT), and others wait for a "
        "place; at most 1 may wait (ECG_MAX_WAITING)"
    )
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["connection"] == "close"
    assert 'ecg_rejected_total{code="overloaded"}' in get(narrow, "/metrics").text
    answer_of(first_with_status(narrow, 200))


def test_bodies_that_do_not_come_take_no_place(narrow: RunningServer) -> None:
    held = [socket.create_connection(("127.0.0.1", narrow.port), timeout=60) for _ in range(8)]
    try:
        for connection in held:
            connection.sendall(HEAD + b"{")
        answer_of(post_npy(narrow, "/assess_quality", ECG))
        assert get(narrow, "/health").json()["in_flight"] == 0
    finally:
        for connection in held:
            connection.close()


def wait_for_in_flight(server: RunningServer, count: int) -> None:
    deadline = time.monotonic() + 60
    while get(server, "/health").json()["in_flight"] != count:
        assert time.monotonic() < deadline, f"never {count} requests in flight"
        time.sleep(0.02)


def first_with_status(server: RunningServer, status: int) -> httpx.Response:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        headers = {"X-Request-Deadline-Ms": "500"}
        response = post(server, "/assess_quality", json=ECG.seconds(0, 2).json(), headers=headers)
        if response.status_code == status:
            return response
        time.sleep(0.02)
    raise AssertionError(f"no answer with the status {status}")


def test_every_request_of_a_burst_is_answered_or_refused(narrow: RunningServer) -> None:
    with ThreadPoolExecutor(12) as threads:
        responses = list(threads.map(lambda _: post_npy(narrow, "/analyze", ECG), range(24)))
    refused = [response for response in responses if response.status_code != 200]
    assert len(refused) < len(responses)
    for response in refused:
        problem_of(response, 429, "overloaded")


def test_a_passed_deadline_is_an_error(server: RunningServer) -> None:
    long = Ecg(np.tile(ECG.signal, (1, 20)), 500)
    headers = {"Content-Type": MSGPACK, "X-Request-Deadline-Ms": "1"}
    response = post(server, "/analyze", content=long.msgpack(), headers=headers)
    problem_of(response, 504, "deadline_exceeded")


@pytest.mark.parametrize(
    "deadline_ms",
    ["0", "-5", "soon", "1.5", "", "²", "1 000", "9" * 5000, "3600001"],
    ids=lambda value: value[:8],
)
def test_an_odd_deadline_is_refused(server: RunningServer, deadline_ms: str) -> None:
    headers = {"Content-Type": JSON, "X-Request-Deadline-Ms": deadline_ms.encode("latin-1")}
    response = post(server, "/analyze", content=json.dumps(GOOD), headers=headers)
    problem = problem_of(response, 422, "bad_option")
    assert problem["errors"][0]["loc"] == ["X-Request-Deadline-Ms"]
    assert problem["detail"] == (
        f"X-Request-Deadline-Ms is {deadline_ms[:64]!a}; it must be a whole number from 1 to "
        "3600000"
    )


def test_the_longest_deadline_is_allowed(server: RunningServer) -> None:
    headers = {"Content-Type": NPY, "X-Request-Deadline-Ms": "3600000"}
    response = post(
        server, "/analyze", content=npy(ECG.signal), params=ECG.query(), headers=headers
    )
    assert lasting(answer_of(response)) == lasting(analyze(server, ECG))


def test_a_server_that_starts_says_when_to_come_again() -> None:
    with RunningServer(wait=False) as starting:
        response = first_answer(starting)
        problem_of(response, 503, "starting")
        assert response.headers["retry-after"] == "5"
        assert get(starting, "/livez").status_code == 200
        starting.wait_until_ready()
        answer_of(post(starting, "/analyze", json=GOOD))


def first_answer(server: RunningServer) -> httpx.Response:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return post(server, "/analyze", content=b"{}", headers={"Content-Type": JSON})
        except httpx.TransportError:
            time.sleep(0.01)
    raise AssertionError(server.log())
