"""The application: routes, middleware, and the writer that runs while it serves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from access.key_file import WatchedKeyFile
from errors import BadBridge, BadDatabase, EcgError
from station.ingest.bridges import Bridges
from station.ingest.intake import Intake, intake_of
from station.labels.running import labeller_of
from station.metrics.counting import CountingMiddleware, Requests
from station.metrics.exposition import Counted, MetricsRoute
from station.outbox.running import outlets_of
from station.settings import KIB, Role, Settings
from station.store.engine import FAILURES
from station.store.migrate import migrate
from station.web.access import ROUTE_SCOPES, AccessMiddleware, Keys, method_of
from station.web.alarms import AlarmRoutes
from station.web.bodies import Bodies
from station.web.event_log import EventLog
from station.web.events import EventsRoute
from station.web.fhir import FhirRoute
from station.web.findings import FindingsRoutes
from station.web.history import HistoryRoutes
from station.web.holters import HolterRoutes
from station.web.operator import OperatorRoutes
from station.web.pages import asset, patient_page, ward_page
from station.web.patients import PatientRoutes
from station.web.probes import Probes
from station.web.problems import (
    answer_bug,
    answer_error,
    answer_framework_error,
    answer_no_database,
    answer_nobody,
)
from station.web.readiness import Readiness
from station.web.records import RecordsRoute
from station.web.strips import StripsRoute
from station.web.ward import WardRoute
from station.worker.supervisor import WatchProcess

Endpoint = Callable[[Request], Awaitable[Response]]

RECORDS_PATH: Final = "/station/v1/records"
FHIR_PATH: Final = "/station/v1/fhir"
# The routes of a front.
FRONT_PATHS: Final = (RECORDS_PATH, FHIR_PATH)
# The routes of every process, whatever its roles.
COMMON_PATHS: Final = ("/livez", "/readyz", "/metrics")


HANDLERS: Final[dict[Any, Any]] = {
    EcgError: answer_error,
    **dict.fromkeys(FAILURES, answer_no_database),
    HTTPException: answer_framework_error,
    ClientDisconnect: answer_nobody,
    Exception: answer_bug,
}


def make_app(settings: Settings, engine: Engine, give_up: Callable[[EcgError], None]) -> Starlette:
    """Return the application, which brings the database up to date once it runs.

    give_up  called where that is not possible
    Raises BadKeyFile, BadBridge.
    """
    key_file = None if settings.key_file is None else WatchedKeyFile(settings.key_file)
    writer = intake_of(settings, engine)
    keys = Keys(engine, key_file)
    bridges = Bridges(settings, writer, keys)
    # A setting that cannot be used ends the start, not the worker.
    outlets_of(settings)
    labeller_of(engine, settings)
    watch = WatchProcess(settings) if settings.has_role("watch") else None
    readiness = Readiness()
    requests: Requests = Counter()
    routes = _routes(settings, engine, writer, readiness, requests)

    async def begin() -> None:
        try:
            await asyncio.to_thread(migrate, engine)
        except BadDatabase as error:
            give_up(error)
        else:
            writer.start()
            try:
                await bridges.start()
            except BadBridge as error:
                writer.stop()
                give_up(error)
            else:
                if watch is not None:
                    watch.start()
                readiness.is_ready = True

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        beginning = asyncio.create_task(begin(), name="migration")
        try:
            yield
        finally:
            await beginning
            if readiness.is_ready:
                await bridges.stop()
                writer.stop()
                if watch is not None:
                    await asyncio.to_thread(watch.stop)
            engine.dispose()

    return Starlette(
        routes=routes,
        middleware=[
            Middleware(CountingMiddleware, requests=requests),
            Middleware(AccessMiddleware, keys=keys, routes=routes, readiness=readiness),
        ],
        exception_handlers=HANDLERS,
        lifespan=running,
    )


def _routes(
    settings: Settings,
    engine: Engine,
    writer: Intake,
    readiness: Readiness,
    requests: Requests,
) -> list[Route]:
    bodies = Bodies(
        limit_bytes=settings.max_body_kb * KIB,
        total_bytes=settings.max_bodies_mb * KIB * KIB,
        timeout_s=settings.body_timeout,
    )
    records = RecordsRoute(bodies, writer, settings.max_records)
    fhir = FhirRoute(bodies, writer, settings.max_records)
    operator = OperatorRoutes(engine, bodies)
    patients = PatientRoutes(engine, bodies, settings.max_records, settings.body_timeout)
    history = HistoryRoutes(engine)
    probes = Probes(engine, readiness)
    events = EventsRoute(engine, EventLog(engine), settings.max_event_clients)
    metrics = MetricsRoute(engine, Counted(settings, requests, writer, events))
    endpoints: dict[tuple[str, str], Endpoint] = {
        ("GET", "/livez"): probes.alive,
        ("GET", "/readyz"): probes.ready,
        ("GET", "/metrics"): metrics.metrics,
        ("GET", "/"): ward_page,
        ("GET", "/patients/{name}"): patient_page,
        ("GET", "/assets/{name}"): asset,
        ("POST", RECORDS_PATH): records.post,
        ("POST", FHIR_PATH): fhir.post,
        ("POST", "/station/v1/sources"): operator.add_source,
        ("POST", "/station/v1/sources/{name}/revoke"): operator.revoke_source,
        ("GET", "/station/v1/patients"): patients.list,
        ("POST", "/station/v1/patients"): patients.add,
        ("POST", "/station/v1/patients/import"): patients.import_all,
        ("GET", "/station/v1/patients/{name}"): patients.one,
        ("PATCH", "/station/v1/patients/{name}"): patients.change,
        ("GET", "/station/v1/dead-letters"): operator.dead_letters,
        ("GET", "/station/v1/dead-letters/{number}/frame"): operator.frame,
        ("GET", "/station/v1/undelivered"): operator.undelivered,
        ("GET", "/station/v1/patients/{name}/records"): history.records,
        ("GET", "/station/v1/patients/{name}/waveform"): history.waveform,
        ("GET", "/station/v1/events"): events.events,
        **_ward_endpoints(settings, engine, bodies),
    }
    assert endpoints.keys() == ROUTE_SCOPES.keys()
    by_path: dict[str, dict[str, Endpoint]] = {}
    for (method, path), endpoint in endpoints.items():
        role: Role = "front" if path in FRONT_PATHS else "web"
        if path not in COMMON_PATHS and not settings.has_role(role):
            continue
        by_path.setdefault(path, {})[method] = endpoint
    return [
        Route(path, _by_method(methods), methods=list(methods)) for path, methods in by_path.items()
    ]


def _ward_endpoints(
    settings: Settings, engine: Engine, bodies: Bodies
) -> dict[tuple[str, str], Endpoint]:
    findings = FindingsRoutes(engine)
    holters = HolterRoutes(engine)
    alarms = AlarmRoutes(engine, bodies)
    return {
        ("GET", "/station/v1/patients/{name}/beats"): findings.beats,
        ("GET", "/station/v1/patients/{name}/windows"): findings.windows,
        ("GET", "/station/v1/patients/{name}/gaps"): findings.gaps,
        ("GET", "/station/v1/patients/{name}/labels"): findings.labels,
        ("GET", "/station/v1/patients/{name}/problems"): findings.problems,
        ("GET", "/station/v1/patients/{name}/holters"): holters.list,
        ("GET", "/station/v1/patients/{name}/holters/{number}"): holters.one,
        ("GET", "/station/v1/patients/{name}/trends"): findings.trends,
        ("GET", "/station/v1/ward"): WardRoute(engine, settings.stale).ward,
        ("GET", "/station/v1/strips"): StripsRoute(engine).strips,
        ("POST", "/station/v1/patients/{name}/silence"): alarms.silence,
        ("POST", "/station/v1/patients/{name}/acknowledge"): alarms.acknowledge_patient,
        ("GET", "/station/v1/alarms"): alarms.list,
        ("GET", "/station/v1/alarms/{number}/steps"): alarms.steps,
        ("POST", "/station/v1/alarms/{number}/acknowledge"): alarms.acknowledge,
        ("POST", "/station/v1/alarms/{number}/note"): alarms.note,
    }


def _by_method(endpoints: dict[str, Endpoint]) -> Endpoint:
    """Return the endpoint of a path. Of two routes with one path, a 405 would name one method."""

    async def endpoint(request: Request) -> Response:
        return await endpoints[method_of(request.scope)](request)

    return endpoint
