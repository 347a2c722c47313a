"""The FastAPI application: routes, error handlers, middleware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from errors import EcgError
from server.pages.docs import DOCS_ROUTES
from server.recording_routes import ROUTE_OPTIONS
from server.routes.middleware import RequestMiddleware
from server.routes.operator import OPERATOR_ROUTES
from server.routes.problems import allow_header, from_framework, problem_response
from server.routes.recordings import recording_handler


class _NamedRoute(Route):
    """A Starlette route that leaves itself in the scope, as FastAPI's routes do.

    The log and the metrics name the route's path, not the URL's.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match is not Match.NONE:
            child_scope = {**child_scope, "route": self}
        return match, child_scope


def build_app(app: FastAPI) -> None:
    """Add routes, error handlers and middleware to LitServe's application."""
    # Starlette routes, not FastAPI's: nothing of a request is validated or decoded by FastAPI.
    routes = app.router.routes
    for route in ROUTE_OPTIONS:
        handler = recording_handler(route)
        routes.append(_NamedRoute(f"/{route}", handler, methods=["POST"], name=route))
    for path, page in (OPERATOR_ROUTES | DOCS_ROUTES).items():
        # HEAD too, which load balancers and link checkers send.
        routes.append(_NamedRoute(path, page, methods=["GET", "HEAD"]))
    app.add_exception_handler(EcgError, _own_error)
    app.add_exception_handler(HTTPException, _framework_error)
    app.user_middleware[:] = [Middleware(RequestMiddleware)]


async def _own_error(request: Request, error: Exception) -> Response:
    return _problem(request, cast(EcgError, error), {})


async def _framework_error(request: Request, error: Exception) -> Response:
    http_error = cast(HTTPException, error)
    return _problem(request, from_framework(request, http_error), allow_header(http_error))


def _problem(request: Request, error: EcgError, headers: Mapping[str, str]) -> Response:
    state: dict[str, Any] = request.scope["state"]
    state["code"] = error.code
    return problem_response(error, state["request_id"], headers)
