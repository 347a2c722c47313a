"""One thread that stores all posts: it takes what waits, and commits it as one transaction.

A post is acknowledged after the commit. The queue is bounded in records; where it is full, a post
is refused at once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from collections import Counter, deque
from typing import Final

from sqlalchemy import Engine

from errors import EcgError, InternalError, NoDatabase, Overloaded, ShuttingDown
from station.ingest.commit import ClockRules, Post, PostResult, store_posts
from station.ingest.outcomes import Outcome
from station.store.engine import FAILURES, writing
from station.times import RETRY_AFTER_S

logger = logging.getLogger("ecg.station.writer")

NOT_STORED: Final = "the database could not store the records; send them again"
# Of a transaction: a larger one would make the posts in it wait, and hardly cost less a record.
MAX_GROUP_RECORDS: Final = 5000


class _Waiting:
    """A post in the queue, and the future that its request awaits."""

    def __init__(self, post: Post, loop: asyncio.AbstractEventLoop) -> None:
        self.post = post
        self.records = max(post.parsed.count, 1)
        self.future: asyncio.Future[PostResult] = loop.create_future()
        self._loop = loop

    def finish(self, answer: PostResult | EcgError) -> None:
        """Called from the writer's thread."""
        self._loop.call_soon_threadsafe(self._set, answer)

    def _set(self, answer: PostResult | EcgError) -> None:
        if self.future.done():  # the client has left
            return
        if isinstance(answer, EcgError):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)


class Writer:
    """Stores posts. `max_waiting` is in records, those of the running transaction included.

    counts   of each outcome, since the start
    waiting  number of records
    """

    def __init__(self, engine: Engine, clock: ClockRules, max_waiting: int) -> None:
        self._engine = engine
        self._clock = clock
        self._max_waiting = max_waiting
        self._queue: deque[_Waiting] = deque()
        self.waiting = 0
        self.counts = Counter(dict.fromkeys(Outcome, 0))
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="writer")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Store what waits, then end the thread."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join()

    async def store(self, post: Post) -> PostResult:
        """Return what became of a post, after its commit.

        Raises Overloaded, ShuttingDown, NoDatabase where the database fails.
        """
        waiting = _Waiting(post, asyncio.get_running_loop())
        with self._changed:
            if self._is_stopping:
                raise ShuttingDown("the station is shutting down", retry_after_s=RETRY_AFTER_S)
            # A post that is larger than the queue itself is taken where nothing waits.
            room = self._max_waiting - self.waiting
            if self.waiting and waiting.records > room:
                raise Overloaded(
                    f"{self.waiting} records wait to be stored; the limit is "
                    f"{self._max_waiting} (STATION_MAX_WAITING)",
                    retry_after_s=RETRY_AFTER_S,
                )
            self._queue.append(waiting)
            self.waiting += waiting.records
            self._changed.notify()
        return await waiting.future

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if not group:
                return
            self._store_group(group)

    def _next_group(self) -> list[_Waiting]:
        """Wait for posts and take them; [] when the writer is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_stopping)
            group: list[_Waiting] = []
            records = 0
            while self._queue and (
                not group or records + self._queue[0].records <= MAX_GROUP_RECORDS
            ):
                group.append(self._queue.popleft())
                records += group[-1].records
            return group

    def _store_group(self, group: list[_Waiting]) -> None:
        try:
            with writing(self._engine) as connection:
                results = store_posts(connection, [each.post for each in group], self._clock)
        except FAILURES as error:
            # Its message may quote parameters, which are a patient's.
            logger.error("the database failed: %s", type(error).__name__)
            self._refuse(group, NoDatabase(NOT_STORED, retry_after_s=RETRY_AFTER_S))
        except Exception as error:  # noqa: BLE001 - one post must not fail its neighbours
            self._find_fault(group, error)
        else:
            for waiting, result in zip(group, results, strict=True):
                self.counts.update(result.counts)
                self._finish(waiting, result)

    def _find_fault(self, group: list[_Waiting], error: Exception) -> None:
        """Store the posts of a failed transaction one by one: only the one at fault is refused."""
        if len(group) > 1:
            for waiting in group:
                self._store_group([waiting])
            return
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.error("a post failed: %s in %s", type(error).__name__, place.name)
        self._refuse(group, InternalError("internal error; the records are not stored"))

    def _refuse(self, group: list[_Waiting], error: EcgError) -> None:
        for waiting in group:
            self._finish(waiting, error)

    def _finish(self, waiting: _Waiting, answer: PostResult | EcgError) -> None:
        with self._changed:
            self.waiting -= waiting.records
        waiting.finish(answer)
