"""The bodies that the process receives or has in memory: how large, how many bytes, how fast."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from errors import BodyTooLarge, Overloaded, UploadTooSlow
from station.times import RETRY_AFTER_S


class Bodies:
    """Counts the bytes of all bodies as they arrive, until their requests are answered."""

    def __init__(self, *, limit_bytes: int, total_bytes: int, timeout_s: float) -> None:
        self._limit_bytes = limit_bytes
        self._total_bytes = total_bytes
        self._timeout_s = timeout_s
        self.held_bytes = 0

    @asynccontextmanager
    async def body_of(self, request: Request) -> AsyncIterator[bytes]:
        """Read a request's body, which is counted while the block runs.

        Raises BodyTooLarge, Overloaded, UploadTooSlow; ClientDisconnect where the client leaves.
        """
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limit_bytes:
            raise self._too_large()
        received: list[bytes] = []
        try:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._receive(request, received)
            except TimeoutError:
                raise UploadTooSlow(
                    f"body incomplete: {_size(received)} bytes received in {self._timeout_s:g} s "
                    "(STATION_BODY_TIMEOUT)"
                ) from None
            received[:] = [b"".join(received)]
            yield received[0]
        finally:
            self.held_bytes -= _size(received)

    async def _receive(self, request: Request, received: list[bytes]) -> None:
        """Append the chunks of a body, counting them. Raises BodyTooLarge, Overloaded."""
        size = 0
        async for chunk in request.stream():
            received.append(chunk)
            size += len(chunk)
            self.held_bytes += len(chunk)
            if size > self._limit_bytes:
                raise self._too_large()
            if self.held_bytes > self._total_bytes:
                raise Overloaded(
                    f"bodies of {self.held_bytes} bytes are in memory; the limit is "
                    f"{self._total_bytes} (STATION_MAX_BODIES_MB)",
                    retry_after_s=RETRY_AFTER_S,
                )

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"body is larger than {self._limit_bytes} bytes (STATION_MAX_BODY_KB); send less a post"
        )


def _size(chunks: list[bytes]) -> int:
    return sum(map(len, chunks))
