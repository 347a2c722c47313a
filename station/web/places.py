"""Places for requests that take much memory: a few at once, a few more wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from errors import Overloaded
from station.times import RETRY_AFTER_S


class Places:
    """At most `at_once` requests run, and `waiting` others wait in their order."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._at_once = at_once
        self._most = at_once + waiting
        self._free = asyncio.Semaphore(at_once)
        self._taken = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it while the block runs. Raises Overloaded."""
        if self._taken >= self._most:
            raise Overloaded(
                f"{self._taken} requests of this kind run or wait, and {self._at_once} run at once",
                retry_after_s=RETRY_AFTER_S,
            )
        self._taken += 1
        try:
            async with self._free:
                yield
        finally:
            self._taken -= 1
