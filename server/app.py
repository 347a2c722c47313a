"""The FastAPI application: which path is answered by what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from errors import EcgError
from server.pages.docs import docs_routes
from server.recording_routes import ROUTE_OPTIONS
from server.routes.middleware import RequestMiddleware
from server.routes.operator import operator_routes
from server.routes.problems import from_framework, problem_response
from server.routes.recordings import endpoint
from server.workers.service import Service


class NamedRoute(Route):
    """A route of Starlette's that leaves itself in the scope, as FastAPI's do: the log and the metrics say its path, not the URL's."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        return match, child_scope if match is Match.NONE else {**child_scope, "route": self}


def build_app(app: FastAPI, service_of: Callable[[], Service]) -> None:
    for route in ROUTE_OPTIONS:
        app.router.routes.append(
            NamedRoute(f"/{route}", endpoint(route, service_of), methods=["POST"], name=route)
        )
    for path, handler in (operator_routes(service_of) | docs_routes(service_of)).items():
        # HEAD beside GET: load balancers and link checkers ask so.
        app.router.routes.append(NamedRoute(path, handler, methods=["GET", "HEAD"]))
    app.add_exception_handler(EcgError, _own_error)
    app.add_exception_handler(HTTPException, _framework_error)
    app.user_middleware[:] = [Middleware(RequestMiddleware)]


async def _own_error(request: Request, error: Exception) -> Response:
    return _render(request, cast(EcgError, error))


async def _framework_error(request: Request, error: Exception) -> Response:
    return _render(request, from_framework(request, cast(HTTPException, error)))


def _render(request: Request, error: EcgError) -> Response:
    state: dict[str, Any] = request.scope["state"]
    state["code"] = error.code
    return problem_response(error, state["request_id"])
