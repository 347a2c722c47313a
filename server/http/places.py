"""The places in flight of one HTTP process, given in the order in which requests have arrived.

A request takes a place when its body is complete. Where all are taken it waits, behind a bounded
number of others. The more wait, the likelier is a new request refused: if the limit alone decided,
the clients that were answered last would take every place that becomes free, and clients that were
refused once would be refused for ever.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from errors import DeadlineExceeded, Overloaded
from server.http.appointments import Appointments, ServiceRate
from server.ipc.messages import Slot
from server.workers.in_flight import InFlightRequests

# Of the places. With more of them free the server is not full, so that it answers fewer requests
# than it could.
FREE_SHARE: Final = 0.25


class Places:
    """Gives the slots of the requests in flight. Its methods run on the event loop.

    count        of the places of this process
    max_waiting  requests that may wait for one
    """

    def __init__(
        self,
        in_flight: InFlightRequests,
        count: int,
        max_waiting: int,
        clock: Callable[[], float] = time.monotonic,
        lot: random.Random | None = None,
    ) -> None:
        self._in_flight = in_flight
        self._count = count
        self._max_waiting = max_waiting
        self._clock = clock
        # No secret: a client that guesses it gains nothing.
        self._lot = lot or random.Random()
        self._waiting: deque[asyncio.Future[Slot]] = deque()
        # As if an answer took a second.
        self._rate = ServiceRate(first_guess=count)
        self._appointments = Appointments(self._rate, clock, self._lot)

    @property
    def waiting_count(self) -> int:
        return len(self._waiting)

    def retry_after_s(self) -> int:
        """Return when a client that is refused now is to come again."""
        return self._appointments.retry_after_s()

    def check(self) -> None:
        """Decide on a new request. Raises Overloaded."""
        if self._in_flight.free_count and not self._waiting:
            return
        self._rate.places_are_taken(self._clock())
        if self._lot.random() * self._max_waiting <= len(self._waiting):
            raise self._overloaded()

    async def take(self, deadline_s: float, gone: asyncio.Future[None]) -> Slot | None:
        """Return a place, or None where the client has left.

        gone  is done once the client has left

        Raises Overloaded, where too many wait; DeadlineExceeded.
        """
        if not self._waiting:
            slot = self._in_flight.reserve()
            if slot is not None:
                return slot
        self._rate.places_are_taken(self._clock())
        if len(self._waiting) >= self._max_waiting:
            raise self._overloaded()
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait(
                (turn, gone),
                timeout=max(0.0, deadline_s - self._clock()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        except asyncio.CancelledError:
            self._give_up(turn)
            raise
        if turn.done() and not gone.done():
            return turn.result()
        self._give_up(turn)
        if gone.done():
            return None
        raise DeadlineExceeded(
            "the request waited for a place until its deadline "
            "(ECG_REQUEST_TIMEOUT or X-Request-Deadline-Ms)"
        )

    def release(self, slot: Slot) -> None:
        """Free a place; give it to the request that has waited longest."""
        self._in_flight.release(slot)
        self._rate.answered()
        self._give_next()

    def _give_up(self, turn: asyncio.Future[Slot]) -> None:
        if turn.done():
            # It was given a place at the same moment.
            self._in_flight.release(turn.result())
            self._give_next()
        else:
            turn.cancel()
            self._waiting.remove(turn)

    def _give_next(self) -> None:
        if self._waiting:
            slot = self._in_flight.reserve()
            if slot is not None:
                self._waiting.popleft().set_result(slot)
        elif self._in_flight.free_count > self._count * FREE_SHARE:
            self._rate.places_are_free(self._clock())

    def _overloaded(self) -> Overloaded:
        return Overloaded(
            f"{self._count} requests are in flight, the limit (ECG_MAX_IN_FLIGHT), and others "
            f"wait for a place; at most {self._max_waiting} may wait (ECG_MAX_WAITING)",
            retry_after_s=self.retry_after_s(),
        )
