"""Routes of the operator: devices with their keys, dead letters of both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from errors import BadOption, NotFound
from station.store import dead_letters, sources
from station.store.engine import writing
from station.store.external import outbox
from station.times import now_ms
from station.web.answers import OCTETS, json_answer
from station.web.bodies import Bodies
from station.web.json_bodies import Name, json_body
from station.web.queries import cursor_numbers, name_of_path, number_of_path, page_rows
from station.web.reading import read

CREATED: Final = 201
# Of a dead letter.
_LISTED: Final = (
    *("id", "received_ms", "sender", "source", "seq", "last_seq"),
    *("reason", "detail", "frame_bytes"),
)
_UNDELIVERED: Final = ("id", "outlet", "event", "alarm", "at_ms", "attempts", "reason")
Result = TypeVar("Result")


class _NewSource(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name


class OperatorRoutes:
    def __init__(self, engine: Engine, bodies: Bodies) -> None:
        self._engine = engine
        self._bodies = bodies

    async def add_source(self, request: Request) -> Response:
        """Register a device; the answer has its key, which is shown this once."""
        new = await json_body(request, self._bodies, _NewSource)

        def add() -> str:
            with writing(self._engine) as connection:
                return sources.add_source(connection, new.name, now_ms())

        key = await _unless_taken(add)
        return json_answer({"name": new.name, "key": key}, CREATED)

    async def revoke_source(self, request: Request) -> Response:
        """Make a device's key invalid for good."""
        name = name_of_path(request)

        def revoke() -> bool:
            with writing(self._engine) as connection:
                return sources.revoke_source(connection, name, now_ms())

        if not await asyncio.to_thread(revoke):
            raise NotFound("no source with a valid key has this name")
        return json_answer({"name": name, "revoked": True})

    async def dead_letters(self, request: Request) -> Response:
        """Return dead letters, the oldest first, without their frames."""
        (after,) = cursor_numbers(request, 1) or (0,)
        limit = page_rows(request)

        page = await read(
            self._engine,
            lambda connection: dead_letters.dead_letters(connection, after=after, limit=limit),
        )
        rows = [{name: getattr(row, name) for name in _LISTED} for row in page.rows]
        return json_answer({"dead_letters": rows, "cursor": page.cursor})

    async def undelivered(self, request: Request) -> Response:
        """Return the steps of alarms that an outlet does not try to deliver any more."""
        (after,) = cursor_numbers(request, 1) or (0,)
        limit = page_rows(request)
        page = await read(
            self._engine, lambda connection: outbox.dead_deliveries(connection, after, limit)
        )
        rows = [{name: getattr(row, name) for name in _UNDELIVERED} for row in page.rows]
        return json_answer({"undelivered": rows, "cursor": page.cursor})

    async def frame(self, request: Request) -> Response:
        """Return the bytes that were sent and are kept as a dead letter."""
        number = number_of_path(request)

        frame = await read(
            self._engine, lambda connection: dead_letters.frame_of(connection, number)
        )
        if frame is None:
            raise NotFound("no dead letter with a frame has this number")
        return Response(frame, media_type=OCTETS)


async def _unless_taken(add: Callable[[], Result]) -> Result:
    """Return what `add` returns, run in a thread. Raises BadOption for a name that is taken."""
    try:
        return await asyncio.to_thread(add)
    except IntegrityError:
        raise BadOption("name: registered already", loc=("name",)) from None
