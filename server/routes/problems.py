"""Turn an error into an application/problem+json response (RFC 9457).

The error is one of ours, one that the framework raises (such as 404 or 405), or a bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from errors import (
    BodyTooLarge,
    CrossSite,
    EcgError,
    Forbidden,
    IssuerUnreachable,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    RateLimited,
    RequestError,
    ShuttingDown,
    Starting,
    Unauthorized,
    UnknownHost,
    UnsupportedMediaType,
    UploadTooSlow,
)
from server.media_types import PROBLEM_JSON

# These errors are sent before the whole body is read. The next bytes on the connection are the rest
# of the body, not a new request, so the server closes the connection.
CONNECTION_CLOSING_ERRORS: Final = (
    *(BodyTooLarge, UploadTooSlow, UnsupportedMediaType),
    *(Overloaded, ShuttingDown, Starting),
    *(Unauthorized, Forbidden, CrossSite, UnknownHost, RateLimited, IssuerUnreachable),
)
MAX_METHOD_CHARS: Final = 16  # of the client's HTTP method, in an error's detail
MAX_DETAIL_CHARS: Final = 200  # of the framework's message, in an error's detail


def problem_response(
    error: EcgError, request_id: str | None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response for an error.

    request_id  the id of the request, shown in the problem; None if it has none
    headers     sent in addition to Retry-After and Connection, which depend on the error
    """
    all_headers = dict(headers or {})
    if error.retry_after_s is not None:
        all_headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, CONNECTION_CLOSING_ERRORS):
        all_headers["Connection"] = "close"
    body = orjson.dumps(error.problem(request_id))
    return Response(body, error.status, all_headers, PROBLEM_JSON)


def allow_header(error: HTTPException) -> dict[str, str]:
    """Return the Allow header of the framework's error as {"Allow": methods}, or {} without one.

    A 405 must have it (RFC 9110, section 15.5.6).
    """
    allowed = (error.headers or {}).get("Allow")
    if allowed is None:
        return {}
    # Starlette joins a set of methods, whose order differs between processes.
    return {"Allow": ", ".join(sorted(allowed.split(", ")))}


def error_from_framework(request: Request, error: HTTPException) -> EcgError:
    """Return the error of our own that corresponds to one that the framework raised."""
    # The message does not repeat the path, because the path is the client's text.
    if error.status_code == 404:
        return NotFound("no such page; /docs lists the routes")
    if error.status_code == 405:
        allowed = allow_header(error).get("Allow", "another method")
        method = request.method[:MAX_METHOD_CHARS]
        return MethodNotAllowed(f"{method} is not allowed for this path; allowed: {allowed}")
    return RequestError(str(error.detail)[:MAX_DETAIL_CHARS])
