"""What a client may send on a connection, and what a real server answers to the rest."""

from __future__ import annotations

import inspect
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import httptools
import psutil
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tests.server.ecgs import NPY, answer_of, get, npy, post_npy, twelve_seconds
from tests.server.harness import RunningServer

ECG = twelve_seconds()
BODY = npy(ECG.signal)
QUERY = "&".join(f"{name}={value}" for name, value in ECG.query().items())
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
POST = f"POST /assess_quality?{QUERY} HTTP/1.1\r\nHost: x\r\nContent-Type: {NPY}\r\n".encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
RECV_TIMEOUT_S = 60.0
KEPT_MB = 20  # of memory, after 50 MB were sent


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer(
        ECG_MODEL="none", ECG_SIGNAL_WORKERS="1", ECG_HEAD_TIMEOUT="2", ECG_KEEP_ALIVE="3"
    ) as running:
        yield running


@dataclass
class Raw:
    status: int
    headers: dict[str, str]
    body: bytes
    rest: bytes

    @property
    def code(self) -> str:
        problem = json.loads(self.body)
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["x-request-id"] == problem["request_id"]
        assert (problem["status"], self.headers["connection"]) == (self.status, "close")
        return str(problem["code"])


def parsed(data: bytes) -> Raw:
    """Return the first answer in the data, and what follows it."""
    head, _, rest = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    size = int(headers["content-length"])
    return Raw(int(status.split()[1]), headers, rest[:size], rest[size:])


def exchange(server: RunningServer, *pieces: bytes) -> bytes:
    """Send pieces; return everything that is answered until the server closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), RECV_TIMEOUT_S) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while data := connection.recv(65_536):
                received += data
        except ConnectionResetError:
            pass
    return received


HEAD_FAULTS = {
    "length and chunked": POST + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + LENGTH + b"Content-Length: 5\r\n\r\n" + BODY,
    "a signed length": POST + b"Content-Length: +5\r\n\r\nAAAAA",
    "a length beyond 64 bits": POST + b"Content-Length: 18446744073709551621\r\n\r\nAAAAA",
    "space before a colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": b"GET /livez HTTP/1.1\nHost: x\n\n",
    "a folded field": GET + b"X-A: b\r\n c\r\n\r\n",
    "NUL in a field": GET + b"X-A: b\0c\r\n\r\n",
    "no Host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two Hosts": GET + b"Host: y\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + b"\0" * 500,
    "an unknown method": b"G@T /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "33 pipelined requests": (GET + b"\r\n") * 40,
}
BODY_FAULTS = {
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a huge chunk": CHUNKED + b"F" * 17 + b"\r\nA\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-1\r\nA\r\n0\r\n\r\n",
    "an extension of 1 MB": CHUNKED + b"1;" + b"a" * 1_000_000 + b"\r\nA\r\n0\r\n\r\n",
    "chunks of a byte": CHUNKED + b"1\r\nA\r\n" * 200_000 + b"0\r\n\r\n",
    "trailers of 1 MB": CHUNKED + b"1\r\nA\r\n0\r\n" + b"a: b\r\n" * 170_000 + b"\r\n",
}
LARGE_HEADS = {
    "the URL": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "one field": GET + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n",
    "many fields": GET + b"X-A: b\r\n" * 100 + b"\r\n",
    "fields without end": GET + b"X-A: b\r\n" * 100_000,
    "a field without end": GET + b"X-A: " + b"a" * 1_000_000,
}


@pytest.mark.parametrize("fault", HEAD_FAULTS)
def test_what_is_no_request_is_a_problem(server: RunningServer, fault: str) -> None:
    answers = exchange(server, HEAD_FAULTS[fault])
    # Those before it on the connection are answered first.
    answer = parsed(answers)
    while answer.status == 200:
        answer = parsed(answer.rest)
    assert (answer.status, answer.code, answer.rest) == (400, "malformed_request", b"")


@pytest.mark.parametrize("fault", BODY_FAULTS)
def test_a_body_that_cannot_be_understood_is_a_problem(server: RunningServer, fault: str) -> None:
    answer = parsed(exchange(server, BODY_FAULTS[fault]))
    assert (answer.status, answer.code, answer.rest) == (400, "malformed_body", b"")


@pytest.mark.parametrize("kind", LARGE_HEADS)
def test_a_head_has_a_bound(server: RunningServer, kind: str) -> None:
    answer = parsed(exchange(server, LARGE_HEADS[kind]))
    assert (answer.status, answer.code, answer.rest) == (431, "head_too_large", b"")


def test_a_head_at_the_bound_is_read(server: RunningServer) -> None:
    """99 fields and Host, and 64 KiB with URL, names and values."""
    close = b"Connection: close\r\n\r\n"
    fields = b"X-A: b\r\n" * 98
    assert parsed(exchange(server, GET + fields + close)).status == 200
    padding = b"X-A: " + b"a" * (64 * 1024 - 60) + b"\r\n"
    assert parsed(exchange(server, GET + padding + close)).status == 200


def test_an_endless_head_takes_no_memory(server: RunningServer) -> None:
    def http_mb() -> float:
        return max(process.memory_info().rss for process in server.processes()[1:]) / 1e6

    exchange(server, GET)
    before_mb = http_mb()
    flood = b"X-Abc: bcdefgh\r\n" * 65_536
    for _ in range(2):
        exchange(server, GET, *([flood] * 50))
    assert http_mb() - before_mb < KEPT_MB


def test_a_slow_head_is_refused(server: RunningServer) -> None:
    answer = parsed(exchange(server, GET))
    assert (answer.status, answer.code) == (408, "head_too_slow")
    assert json.loads(answer.body)["detail"] == "head incomplete after 2 s (ECG_HEAD_TIMEOUT)"


def test_a_connection_without_a_request_is_closed_without_a_word(server: RunningServer) -> None:
    assert exchange(server) == b""


def test_an_idle_connection_is_closed(server: RunningServer) -> None:
    assert parsed(exchange(server, GET + b"\r\n")).rest == b""


def test_refusals_are_logged_and_counted(server: RunningServer) -> None:
    answer = parsed(exchange(server, HEAD_FAULTS["no Host"]))
    request_id = answer.headers["x-request-id"]
    (line,) = server.logged(request_id)
    assert "route=other status=400 code=malformed_request" in line
    assert re.search(
        r'ecg_requests_total\{.*code="malformed_request",route="other",status="400".*\} [1-9]',
        get(server, "/metrics").text,
    )


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_upgrade_is_ignored(server: RunningServer, protocol: bytes) -> None:
    """RFC 9110, 7.8: a server may. The connection is closed, and the log has one line of it."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    livez_before = server.log().count("route=/livez")
    lines_before = len(_lines_of_no_request(server))
    answer = parsed(exchange(server, GET + upgrade + b"\r\n", b"x" * 1000, b"y" * 1000))
    assert (answer.status, answer.body, answer.rest) == (200, b"alive\n", b"")
    assert answer.headers["connection"] == "close"
    # Other requests, such as those that wait for readiness, are logged late.
    assert server.log().count("route=/livez") - livez_before <= 1
    assert len(_lines_of_no_request(server)) == lines_before


