"""A request's body, read under a time limit and a size limit."""

from __future__ import annotations

import asyncio
import time

from fastapi import Request
from starlette.requests import ClientDisconnect

from errors import BodyTooLarge, MalformedBody, UploadTooSlow

MAX_LENGTH_DIGITS = 18
DRAIN_S = 2.0  # for the rest of a body that is refused
DRAIN_IDLE_S = 0.3  # a client that sends nothing for so long waits for the answer


def check_length(request: Request, limit_bytes: int) -> None:
    """Refuse by Content-Length before a byte is read. Raises BodyTooLarge, MalformedBody."""
    length = request.headers.get("content-length")
    if length is None:
        return
    if not (length.isascii() and length.isdigit()):
        raise MalformedBody("Content-Length is no number")
    if len(length) > MAX_LENGTH_DIGITS or int(length) > limit_bytes:
        raise too_large(limit_bytes)


async def read_body(request: Request, limit_bytes: int, timeout_s: float) -> bytes:
    """The whole body. Raises BodyTooLarge, UploadTooSlow; ClientDisconnect when nobody is there any more."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit_bytes:
                    raise too_large(limit_bytes)
                chunks.append(chunk)
    except TimeoutError:
        raise UploadTooSlow(
            f"the body had not come after {timeout_s:g} s (ECG_BODY_TIMEOUT); {size} bytes of it had"
        ) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def disconnected(request: Request) -> None:
    """Returns when the client goes away. Only after the body was read."""
    try:
        while (await request.receive())["type"] != "http.disconnect":
            pass
    except ClientDisconnect:
        return


def too_large(limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"body is larger than {limit_bytes} bytes (ECG_MAX_BODY_MB); many records are better sent as npy"
    )


async def drain(request: Request, limit_bytes: int) -> None:
    """Take in and forget what a refused client still sends, for a moment: closing on it would lose the answer."""
    stream = request.stream()
    size, until_s = 0, time.monotonic() + DRAIN_S
    while size <= limit_bytes and time.monotonic() < until_s:
        try:
            size += len(await asyncio.wait_for(anext(stream), DRAIN_IDLE_S))
        except (TimeoutError, StopAsyncIteration, ClientDisconnect):
            return
