"""Add the routes, error handlers and middleware to the FastAPI application."""

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
from server.routes.problems import allow_header, error_from_framework, problem_response
from server.routes.recordings import recording_handler


class _NamedRoute(Route):
    """A Starlette route that adds itself to the request's ASGI scope, as FastAPI's routes do.

    RequestMiddleware takes the path for the log and the metrics from it.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match is not Match.NONE:
            child_scope = {**child_scope, "route": self}
        return match, child_scope


def configure_app(app: FastAPI) -> None:
    """Add routes, error handlers and middleware to LitServe's application."""
    # Starlette's routes pass requests on unchanged. FastAPI's would validate and decode them.
    routes = app.router.routes
    for route in ROUTE_OPTIONS:
        handler = recording_handler(route)
        routes.append(_NamedRoute(f"/{route}", handler, methods=["POST"], name=route))
    for path, handler in (OPERATOR_ROUTES | DOCS_ROUTES).items():
        # Load balancers and link checkers send HEAD.
        routes.append(_NamedRoute(path, handler, methods=["GET", "HEAD"]))
    app.add_exception_handler(EcgError, _answer_ecg_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.user_middleware[:] = [Middleware(RequestMiddleware)]


# Starlette declares the argument of every handler as Exception.
async def _answer_ecg_error(request: Request, error: Exception) -> Response:
    return _answer_problem(request, cast(EcgError, error), {})


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    http_error = cast(HTTPException, error)
    ecg_error = error_from_framework(request, http_error)
    return _answer_problem(request, ecg_error, allow_header(http_error))


def _answer_problem(request: Request, error: EcgError, headers: Mapping[str, str]) -> Response:
    """Return the error as a response, and keep its code for the log and the metrics."""
    state: dict[str, Any] = request.scope["state"]
    state["code"] = error.code
    return problem_response(error, state["request_id"], headers)
