"""/livez and /readyz, for orchestrators."""

from __future__ import annotations

import asyncio
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from station.web.answers import json_answer
from station.web.readiness import Readiness

UNAVAILABLE: Final = 503


class Probes:
    def __init__(self, engine: Engine, readiness: Readiness) -> None:
        self._engine = engine
        self._readiness = readiness

    async def alive(self, request: Request) -> Response:
        return json_answer({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Answer 200 once the database is up to date, while it answers."""
        if not self._readiness.is_ready:
            return json_answer({"status": "starting"}, UNAVAILABLE)
        try:
            await asyncio.to_thread(self._ask)
        except SQLAlchemyError:
            return json_answer({"status": "no database"}, UNAVAILABLE)
        return json_answer({"status": "ok"})

    def _ask(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(select(1))
