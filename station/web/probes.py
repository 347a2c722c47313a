"""/livez and /readyz, for orchestrators."""

from __future__ import annotations

import asyncio

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

UNAVAILABLE = 503


class Probes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def alive(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Answer 200 while the database answers."""
        try:
            await asyncio.to_thread(self._ask)
        except SQLAlchemyError:
            return JSONResponse({"status": "no database"}, UNAVAILABLE)
        return JSONResponse({"status": "ok"})

    def _ask(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(select(1))
