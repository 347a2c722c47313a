"""A real server whose clients send slowly, read nothing, or send too much."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from typing import Any

import numpy as np
import pytest

from tests.server.ecgs import JSON, NPY, answer_of, get, npy, post_npy, twelve_seconds
from tests.server.harness import ANSWER_S, STOP_S, RunningServer

ECG = twelve_seconds()
PLACES = 4
MIB = 2**20
KEPT_MB = 50  # a little more than encoder.devices.HTTP_KEPT_BYTES
RECORDS = 40
MANY = npy(np.stack([ECG.signal] * RECORDS).astype(np.float32))
QUERY = "&".join(f"{name}={value}" for name, value in ECG.query().items())


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server of few places, and little patience."""
    with RunningServer(
        ECG_MODEL="none",
        ECG_SIGNAL_WORKERS="1",
        ECG_MAX_IN_FLIGHT=str(PLACES),
        ECG_MAX_BODY_MB="32",
        ECG_MAX_BODIES_MB="64",
        ECG_STALL_TIMEOUT="2",
        ECG_MAX_UNREAD_MB="40",
        ECG_MAX_CONNECTIONS="40",
    ) as running:
        yield running


def connected(server: RunningServer) -> socket.socket:
    """A connection that can hold little of an answer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(ANSWER_S)
    connection.connect(("127.0.0.1", server.port))
    return connection


def request(path: str, size: int, content_type: str, *fields: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Type: {content_type}"]
    return "\r\n".join([*head, f"Content-Length: {size}", *fields, "", ""]).encode()


def answer_on(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    response = HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read())


def ended(server: RunningServer, reason: str) -> float:
    """Return how many connections the server has ended for a reason."""
    metrics = get(server, "/metrics").text
    found = re.search(rf'ecg_connections_ended_total\{{reason="{reason}"\}} (\S+)', metrics)
    return float(found[1]) if found else 0.0


def in_flight(server: RunningServer) -> int:
    return int(get(server, "/health").json()["in_flight"])


def until(condition: Any) -> None:
    """Wait for a condition. The limit only keeps a failing test from hanging."""
    deadline_s = time.monotonic() + ANSWER_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def http_process_mb(server: RunningServer) -> float:
    """Return the private memory of the process that has the largest, workers excluded."""
    workers = set(server.workers("signal"))
    return (
        max(
            process.memory_full_info().uss
            for process in server.processes()[1:]
            if process.pid not in workers
        )
        / 1e6
    )


def test_slow_bodies_end_and_refuse_nobody(server: RunningServer) -> None:
    with ExitStack() as held:
        slow = [held.enter_context(connected(server)) for _ in range(30)]
        for connection in slow:
            connection.sendall(request("/assess_quality", 1000, JSON) + b"{")
        answer_of(post_npy(server, "/assess_quality", ECG))
        for connection in slow:
            status, problem = answer_on(connection)
            assert (status, problem["code"]) == (408, "upload_too_slow")
            assert "the minimum is 240 bytes per second (ECG_MIN_RATE" in problem["detail"]


def test_bodies_in_memory_have_a_bound(server: RunningServer) -> None:
    """Six bodies of 30 MiB, each but its last byte: 64 MiB are allowed."""
    size = 30 * MIB
    part = b" " * MIB
    before_mb = http_process_mb(server)
    with ExitStack() as held:
        uploads = [held.enter_context(connected(server)) for _ in range(6)]
        for upload in uploads:
            upload.sendall(request("/assess_quality", size, JSON))
        refused = 0
        for upload in uploads:
            upload.settimeout(1.0)
            try:
                for _ in range(29):
                    upload.sendall(part)
            except OSError:
                pass
        for upload in uploads:
            upload.settimeout(ANSWER_S)
            status, _ = answer_on(upload)
            # The others stall: their last bytes do not come.
            assert status in (408, 429)
            refused += status == 429
    assert refused >= 4
    assert http_process_mb(server) - before_mb < KEPT_MB
    answer_of(post_npy(server, "/assess_quality", ECG))


def unread_answers(server: RunningServer, held: ExitStack, count: int, *fields: str) -> None:
    for _ in range(count):
        connection = held.enter_context(connected(server))
        head = request(f"/analyze?{QUERY}&include=signal", len(MANY), NPY, *fields)
        connection.sendall(head + MANY)


def test_streams_that_nobody_reads_give_their_places_back(server: RunningServer) -> None:
    stalled = ended(server, "stalled") + ended(server, "too_much_unread")
    with ExitStack() as held:
        unread_answers(server, held, PLACES, "Accept: application/x-ndjson")
        until(lambda: in_flight(server) == 0)
        answer_of(post_npy(server, "/assess_quality", ECG))
        until(
            lambda: ended(server, "stalled") + ended(server, "too_much_unread") == stalled + PLACES
        )


def test_answers_that_nobody_reads_have_a_bound(server: RunningServer) -> None:
    """Twelve answers of 14 MB: 40 MiB may be unread."""
    before = ended(server, "stalled") + ended(server, "too_much_unread")
    with ExitStack() as held:
        for _ in range(3):
            unread_answers(server, held, PLACES)
            until(lambda: in_flight(server) == 0)
        until(lambda: ended(server, "stalled") + ended(server, "too_much_unread") == before + 12)
    assert ended(server, "too_much_unread") > 0


def test_idle_connections_make_room(server: RunningServer) -> None:
    """Twice as many as are allowed, and a client beside them."""
    with ExitStack() as held:
        idle = [held.enter_context(connected(server)) for _ in range(80)]
        answer_of(post_npy(server, "/assess_quality", ECG))
        assert idle[0].recv(1) == b""
    assert ended(server, "made_room") >= 40


def test_a_connection_beyond_those_in_use_is_refused(server: RunningServer) -> None:
    with ExitStack() as held:
        for _ in range(40):
            busy = held.enter_context(connected(server))
            busy.sendall(request("/assess_quality", 1000, JSON) + b"{")
        refused = held.enter_context(connected(server))
        refused.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        status, problem = answer_on(refused)
        assert (status, problem["code"]) == (503, "too_many_connections")


def test_a_stop_does_not_wait_for_clients_that_do_not_read() -> None:
    with (
        RunningServer(ECG_MODEL="none", ECG_SIGNAL_WORKERS="1", ECG_STALL_TIMEOUT="2") as stopping,
        ExitStack() as held,
    ):
        unread_answers(stopping, held, 2)
        unread_answers(stopping, held, 1, "Accept: application/x-ndjson")
        until(lambda: in_flight(stopping) == 0)
        stopping.process.terminate()
        assert stopping.process.wait(STOP_S) == 0
        assert stopping.left_at_the_end() == []
