"""The open connections of one HTTP process: how many, of whom, and which have to end.

A connection that waits for a request (idle, or with part of a head) is expendable. When there are
too many connections, the oldest of these makes room. A connection is refused only where all others
have a request in progress.

One timer looks at all connections: a timer for each would cost more than the requests.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, Protocol

from server import metrics
from server.http.limits import HttpLimits

LOOK_EVERY_S: Final = 0.5
# For the rest of a body whose request is answered already. If the server closed the connection
# while data arrives, the kernel would reset it, and the client would lose the answer. nginx's
# lingering_timeout has the same default.
LINGER_S: Final = 5.0
MAX_LOOKED_AT: Final = 64  # overdue connections, before the event loop serves others

Waiting = Literal["lingering", "idle", "head"]


class Connection(Protocol):
    """What the table needs of a connection."""

    client_group: str
    waiting: Waiting | None  # set by the table only

    def end(self, reason: str) -> None:
        """Close the connection; discard an answer that the client did not read."""

    def head_is_late(self) -> None:
        """Refuse the request whose head is not complete, or close if there is none."""

    def unread_bytes(self) -> int:
        """Return how much of its answers the client has not read, without the kernel's buffers."""

    def taken_bytes(self) -> int:
        """Return how much of all its answers the kernel has taken so far."""

    def answered_s(self) -> float | None:
        """Return when its last answer was complete; None while an answer is in progress."""


class _Reader:
    """A client that does not read as fast as it is answered.

    Since `since_s` it is known to have taken `taken_bytes` of its answers.
    """

    def __init__(self, connection: Connection, now_s: float) -> None:
        self.since_s = now_s
        self.taken_bytes = connection.taken_bytes()


class Connections:
    """All connections of this process. Its methods run on the event loop."""

    def __init__(self, limits: HttpLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._count = 0
        self._per_client: Counter[str] = Counter()
        # Since when each waits; the oldest first, as whatever begins to wait is added at the end.
        self._waiting: dict[Waiting, dict[Connection, float]] = {
            "lingering": {},
            "idle": {},
            "head": {},
        }
        self._allowed_s: dict[Waiting, float] = {
            "lingering": LINGER_S,
            "idle": limits.keep_alive_s,
            "head": limits.head_timeout_s,
        }
        self._readers: dict[Connection, _Reader] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> bool:
        """Add a new connection, which then waits for a head. Return False where it is too many."""
        group = connection.client_group
        self._count += 1
        self._per_client[group] += 1
        if self._timer is None:
            self._look_later()
        has_room = True
        if self._per_client[group] > self.limits.connections_per_client:
            has_room = self._end_oldest_waiting(group)
        elif self._count > self.limits.connections:
            has_room = self._end_oldest_waiting(None)
        if has_room:
            self.wait("head", connection)
        return has_room

    def remove(self, connection: Connection) -> None:
        self.stop_waiting(connection)
        self._readers.pop(connection, None)
        self._count -= 1
        self._per_client[connection.client_group] -= 1
        if not self._per_client[connection.client_group]:
            del self._per_client[connection.client_group]

    def wait(self, waiting: Waiting, connection: Connection) -> None:
        """Note that the connection waits for its client from now on."""
        self.stop_waiting(connection)
        self._waiting[waiting][connection] = self._clock()
        connection.waiting = waiting

    def stop_waiting(self, connection: Connection) -> None:
        if connection.waiting is not None:
            del self._waiting[connection.waiting][connection]
            connection.waiting = None

    def reads_slowly(self, connection: Connection) -> None:
        """Watch a client that has not read all that was sent."""
        if connection not in self._readers:
            self._readers[connection] = _Reader(connection, self._clock())
        self._limit_unread_bytes()

    def has_read(self, connection: Connection) -> None:
        self._readers.pop(connection, None)

    def unread_bytes(self) -> int:
        return sum(connection.unread_bytes() for connection in self._readers)

    def _end_oldest_waiting(self, group: str | None) -> bool:
        """End the connection (of one client, or of any) that has waited longest."""
        for connections in self._waiting.values():
            for connection in connections:
                if group is None or connection.client_group == group:
                    self._end(connection, "made_room")
                    return True
        return False

    def _end(self, connection: Connection, reason: str) -> None:
        # At once, and not when the event loop reports the end.
        self.stop_waiting(connection)
        self._readers.pop(connection, None)
        metrics.CONNECTIONS_ENDED.labels(reason).inc()
        connection.end(reason)

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._count:
            # First, so that an error below does not end the looking at all connections.
            self._look_later()
        self.end_overdue()

    def end_overdue(self) -> None:
        """End the connections whose time is over."""
        now_s = self._clock()
        for waiting in self._waiting:
            self._end_waiting_too_long(waiting, now_s)
        self._look_at_readers(now_s)

    def _end_waiting_too_long(self, waiting: Waiting, now_s: float) -> None:
        connections = self._waiting[waiting]
        allowed_s = self._allowed_s[waiting]
        overdue: list[Connection] = []
        for connection, since_s in connections.items():
            if now_s - since_s < allowed_s or len(overdue) >= MAX_LOOKED_AT:
                break
            overdue.append(connection)
        for connection in overdue:
            if waiting == "head":
                self.stop_waiting(connection)
                metrics.CONNECTIONS_ENDED.labels("head").inc()
                connection.head_is_late()
            else:
                self._end(connection, waiting)

    def _look_at_readers(self, now_s: float) -> None:
        """End the connections whose client reads too slowly, or not in the time for an answer."""
        limits = self.limits
        for connection, reader in list(self._readers.items()):
            answered_s = connection.answered_s()
            if answered_s is not None and now_s - answered_s > limits.answer_timeout_s:
                self._end(connection, "answer_timeout")
                continue
            watched_s = now_s - reader.since_s
            if watched_s < limits.stall_timeout_s:
                continue
            taken_bytes = connection.taken_bytes()
            if taken_bytes - reader.taken_bytes < limits.min_bytes_per_s * watched_s:
                self._end(connection, "stalled")
            else:
                reader.since_s, reader.taken_bytes = now_s, taken_bytes

    def _limit_unread_bytes(self) -> None:
        """End the connections that have been unread for longest, until the rest is allowed.

        The newest stays, as a single large answer is no attack.
        """
        excess = self.unread_bytes() - self.limits.unread_bytes
        for connection in list(self._readers)[:-1]:
            if excess <= 0:
                return
            excess -= connection.unread_bytes()
            self._end(connection, "too_much_unread")
