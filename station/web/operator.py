"""Routes of the operator: devices with their keys, patients, dead letters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errors import BadOption, BadType, NotFound, TooManyRecords
from station.store import dead_letters, patients, sources
from station.store.engine import writing
from station.store.pages import Page
from station.web.bodies import Bodies
from station.web.queries import bad_cursor, page_rows

CREATED: Final = 201
# As in a frame, where a name has 32 bytes.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,31}$")]
Body = TypeVar("Body", bound=BaseModel)


class _NewSource(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: _Name


class _NewPatients(BaseModel):
    model_config = ConfigDict(extra="forbid")

    names: list[_Name] = Field(min_length=1)


class OperatorRoutes:
    def __init__(self, engine: Engine, bodies: Bodies, max_records: int) -> None:
        self._engine = engine
        self._bodies = bodies
        self._max_records = max_records

    async def add_source(self, request: Request) -> Response:
        """Register a device; the answer has its key, which is shown this once."""
        new = await self._body(request, _NewSource)

        def add() -> str:
            with writing(self._engine) as connection:
                return sources.add_source(connection, new.name, _now_ms())

        key = await _unless_taken(add)
        return JSONResponse({"name": new.name, "key": key}, CREATED)

    async def revoke_source(self, request: Request) -> Response:
        """Make a device's key invalid for good."""
        name: str = request.path_params["name"]

        def revoke() -> bool:
            with writing(self._engine) as connection:
                return sources.revoke_source(connection, name, _now_ms())

        if not await asyncio.to_thread(revoke):
            raise NotFound("no source with a valid key has this name")
        return JSONResponse({"name": name, "revoked": True})

    async def add_patients(self, request: Request) -> Response:
        """Register patients by their names; those that are registered stay as they are."""
        new = await self._body(request, _NewPatients)
        if len(new.names) > self._max_records:
            raise TooManyRecords(f"names: {len(new.names)}; {self._max_records} are allowed")

        def add() -> int:
            with writing(self._engine) as connection:
                return patients.add_patients(connection, new.names, _now_ms())

        added = await _unless_taken(add)
        return JSONResponse({"registered": added}, CREATED)

    async def dead_letters(self, request: Request) -> Response:
        """Return dead letters, the oldest first, without their frames."""
        cursor = request.query_params.get("cursor")
        limit = page_rows(request, dead_letters.MAX_PAGE_ROWS)

        def read() -> Page[dict[str, object]]:
            with self._engine.connect() as connection:
                page = dead_letters.dead_letters(connection, cursor=cursor, limit=limit)
                return Page([dict(row._mapping) for row in page.rows], page.cursor)

        try:
            page = await asyncio.to_thread(read)
        except ValueError:
            raise bad_cursor() from None
        return JSONResponse({"dead_letters": page.rows, "cursor": page.cursor})

    async def _body(self, request: Request, model: type[Body]) -> Body:
        async with self._bodies.body_of(request) as content:
            try:
                return model.model_validate(orjson.loads(content))
            except orjson.JSONDecodeError:
                raise BadType("body: no JSON") from None
            except ValidationError as error:
                fault = error.errors(include_input=False, include_url=False)[0]
                raise BadType(f"body: {fault['msg']}", loc=("body",)) from None


Result = TypeVar("Result")


async def _unless_taken(add: Callable[[], Result]) -> Result:
    """Return what `add` returns, run in a thread. Raises BadOption for a name that is taken."""
    try:
        return await asyncio.to_thread(add)
    except IntegrityError:
        raise BadOption("name: registered already", loc=("name",)) from None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
