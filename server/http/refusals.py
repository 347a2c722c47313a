"""Answers of the protocol itself, to what is no request that a route could answer.

They pass through RequestMiddleware, so that they have a request id, are counted and are logged in
the same form as all others.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from errors import EcgError
from server.routes.middleware import RequestMiddleware
from server.routes.problems import problem_response

CLOSE = {"Connection": "close"}


def refusing_app(error: EcgError) -> ASGIApp:
    """Return an application that answers every request with one error and closes."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        state: dict[str, Any] = scope["state"]
        state["code"] = error.code
        response = problem_response(error, state["request_id"], CLOSE)
        await response(scope, receive, send)

    return RequestMiddleware(refuse)
