"""Bodies of any length, read piece by piece in a thread while they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeVar

from starlette.requests import Request

from errors import UploadTooSlow

Result = TypeVar("Result")


async def read_in_thread(
    request: Request, timeout_s: float, read: Callable[[Iterator[bytes]], Result]
) -> Result:
    """Return what `read` makes of the pieces of a body; one piece is in memory.

    timeout_s  in which a next piece must arrive
    Raises UploadTooSlow; ClientDisconnect where the client leaves.
    """
    loop = asyncio.get_running_loop()
    stream = aiter(request.stream())

    async def piece() -> bytes | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await anext(stream, None)
        except TimeoutError:
            raise UploadTooSlow(
                f"no more of the body in {timeout_s:g} s (STATION_BODY_TIMEOUT)"
            ) from None

    def pieces() -> Iterator[bytes]:
        while (content := asyncio.run_coroutine_threadsafe(piece(), loop).result()) is not None:
            yield content

    return await asyncio.to_thread(lambda: read(pieces()))
