"""The application: routes, middleware, and the writer that runs while it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from access.key_file import WatchedKeyFile
from errors import EcgError
from station.ingest.commit import ClockRules
from station.ingest.writer import Writer
from station.settings import KIB, Settings
from station.web.access import ROUTE_SCOPES, AccessMiddleware, Keys
from station.web.bodies import Bodies
from station.web.history import HistoryRoutes
from station.web.operator import OperatorRoutes
from station.web.probes import Probes
from station.web.problems import answer_bug, answer_error, answer_framework_error, answer_nobody
from station.web.records import RecordsRoute

SECOND_MS: Final = 1000


def make_app(settings: Settings, engine: Engine) -> Starlette:
    """Return the application on a migrated database. Raises BadKeyFile."""
    key_file = None if settings.key_file is None else WatchedKeyFile(settings.key_file)
    clock = ClockRules(
        round(settings.clock_ahead * SECOND_MS), round(settings.clock_behind * SECOND_MS)
    )
    writer = Writer(engine, clock, settings.max_waiting)
    routes = _routes(settings, engine, writer)

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        writer.start()
        try:
            yield
        finally:
            writer.stop()
            engine.dispose()

    return Starlette(
        routes=routes,
        middleware=[Middleware(AccessMiddleware, keys=Keys(engine, key_file), routes=routes)],
        exception_handlers={
            EcgError: answer_error,
            HTTPException: answer_framework_error,
            ClientDisconnect: answer_nobody,
            Exception: answer_bug,
        },
        lifespan=running,
    )


def _routes(settings: Settings, engine: Engine, writer: Writer) -> list[Route]:
    bodies = Bodies(
        settings.max_body_kb * KIB, settings.max_bodies_mb * KIB * KIB, settings.body_timeout
    )
    records = RecordsRoute(bodies, writer, settings.max_records)
    operator = OperatorRoutes(engine, bodies, settings.max_records)
    history = HistoryRoutes(engine)
    probes = Probes(engine)
    endpoints = {
        ("GET", "/livez"): probes.alive,
        ("GET", "/readyz"): probes.ready,
        ("POST", "/station/v1/records"): records.post,
        ("POST", "/station/v1/sources"): operator.add_source,
        ("POST", "/station/v1/sources/{name}/revoke"): operator.revoke_source,
        ("POST", "/station/v1/patients"): operator.add_patients,
        ("GET", "/station/v1/dead-letters"): operator.dead_letters,
        ("GET", "/station/v1/patients/{name}/records"): history.records,
        ("GET", "/station/v1/patients/{name}/waveform"): history.waveform,
    }
    assert endpoints.keys() == ROUTE_SCOPES.keys()
    return [
        Route(path, endpoint, methods=[method]) for (method, path), endpoint in endpoints.items()
    ]
