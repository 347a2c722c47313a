"""The events of the database as many readers follow them, each from its own place.

A reader asks for what comes after the last event that it has. So it misses nothing and gets nothing
twice, whether that is in memory or must be read from the table, and a slow reader takes no memory.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine

from station.store.engine import FAILURES
from station.store.events import events_after, newest_event

logger = logging.getLogger("ecg.station.events")

Result = TypeVar("Result")

POLL_S: Final = 0.05
AGAIN_S: Final = 1.0  # after the database has failed
MAX_REMEMBERED: Final = 10_000
MAX_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is sent; see station/store/events.py."""

    id: int
    kind: str
    patient_id: int | None
    data: str


class EventLog:
    """Follows the table of events while somebody reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readers = 0
        # Every event with an id above `_floor`, up to `newest`.
        self._remembered: deque[Told] = deque()
        self._floor = 0
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.newest = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Follow the table while the block runs."""
        self._readers += 1
        try:
            if self._task is None:
                self._task = asyncio.create_task(self._follow(), name="events")
            yield
        finally:
            self._readers -= 1
            if not self._readers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def start(self) -> int:
        """Return the id of the newest event in the table."""
        return await asyncio.to_thread(self._read, newest_event)

    async def after(self, last: int) -> Sequence[Told]:
        """Wait for events with an id above `last`, and return the next ones in their order."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.newest > last)
            if last >= self._floor:
                first = bisect_right(self._remembered, last, key=lambda told: told.id)
                return list(islice(self._remembered, first, first + MAX_AT_ONCE))
        return await asyncio.to_thread(self._read_after, last)

    async def _follow(self) -> None:
        """Read new events until it is cancelled."""
        self._remembered.clear()
        self._floor = self.newest = 0
        while True:
            try:
                if not self.newest:
                    newest = await self.start()
                    found: Sequence[Told] = []
                    self._floor = newest
                else:
                    found = await asyncio.to_thread(self._read_after, self.newest)
                    newest = found[-1].id if found else self.newest
            except FAILURES as error:
                logger.error("the database failed: %s", type(error).__name__)
                await asyncio.sleep(AGAIN_S)
                continue
            if newest > self.newest:
                await self._remember(newest, found)
            if len(found) < MAX_AT_ONCE:
                await asyncio.sleep(POLL_S)

    async def _remember(self, newest: int, found: Sequence[Told]) -> None:
        async with self._changed:
            self._remembered.extend(found)
            while len(self._remembered) > MAX_REMEMBERED:
                self._floor = self._remembered.popleft().id
            self.newest = newest
            self._changed.notify_all()

    def _read_after(self, last: int) -> list[Told]:
        def read(connection: Connection) -> list[Told]:
            rows = events_after(connection, last, MAX_AT_ONCE)
            return [Told(row.id, row.kind, row.patient_id, row.data) for row in rows]

        return self._read(read)

    def _read(self, read: Callable[[Connection], Result]) -> Result:
        with self._engine.connect() as connection:
            return read(connection)
