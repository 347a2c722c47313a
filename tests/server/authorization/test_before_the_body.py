"""Access is decided from the head alone: a body is neither waited for nor asked for."""

from __future__ import annotations

import socket
from http.client import HTTPResponse

import pytest

from tests.server.authorization.conftest import GuardedServer

BODY_BYTES = 60 * 2**20


def answer_to_the_head(guarded: GuardedServer, *lines: str) -> HTTPResponse:
    """Send a head that announces a large body, and nothing of the body."""
    head = [
        "POST /analyze HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {BODY_BYTES}",
        *lines,
        "",
        "",
    ]
    connection = socket.create_connection(("127.0.0.1", guarded.server.port), timeout=60)
    with connection:
        connection.sendall("\r\n".join(head).encode())
        response = HTTPResponse(connection)
        response.begin()
        response.read()
    return response


@pytest.mark.parametrize(
    ("key", "lines", "status"),
    [
        (None, (), 401),
        ("features", (), 403),
        ("all", ("Origin: https://evil.example",), 403),
    ],
)
def test_a_refusal_does_not_wait_for_the_body(
    guarded: GuardedServer, key: str | None, lines: tuple[str, ...], status: int
) -> None:
    credential = () if key is None else (f"X-API-Key: {guarded.keys[key]}",)
    response = answer_to_the_head(guarded, *credential, *lines)
    assert response.status == status
    # What the client sends next is the body, so the connection ends here.
    assert response.headers["Connection"] == "close"


def test_a_client_that_asks_first_is_refused_before_it_sends(guarded: GuardedServer) -> None:
    """With 100-continue the first line would be `HTTP/1.1 100 Continue` if a body were read."""
    assert answer_to_the_head(guarded, "Expect: 100-continue").status == 401


def test_there_are_no_websockets_with_or_without_a_key(guarded: GuardedServer) -> None:
    for key in ("", f"X-API-Key: {guarded.keys['all']}\r\n"):
        head = (
            "GET /analyze HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"{key}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", guarded.server.port), 60) as connection:
            connection.sendall(head.encode())
            response = HTTPResponse(connection)
            response.begin()
            assert response.status in (401, 403, 405)


def test_a_refused_body_that_is_sent_anyway_does_not_cost_the_answer(
    guarded: GuardedServer,
) -> None:
    with guarded.server.client() as client:
        for _ in range(3):
            answer = client.post("/analyze", content=b"x" * 5_000_000)
            assert answer.status_code == 401
