"""The same bounds over TLS, whose transport differs from TCP's."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trustme

from tests.server.ecgs import NPY, npy, twelve_seconds
from tests.server.harness import ANSWER_S, RunningServer
from tests.server.http.test_bounds import until
from tests.server.http.test_protocol import parsed

ECG = twelve_seconds()
QUERY = "&".join(f"{name}={value}" for name, value in ECG.query().items())
MANY = npy(np.stack([ECG.signal] * 16).astype(np.float32))
LARGE_ANSWER = (
    f"POST /analyze?{QUERY}&include=signal HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NPY}\r\n"
    f"Content-Length: {len(MANY)}\r\nConnection: close\r\n\r\n"
).encode() + MANY


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    folder: Path = tmp_path_factory.mktemp("tls")
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    running = RunningServer(
        wait=False,
        ECG_MODEL="none",
        ECG_SIGNAL_WORKERS="1",
        ECG_STALL_TIMEOUT="2",
        ECG_TLS_CERTIFICATE=str(folder / "certificate.pem"),
        ECG_TLS_KEY=str(folder / "key.pem"),
    )
    with running:
        until(lambda: b"\r\n\r\nready" in asked(running, authority, get("/readyz")))
        yield running


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


@contextlib.contextmanager
def connected(server: RunningServer, authority: trustme.CA) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(ANSWER_S)
    with plain:
        plain.connect(("127.0.0.1", server.port))
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            yield connection


def asked(server: RunningServer, authority: trustme.CA, request: bytes) -> bytes:
    """Return everything that is answered until the server closes; nothing where it refuses."""
    received = b""
    with contextlib.suppress(OSError), connected(server, authority) as connection:
        connection.sendall(request)
        while data := connection.recv(65_536):
            received += data
    return received


def test_small_and_large_answers_are_complete(server: RunningServer, authority: trustme.CA) -> None:
    assert parsed(asked(server, authority, get("/livez"))).body == b"alive\n"
    answer = parsed(asked(server, authority, LARGE_ANSWER))
    assert answer.status == 200, answer.body
    assert len(json.loads(answer.body)["results"]) == 16
    assert len(answer.body) > 2_000_000


def test_what_is_no_request_is_a_problem(server: RunningServer, authority: trustme.CA) -> None:
    answer = parsed(asked(server, authority, b"G@T / HTTP/1.1\r\n\r\n"))
    assert (answer.status, answer.code) == (400, "malformed_request")


def test_an_answer_that_nobody_reads_ends(server: RunningServer, authority: trustme.CA) -> None:
    with connected(server, authority) as connection:
        connection.sendall(LARGE_ANSWER)
        counted = b'ecg_connections_ended_total{reason="stalled"}'
        until(lambda: counted in asked(server, authority, get("/metrics")))
    assert "Traceback" not in server.log()
