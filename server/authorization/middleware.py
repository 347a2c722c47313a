"""The middleware that decides on every request before its body is read, and default-deny."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from access.identity import Identity
from access.rates import CountedRequest
from errors import EcgError, Forbidden, NotFound, Unauthorized, UnknownHost
from server import metrics
from server.authorization.guard import Credentials, Guard
from server.authorization.route_scopes import PROBES, ROUTE_SCOPES, NotInTable, route_of_path
from server.routes.problems import problem_response

# RFC 6750, section 3. The realm names what the credential is for.
CHALLENGE: Final = 'Bearer realm="ecg-fm-server"'

_FIELDS: Final = {
    b"host": "host",
    b"origin": "origin",
    b"sec-fetch-site": "fetch_site",
    b"authorization": "authorization",
    b"x-api-key": "api_key",
}


class AccessMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There are no WebSocket routes; before the handshake this is answered 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            counted = await self._admitted(scope)
        except EcgError as error:
            await _refuse(error, scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            if counted is not None:
                counted.end()

    async def _admitted(self, scope: Scope) -> CountedRequest | None:
        """Count the request in its holder's allowance, where there is one. Raises EcgError."""
        path = scope["path"]
        if path in PROBES:
            return None
        guard: Guard = scope["app"].state.service.guard
        credentials = _credentials(scope)
        guard.check_sender(credentials)
        try:
            route = route_of_path(path)
        except NotInTable:
            raise NotFound("no such page; /docs lists the routes") from None
        state: dict[str, Any] = scope["state"]
        # For the log and the metrics of refused requests, which the router does not see.
        state["route"] = route
        needed = ROUTE_SCOPES[route]
        if needed is None:
            state["identity"] = await _identity_or_anonymous(guard, credentials)
            return None
        identity = await guard.identify(credentials)
        state["identity"] = identity
        guard.check_scope(identity, needed)
        if identity is guard.rules.anonymous:
            return None
        return guard.allowances.begin(identity)


def identity_of(request: Request) -> Identity:
    """Return who sent a request that the middleware admitted."""
    identity: Identity = request.scope["state"]["identity"]
    return identity


async def _identity_or_anonymous(guard: Guard, credentials: Credentials) -> Identity:
    """An open route answers whatever credential comes with the request."""
    try:
        return await guard.identify(credentials)
    except EcgError:
        return guard.rules.anonymous


def _credentials(scope: Scope) -> Credentials:
    """Return the headers that matter here. Raises UnknownHost, Unauthorized if one comes twice."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        field = _FIELDS.get(name)
        if field is None:
            continue
        if field in found:
            kind = Unauthorized if field in ("authorization", "api_key") else UnknownHost
            raise kind(f"{name.decode('latin-1')}: sent twice")
        found[field] = value.decode("latin-1")
    return Credentials(scope["method"], **found)


async def _refuse(error: EcgError, scope: Scope, receive: Receive, send: Send) -> None:
    state: dict[str, Any] = scope["state"]
    state["code"] = error.code
    metrics.REJECTED.labels(error.code).inc()
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = CHALLENGE
    elif isinstance(error, Forbidden):
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="insufficient_scope"'
    await problem_response(error, state["request_id"], headers)(scope, receive, send)
