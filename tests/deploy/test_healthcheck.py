"""The health check of the images says what /readyz says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.house.tree import ROOT
from tests.local_http import QuietHandler, serving
from tests.server.harness import free_port

SCRIPT = ROOT / "deploy" / "healthcheck.py"


def status(port: int, **settings: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name[:4] != "ECG_"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=environment | {"ECG_PORT": str(port)} | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode


@contextmanager
def answering(code: int) -> Iterator[int]:
    """Yield the port of a server that answers /readyz with this status."""

    class Handler(QuietHandler):
        def respond(self) -> None:
            self.answer(code if self.path == "/readyz" else 404)

    with serving(Handler) as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.parametrize(("code", "expected"), [(200, 0), (204, 1), (404, 1), (503, 1)])
def test_healthy_is_what_is_ready(code: int, expected: int) -> None:
    with answering(code) as port:
        assert status(port) == expected


def test_nothing_that_listens_is_not_healthy() -> None:
    assert status(free_port()) == 1


def test_an_answer_that_is_not_http_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"what?\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert status(listener.getsockname()[1]) == 1
        thread.join()


def test_with_client_certificates_a_connection_has_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert status(listener.getsockname()[1], ECG_TLS_CLIENT_CA="/ca.pem") == 0
    assert status(free_port(), ECG_TLS_CLIENT_CA="/ca.pem") == 1
