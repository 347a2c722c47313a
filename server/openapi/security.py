"""Security schemes of /openapi.json, and which of them each route of this server needs."""

from __future__ import annotations

from typing import Any

from errors import (
    EcgError,
    Forbidden,
    IssuerUnreachable,
    RateLimited,
    Unauthorized,
    UnknownHost,
)
from server.authorization.route_scopes import PROBES, ROUTE_SCOPES
from server.authorization.rules import anonymous_scopes
from server.settings import Settings

Schema = dict[str, Any]

SECURITY_SCHEMES: Schema = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key that `python -m server keys add` made.",
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key, or a token (JWT) of the server's OpenID Connect issuer.",
    },
}
CHALLENGE_HEADER: Schema = {
    "description": "The scheme of credentials (RFC 6750).",
    "schema": {"type": "string"},
}


def security_of(path: str, settings: Settings) -> list[Schema]:
    """Return the alternatives of credentials for a route; {} stands for none at all.

    The words of an alternative are the scopes that the key or token must have.
    """
    scope = ROUTE_SCOPES[path]
    if scope is None:
        return []
    scopes = [] if scope == "docs" else [scope]
    credentials: list[Schema] = [{name: scopes} for name in SECURITY_SCHEMES]
    is_open = scope in anonymous_scopes(settings)
    return [{}, *credentials] if is_open else credentials


def access_errors(path: str) -> list[type[EcgError]]:
    """Return the errors of a page that is read with GET, ordered by status."""
    scope = ROUTE_SCOPES[path]
    if path in PROBES:
        return []
    if scope is None:
        return [UnknownHost]
    forbidden = [] if scope == "docs" else [Forbidden]
    return [Unauthorized, *forbidden, UnknownHost, RateLimited, IssuerUnreachable]
