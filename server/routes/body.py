"""A request's body, read under a time limit and a size limit."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import Request
from starlette.requests import ClientDisconnect

from errors import BodyTooLarge, EcgError, UploadTooSlow
from server.http.uploads import Upload


async def read_body(
    request: Request, upload: Upload, limit_bytes: int, timeout_s: float
) -> bytes | bytearray:
    """Return the whole body.

    Raises BodyTooLarge, UploadTooSlow, Overloaded, MalformedBody; ClientDisconnect when the client
    has left.
    """
    body: bytes | bytearray = b""
    try:
        async with asyncio.timeout(timeout_s) as timeout:
            upload.on_fault(partial(_end_now, timeout))
            async for chunk in request.stream():
                upload.add(len(chunk))
                if upload.received_bytes > limit_bytes:
                    raise too_large(limit_bytes)
                body = _joined(body, chunk)
    except TimeoutError:
        upload.raise_fault()
        raise UploadTooSlow(
            f"body incomplete after {timeout_s:g} s (ECG_BODY_TIMEOUT): "
            f"{upload.received_bytes} bytes received"
        ) from None
    # The protocol ends a body whose transfer coding it cannot understand.
    error: EcgError | None = request.scope["state"].pop("body_error", None)
    if error is not None:
        raise error
    return body


def _end_now(timeout: asyncio.Timeout) -> None:
    # The time may have ended in the same turn of the event loop; then it cannot be changed.
    if not timeout.expired():
        timeout.reschedule(asyncio.get_running_loop().time())


def _joined(body: bytes | bytearray, chunk: bytes) -> bytes | bytearray:
    """Return both. Most bodies arrive as one chunk, which is not copied; others grow in place."""
    if not body:
        return chunk
    if isinstance(body, bytes):
        body = bytearray(body)
    body += chunk
    return body


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
