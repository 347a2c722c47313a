"""Decides on every request before its body is read: each route needs a scope, the others are 404.

People and gateways have keys in the key file; a device has its own in the table of sources, and may
only send its own records.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from access.api_keys import KEY, KeyRing
from access.identity import Identity
from access.key_file import WatchedKeyFile
from access.keys_command import KeysCommand
from access.rates import Allowances, CountedRequest, SharedCounts
from errors import EcgError, Forbidden, Unauthorized
from station.store.engine import FAILURES
from station.store.sources import key_of_prefix
from station.web.problems import answer_no_database, no_such_page, problem_response
from station.web.readiness import Readiness

KeyScope = Literal["ingest", "ward", "operator"]
# What a key of the key file can be given. A device's key has `ingest`.
SCOPES: Final[tuple[KeyScope, ...]] = ("ingest", "ward", "operator")
KEYS_COMMAND: Final = KeysCommand(
    "python -m station keys", "STATION_", SCOPES, ("ward",), has_default_limits=False
)
# None: an open route, for probes and for pages, which hold no data. A route that is not in this
# table is refused.
ROUTE_SCOPES: Final[dict[tuple[str, str], KeyScope | None]] = {
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): "operator",
    ("GET", "/"): None,
    ("GET", "/patients/{name}"): None,
    ("GET", "/assets/{name}"): None,
    ("POST", "/station/v1/records"): "ingest",
    ("POST", "/station/v1/fhir"): "ingest",
    ("POST", "/station/v1/sources"): "operator",
    ("POST", "/station/v1/sources/{name}/revoke"): "operator",
    ("GET", "/station/v1/patients"): "ward",
    ("POST", "/station/v1/patients"): "operator",
    ("POST", "/station/v1/patients/import"): "operator",
    ("GET", "/station/v1/patients/{name}"): "ward",
    ("PATCH", "/station/v1/patients/{name}"): "ward",
    ("GET", "/station/v1/dead-letters"): "operator",
    ("GET", "/station/v1/dead-letters/{number}/frame"): "operator",
    ("GET", "/station/v1/undelivered"): "operator",
    ("GET", "/station/v1/patients/{name}/records"): "ward",
    ("GET", "/station/v1/patients/{name}/waveform"): "ward",
    ("GET", "/station/v1/patients/{name}/beats"): "ward",
    ("GET", "/station/v1/patients/{name}/windows"): "ward",
    ("GET", "/station/v1/patients/{name}/gaps"): "ward",
    ("GET", "/station/v1/patients/{name}/labels"): "ward",
    ("GET", "/station/v1/patients/{name}/problems"): "ward",
    ("GET", "/station/v1/patients/{name}/trends"): "ward",
    ("GET", "/station/v1/patients/{name}/holters"): "ward",
    ("GET", "/station/v1/patients/{name}/holters/{number}"): "ward",
    ("GET", "/station/v1/ward"): "ward",
    ("GET", "/station/v1/strips"): "ward",
    ("POST", "/station/v1/patients/{name}/silence"): "ward",
    ("POST", "/station/v1/patients/{name}/acknowledge"): "ward",
    ("GET", "/station/v1/alarms"): "ward",
    ("GET", "/station/v1/alarms/{number}/steps"): "ward",
    ("POST", "/station/v1/alarms/{number}/acknowledge"): "ward",
    ("POST", "/station/v1/alarms/{number}/note"): "ward",
    ("GET", "/station/v1/events"): "ward",
}

# A device's key is looked up again after this time, as a key file is.
REMEMBER_S: Final = 1.0
MAX_REMEMBERED: Final = 10_000
_BEARER: Final = "bearer "


@dataclass(frozen=True)
class Sender:
    """Who sends a request.

    source  the only source that it may speak for; None where its key is not a device's
    """

    identity: Identity
    source: str | None


class Keys:
    """The keys of the key file and of the devices, as one process sees them."""

    def __init__(self, engine: Engine, key_file: WatchedKeyFile | None) -> None:
        self._engine = engine
        self._key_file = key_file
        # SHA-256 of a device's key -> sender, until
        self._remembered: OrderedDict[bytes, tuple[Sender, float]] = OrderedDict()

    async def sender(self, credential: str | None) -> Sender:
        """Return the holder of a key. Raises Unauthorized."""
        form = None if credential is None else KEY.fullmatch(credential)
        if credential is None or form is None:
            raise unauthorized()
        identity = None if self._key_file is None else self._key_file.ring().identity(credential)
        if identity is not None:
            return Sender(identity, None)
        return await self._device(credential, form[1])

    async def _device(self, credential: str, prefix: str) -> Sender:
        digest = hashlib.sha256(credential.encode()).digest()
        now_s = time.monotonic()
        remembered = self._remembered.get(digest)
        if remembered is not None and now_s < remembered[1]:
            return remembered[0]
        key = await asyncio.to_thread(self._look_up, prefix)
        identity = key.identity(credential)
        if identity is None:
            raise unauthorized()
        sender = Sender(identity, identity.name)
        self._remembered[digest] = sender, now_s + REMEMBER_S
        self._remembered.move_to_end(digest)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return sender

    def _look_up(self, prefix: str) -> KeyRing:
        with self._engine.connect() as connection:
            key = key_of_prefix(connection, prefix)
        return KeyRing(() if key is None else (key,))


class AccessMiddleware:
    """Refuses whoever lacks the scope of a route, or has used up what its key allows.

    Sets scope["state"]: "sender", and "route" where the path is one of the station's.
    """

    def __init__(self, app: ASGIApp, keys: Keys, routes: list[Route], readiness: Readiness) -> None:
        self.app = app
        self._keys = keys
        self._routes = routes
        self._readiness = readiness
        # Only what a key of the key file says limits it; a device's key has no limits.
        self._allowances = Allowances(SharedCounts(1), 0, rate=None, max_in_flight=None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope)
        try:
            needed = self._scope_of_route(scope)
            counted = None if needed is None else await self._admit(request, needed)
        except EcgError as error:
            await problem_response(error)(scope, receive, send)
            return
        except FAILURES as error:
            response = await answer_no_database(request, error)
            await response(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            if counted is not None:
                counted.end()

    async def _admit(self, request: Request, needed: KeyScope) -> CountedRequest:
        """Raises Starting, Unauthorized, Forbidden, RateLimited, and one of FAILURES."""
        self._readiness.check()
        sender = await self._keys.sender(_credential(request))
        if needed not in sender.identity.scopes:
            raise Forbidden(f"this route needs the scope {needed}")
        request.scope.setdefault("state", {})["sender"] = sender
        return self._allowances.begin(sender.identity)

    def _scope_of_route(self, scope: Scope) -> KeyScope | None:
        """Raises NotFound where no route has this path.

        A method that the path does not have needs the scope of one that it has, and gets 405 then.
        """
        for route in self._routes:
            match, _ = route.matches(scope)
            if match is Match.NONE:
                continue
            scope.setdefault("state", {})["route"] = route.path
            for method in (method_of(scope), *sorted(route.methods or ())):
                if (method, route.path) in ROUTE_SCOPES:
                    return ROUTE_SCOPES[method, route.path]
        raise no_such_page()


def method_of(scope: Scope) -> str:
    """Return the method whose route serves a request: HEAD is GET without the body."""
    return "GET" if scope["method"] == "HEAD" else str(scope["method"])


def sender_of(request: Request) -> Sender:
    """Return who sent a request that the middleware admitted."""
    sender: Sender = request.scope["state"]["sender"]
    return sender


def unauthorized() -> Unauthorized:
    """Return one error for every credential that is missing or not valid, and every reason."""
    return Unauthorized("a valid key is required: send X-API-Key or Authorization: Bearer")


def _credential(request: Request) -> str | None:
    """Return the one credential of a request. Raises Unauthorized where there are several."""
    bearer = request.headers.getlist("authorization")
    keys = request.headers.getlist("x-api-key")
    if len(bearer) + len(keys) != 1:
        raise unauthorized()
    if keys:
        return keys[0]
    if bearer[0][: len(_BEARER)].lower() != _BEARER:
        raise unauthorized()
    return bearer[0][len(_BEARER) :].strip()
