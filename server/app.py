"""Add the routes, error handlers and middleware to the FastAPI application."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from errors import EcgError
from server.authorization.middleware import AccessMiddleware
from server.authorization.route_scopes import ROUTE_SCOPES
from server.pages.docs import DOCS_ROUTES
from server.pages.viewer import VIEWER_ROUTES
from server.recording_routes import ROUTE_OPTIONS
from server.routes.examples import EXAMPLE_ROUTES
from server.routes.middleware import RequestMiddleware
from server.routes.operator import OPERATOR_ROUTES
from server.routes.problems import allow_header, error_from_framework, problem_response
from server.routes.recordings import recording_handler


class _NamedRoute(Route):
    """A Starlette route that adds itself to the request's ASGI scope, as FastAPI's routes do.

    RequestMiddleware takes the path for the log and the metrics from it.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], *, methods: list[str]) -> None:
        assert path in ROUTE_SCOPES, f"{path} needs an entry in server/authorization/route_scopes"
        super().__init__(path, endpoint, methods=methods)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match is not Match.NONE:
            child_scope = {**child_scope, "route": self}
        return match, child_scope


# What a page of another origin may send and read, besides what is always allowed (Fetch, 2.2.2).
CORS_REQUEST_HEADERS: Final = (
    "Authorization",
    "X-API-Key",
    "X-Request-ID",
    "X-Request-Deadline-Ms",
    "Content-Encoding",
)
CORS_ANSWER_HEADERS: Final = ("X-Request-ID", "Server-Timing", "Retry-After", "X-ECG-Errors")


def configure_app(app: FastAPI, cors_origins: Collection[str] = ()) -> None:
    """Add routes, error handlers and middleware to LitServe's application.

    cors_origins  origins whose pages may use the server
    """
    # Starlette's routes pass requests on unchanged. FastAPI's would validate and decode them.
    routes = app.router.routes
    for route in ROUTE_OPTIONS:
        handler = recording_handler(route)
        routes.append(_NamedRoute(f"/{route}", handler, methods=["POST"]))
    pages = OPERATOR_ROUTES | VIEWER_ROUTES | EXAMPLE_ROUTES | DOCS_ROUTES
    for path, handler in pages.items():
        # Load balancers and link checkers send HEAD.
        routes.append(_NamedRoute(path, handler, methods=["GET", "HEAD"]))
    app.add_exception_handler(EcgError, _answer_ecg_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    # The first is the outermost. A preflight has no credential, so CORS answers it before access
    # is decided, and marks refusals too, so that the page can read why.
    app.user_middleware[:] = [
        Middleware(RequestMiddleware),
        *_cors(cors_origins),
        Middleware(AccessMiddleware),
    ]


def _cors(origins: Collection[str]) -> list[Middleware]:
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=CORS_REQUEST_HEADERS,
            expose_headers=CORS_ANSWER_HEADERS,
        )
    ]


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
