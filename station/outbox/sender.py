"""Sends what an outlet has to deliver: the steps of each alarm in their order, each at least once.

A message that fails is tried again with growing pauses, until its event is too old; then it is a
dead letter with its reason. In these pauses steps of other alarms are sent. They do wait for an
attempt that is in flight, SEND_LIMIT_S at most: an outlet sends `at_once` messages, and the next
ones when all of these have ended.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import traceback
from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine

from station.alarms.book import ALARM
from station.outbox.outlet import SEND_LIMIT_S, NotDelivered, Notice, Outlet
from station.store import lease
from station.store.engine import FAILURES, writing
from station.store.external import outbox
from station.store.external.outbox import Delivery
from station.store.lease import LeaseLost
from station.store.pages import MAX_PAGE_ROWS
from station.store.tables import AnyRow
from station.times import now_ms

logger = logging.getLogger("ecg.station.outbox")

POLL_S: Final = 0.2
AGAIN_S: Final = 1.0
FIRST_PAUSE_MS: Final = 1000
MAX_PAUSE_MS: Final = 30_000
# Of the first pause: enough to reach MAX_PAUSE_MS.
_MAX_DOUBLINGS: Final = 5
# The lease is renewed before its last SEND_LIMIT_S, which one batch of messages may take. A process
# that does not have it asks for it as often as the other one renews it.
LEASE_MS: Final = 15_000
RENEW_MS: Final = 3000
_HOLDER_BYTES: Final = 8
_EXPIRED: Final = "too old to be sent"


class Sender:
    """Sends for one outlet. `give_up_ms`: age of an event at which it is not tried any more."""

    def __init__(self, engine: Engine, outlet: Outlet, give_up_ms: int) -> None:
        self._engine, self._outlet, self._give_up_ms = engine, outlet, give_up_ms
        self._lease = f"outlet {outlet.name}"
        self._holder = secrets.token_hex(_HOLDER_BYTES)
        # The outlet's key, while this process has the lease.
        self._key: str | None = None
        self._asked_ms = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until it is to end; what is being sent is finished."""
        while not stopping.is_set():
            pause_s = await self._safe_turn()
            if pause_s:
                await _wait(stopping, pause_s)
        if self._key is not None:
            await asyncio.to_thread(self._give_back)
        await self._outlet.close()

    async def _safe_turn(self) -> float:
        """Return how long to wait until the next turn."""
        try:
            return 0 if await self.turn() else POLL_S
        except LeaseLost as error:
            logger.warning("%s", error)
        except FAILURES as error:
            logger.error("the database failed: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: a bug costs a turn
            frame = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("sending failed: %s in %s", type(error).__name__, frame.name)
        self._key, self._asked_ms = None, 0
        return AGAIN_S

    async def turn(self) -> bool:
        """Read new events and send what is due. Return whether there may be more to do now."""
        if now_ms() - self._asked_ms >= RENEW_MS:
            await asyncio.to_thread(self._ask_for_lease)
        if self._key is None:
            return False
        has_more = await asyncio.to_thread(self._read_events)
        due = await asyncio.to_thread(self._due)
        if due:
            outcomes = await asyncio.gather(*(self._try(row) for row in due))
            await asyncio.to_thread(self._save, due, outcomes)
        return has_more or bool(due)

    def _ask_for_lease(self) -> None:
        at_ms = now_ms()
        until_ms = at_ms + LEASE_MS
        with writing(self._engine) as connection:
            is_held = lease.take(
                connection, self._lease, self._holder, now_ms=at_ms, until_ms=until_ms
            )
            self._key = outbox.key_of(connection, self._outlet.name) if is_held else None
        self._asked_ms = at_ms

    def _renew(self, connection: Connection) -> None:
        """Raises LeaseLost: what the transaction has written must not stay."""
        lease.renew(connection, self._lease, self._holder, until_ms=now_ms() + LEASE_MS)

    def _give_back(self) -> None:
        try:
            with writing(self._engine) as connection:
                lease.give_back(connection, self._lease, self._holder)
        except (LeaseLost, *FAILURES) as error:
            logger.warning("the lease is not given back: %s", type(error).__name__)

    def _read_events(self) -> bool:
        """Note the new events that are to be delivered. Return whether there may be more."""
        name = self._outlet.name
        with self._engine.connect() as connection:
            rows = outbox.unread_events(connection, name, ALARM)
        if not rows:
            return False
        steps = [(row, orjson.loads(row.data)) for row in rows if row.data is not None]
        new = [
            Delivery(name, row.id, data["alarm"], row.at_ms)
            for row, data in steps
            if self._outlet.wants(data)
        ]
        with writing(self._engine) as connection:
            self._renew(connection)
            outbox.note_deliveries(connection, name, new, rows[-1].id + 1)
        return len(rows) == MAX_PAGE_ROWS

    def _due(self) -> Sequence[AnyRow]:
        with self._engine.connect() as connection:
            return outbox.due_deliveries(
                connection, self._outlet.name, now_ms=now_ms(), limit=self._outlet.at_once
            )

    async def _try(self, row: AnyRow) -> NotDelivered | None:
        """Send one message. Return why it was not delivered."""
        if row.data is None or now_ms() - row.at_ms >= self._give_up_ms:
            return NotDelivered(row.reason or _EXPIRED, is_final=True)
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                await self._outlet.send(self._notice(row))
        except NotDelivered as error:
            return error
        except TimeoutError:
            return NotDelivered(f"no answer within {SEND_LIMIT_S:g} s")
        except OSError as error:
            return NotDelivered(f"no connection: {type(error).__name__}")
        return None

    def _notice(self, row: AnyRow) -> Notice:
        data: dict[str, Any] = orjson.loads(row.data)
        return Notice(f"{self._key}-{row.event}", f"{self._key}-a{row.alarm}", data)

    def _save(self, due: Sequence[AnyRow], outcomes: Sequence[NotDelivered | None]) -> None:
        tried = list(zip(due, outcomes, strict=True))
        sent = [row.id for row, error in tried if error is None]
        failed = [
            (row.id, _next_attempt_ms(row, error), error.reason)
            for row, error in tried
            if error is not None
        ]
        with writing(self._engine) as connection:
            self._renew(connection)
            outbox.save_deliveries(connection, self._outlet.name, sent, failed)
        for row, error in tried:
            if error is not None:
                logger.warning(
                    "%s: event %d is not delivered: %s", self._outlet.name, row.event, error.reason
                )


def _next_attempt_ms(row: AnyRow, error: NotDelivered) -> int | None:
    """Return when a delivery is tried again; None for a dead letter."""
    if error.is_final:
        return None
    doublings = min(int(row.attempts), _MAX_DOUBLINGS)
    return now_ms() + min(FIRST_PAUSE_MS << doublings, MAX_PAUSE_MS)


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
