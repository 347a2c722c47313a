"""Bodies are bounded in size, in sum and in time, also where no length is announced."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from errors import BodyTooLarge, EcgError, Overloaded, UploadTooSlow
from station.web.bodies import Bodies


def bodies_of(limit_bytes: int, total_bytes: int, timeout_s: float) -> Bodies:
    return Bodies(limit_bytes=limit_bytes, total_bytes=total_bytes, timeout_s=timeout_s)


def request(*chunks: bytes, ends: bool = True) -> Request:
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    if ends:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    messages.reverse()

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()  # a client that sends no more
        return messages.pop()

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def read(bodies: Bodies, sent: Request) -> tuple[bytes, int]:
    """Return the body, and the bytes that are counted meanwhile."""

    async def run() -> tuple[bytes, int]:
        async with bodies.body_of(sent) as body:
            return body, bodies.held_bytes

    return asyncio.run(run())


def test_a_body_is_counted_while_it_is_used() -> None:
    bodies = bodies_of(10, 10, 60)
    assert read(bodies, request(b"abc", b"de")) == (b"abcde", 5)
    assert bodies.held_bytes == 0


@pytest.mark.parametrize(
    ("bodies", "sent", "error"),
    [
        (bodies_of(4, 100, 60), request(b"abc", b"de"), BodyTooLarge),
        (bodies_of(100, 4, 60), request(b"abc", b"de"), Overloaded),
        (bodies_of(100, 100, 0.01), request(b"abc", ends=False), UploadTooSlow),
    ],
)
def test_a_body_beyond_a_limit_is_refused(
    bodies: Bodies, sent: Request, error: type[EcgError]
) -> None:
    with pytest.raises(error):
        read(bodies, sent)
    assert bodies.held_bytes == 0
