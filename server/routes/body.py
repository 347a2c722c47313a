"""A request's body, read under a time limit and a size limit."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from errors import BodyTooLarge, UploadTooSlow

DRAIN_S: Final = 2.0  # for the rest of a body that is refused
DRAIN_IDLE_S: Final = 0.3  # a client that sends nothing for so long waits for the answer


async def read_body(request: Request, limit_bytes: int, timeout_s: float) -> bytes:
    """Return the whole body.

    Raises BodyTooLarge, UploadTooSlow; ClientDisconnect when the client has left.
    """
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
            f"body incomplete after {timeout_s:g} s (ECG_BODY_TIMEOUT): {size} bytes received"
        ) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def wait_for_disconnect(request: Request) -> None:
    """Return when the client leaves. To be called after the body was read."""
    try:
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                return
    except ClientDisconnect:
        return


def too_large(limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"body is larger than {limit_bytes} bytes (ECG_MAX_BODY_MB); send many records as npy"
    )


async def drain(request: Request, limit_bytes: int) -> None:
    """Read and discard, for a moment, what a refused client still sends.

    If the server closed the connection while data arrives, the kernel would reset it, and the
    client would lose the answer.
    """
    stream = request.stream()
    size = 0
    until_s = time.monotonic() + DRAIN_S
    while size <= limit_bytes and time.monotonic() < until_s:
        try:
            size += len(await asyncio.wait_for(anext(stream), DRAIN_IDLE_S))
        except (TimeoutError, StopAsyncIteration, ClientDisconnect):
            return
