"""A large answer, given to the connection in parts as the client reads it.

Handed over at once, all of it would lie in the transport, which the garbage collector frees late
once such a connection is ended.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.http.protocol import BoundedHttpProtocol

PART_BYTES: Final = 256 * 1024


class LargeResponse(Response):
    """A response of any size. What the client has not read of it counts as unread."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: BoundedHttpProtocol | None = scope["state"].get("connection")
        size = len(self.body)
        if connection is None or size <= PART_BYTES:
            await super().__call__(scope, receive, send)
            return
        body = memoryview(self.body)
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            for begin in range(0, size, PART_BYTES):
                connection.hold_unread(size - begin)
                end = begin + PART_BYTES
                # Waits until the part before has been read.
                await send(
                    {
                        "type": "http.response.body",
                        "body": body[begin:end],
                        "more_body": end < size,
                    }
                )
        finally:
            connection.hold_unread(0)
