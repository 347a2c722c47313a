"""GET /station/v1/events: what happens, as server-sent events that a client can resume."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import orjson
from sqlalchemy import Engine
from sse_starlette import EventSourceResponse
from sse_starlette.sse import SendTimeoutError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from errors import BadOption, Overloaded
from station.store.archive.files import last_archived
from station.store.events import EVENTS
from station.times import RETRY_AFTER_S
from station.web.event_log import EventLog, Told
from station.web.queries import MAX_DIGITS
from station.web.reading import patient_id, read

HEARTBEAT_S: Final = 10.0
# A client that takes nothing for this time is cut off. It resumes where it was.
SEND_LIMIT_S: Final = 10.0
# A key may be revoked while its client listens: it has to show it again after this time.
MAX_CONNECTION_S: Final = 900.0
KINDS: Final = ("alarm", "problem", "silence")
# The first event of a connection says from where it goes on; it is not in the table.
CONNECTED: Final = "connected"


class EventsRoute:
    def __init__(self, engine: Engine, log: EventLog, max_clients: int) -> None:
        self._engine = engine
        self._log = log
        self._max_clients = max_clients
        self.clients = 0

    async def events(self, request: Request) -> Response:
        """Send the events after Last-Event-ID, then new ones, until the client leaves."""
        last = _last_event_id(request)
        kinds = _kinds(request)
        patient = await self._patient(request)
        if self.clients >= self._max_clients:
            raise Overloaded(
                f"{self.clients} clients listen to events (STATION_MAX_EVENT_CLIENTS)",
                retry_after_s=RETRY_AFTER_S,
            )
        newest = await self._log.start()
        # A larger id is none of this database's.
        after = newest if last is None else min(last, newest)
        archived = await read(
            self._engine, lambda connection: last_archived(connection, EVENTS.name)
        )
        return _Response(self._send(after, kinds, patient, is_complete=after >= archived))

    async def _send(
        self, after: int, kinds: frozenset[str], patient: int | None, *, is_complete: bool
    ) -> AsyncIterator[bytes]:
        self.clients += 1
        try:
            async with self._log.reading(), asyncio.timeout(MAX_CONNECTION_S):
                content = orjson.dumps({"after": after, "complete": is_complete}).decode()
                yield _sent(Told(after, CONNECTED, None, content))
                while True:
                    found = await self._log.after(after)
                    after = found[-1].id if found else after
                    wanted = [
                        _sent(told)
                        for told in found
                        if told.kind in kinds and patient in (None, told.patient_id)
                    ]
                    if wanted:
                        # In one piece: a piece of its own for each would cost more than the rest.
                        yield b"".join(wanted)
        except TimeoutError:
            return
        finally:
            self.clients -= 1

    async def _patient(self, request: Request) -> int | None:
        """Return the id of the patient that is asked for; None for all. Raises NotFound."""
        name = request.query_params.get("patient")
        if name is None:
            return None

        return await read(self._engine, lambda connection: patient_id(connection, name))


class _Response(EventSourceResponse):
    def __init__(self, content: AsyncIterator[bytes]) -> None:
        super().__init__(content, sep="\n", ping=HEARTBEAT_S, send_timeout=SEND_LIMIT_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            # Without an end of the response, the server closes the connection.
            return


def _sent(told: Told) -> bytes:
    """Return an event as it is sent. JSON has no line breaks."""
    return f"id: {told.id}\nevent: {told.kind}\ndata: {told.data}\n\n".encode()


def _last_event_id(request: Request) -> int | None:
    """Return the id to resume after: the header's, which a client that reconnects sends by itself,
    else that of the query string. Raises BadOption."""
    text = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS:
        raise BadOption("last_event_id: not the id of an event", loc=("query", "last_event_id"))
    return int(text)


def _kinds(request: Request) -> frozenset[str]:
    """Return the kinds that are asked for; all where none is. Raises BadOption."""
    asked = request.query_params.get("kinds")
    if asked is None:
        return frozenset(KINDS)
    kinds = frozenset(asked.split(","))
    if not kinds <= set(KINDS):
        raise BadOption(f"kinds: allowed are {', '.join(KINDS)}", loc=("query", "kinds"))
    return kinds