def _lines_of_no_request(server: RunningServer) -> list[str]:
    return [line for line in server.log().splitlines() if " ecg.access " not in line]


def test_pipelined_requests_are_answered_in_order(server: RunningServer) -> None:
    good = POST + LENGTH + b"\r\n" + BODY
    last = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = parsed(exchange(server, good + GET + b"\r\n" + good + last))
    statuses = [answer.status]
    while answer.rest:
        answer = parsed(answer.rest)
        statuses.append(answer.status)
    assert statuses == [200, 200, 200, 404]


def test_a_trailer_is_no_header_of_this_or_the_next_request(server: RunningServer) -> None:
    trailer = b"X-Request-ID: smuggled\r\n\r\n"
    chunk = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n"
    last = GET + b"Connection: close\r\n\r\n"
    first = parsed(exchange(server, CHUNKED + chunk + trailer + last))
    second = parsed(first.rest)
    assert (first.status, second.status) == (200, 200)
    assert "smuggled" not in (first.headers["x-request-id"], second.headers["x-request-id"])


def test_a_refused_body_is_not_asked_for(server: RunningServer) -> None:
    """Expect: 100-continue gets the error, and no 100 before it."""
    large = POST + b"Content-Length: 100000000\r\nExpect: 100-continue\r\n\r\n"
    assert parsed(exchange(server, large)).code == "body_too_large"
    accepted = POST + LENGTH + b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
    answer = exchange(server, accepted + BODY)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert parsed(answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")).status == 200


def test_a_refused_upload_gets_its_answer_before_its_end(server: RunningServer) -> None:
    """The rest is read and discarded, or the kernel would reset the connection."""
    head = POST.replace(NPY.encode(), b"text/csv") + b"Content-Length: 60000000\r\n\r\n"
    answer = parsed(exchange(server, head, *[b"x" * 1_000_000] * 60))
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_a_body_that_no_route_reads_leaves_the_connection_usable(server: RunningServer) -> None:
    body = b"x" * 100_000
    unread = b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body
    answer = parsed(exchange(server, unread + GET + b"Connection: close\r\n\r\n"))
    assert answer.status == 405
    assert parsed(answer.rest).body == b"alive\n"


def test_an_answer_is_sent_in_one_piece(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), RECV_TIMEOUT_S) as connection:
        connection.sendall(GET + b"\r\n")
        assert connection.recv(65_536).endswith(b"alive\n")


def test_the_server_answers_as_before(server: RunningServer) -> None:
    answer_of(post_npy(server, "/assess_quality", ECG))
    children = [psutil.Process(process.pid) for process in server.processes()]
    assert len(children) >= 3
    assert "Traceback" not in server.log()


def test_what_is_used_of_uvicorn_exists() -> None:
    """The private names that server/http/protocol.py lists, in the pinned version."""
    assert uvicorn.__version__ == "0.54.0"
    for name in (
        *("connection_made", "connection_lost", "data_received", "pause_writing"),
        *("resume_writing", "on_message_begin", "on_url", "on_header", "on_headers_complete"),
        *("on_body", "on_message_complete", "on_response_complete", "_start_asgi_task"),
        "shutdown",
    ):
        assert callable(getattr(HttpToolsProtocol, name)), name
    source = inspect.getsource(HttpToolsProtocol)
    for name in (
        *("parser", "transport", "flow", "headers", "url", "scope", "client", "cycle"),
        *("pipeline", "server_state", "logger", "access_logger", "access_log"),
        *("loop", "expect_100_continue"),
    ):
        assert f"self.{name}" in source, name
    cycle = inspect.getsource(RequestResponseCycle)
    for name in (
        *("scope", "transport", "body", "more_body", "message_event", "keep_alive"),
        *("response_complete", "disconnected"),
    ):
        assert f"self.{name}" in cycle, name
    assert issubclass(httptools.HttpParserCallbackError, httptools.HttpParserError)
    assert not issubclass(httptools.HttpParserUpgrade, httptools.HttpParserError)
