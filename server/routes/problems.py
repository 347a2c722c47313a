"""Every error as application/problem+json (RFC 9457): ours, the framework's, and bugs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from errors import (
    BodyTooLarge,
    EcgError,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    RequestError,
    ShuttingDown,
    Starting,
    UnsupportedMediaType,
    UploadTooSlow,
)
from server.media_types import PROBLEM_JSON

# Answered before the whole body was read. What follows on the connection is the rest of it, not a
# new request, so the connection is closed.
CLOSING: Final = (
    *(BodyTooLarge, UploadTooSlow, UnsupportedMediaType),
    *(Overloaded, ShuttingDown, Starting),
)
MAX_METHOD_CHARS: Final = 16  # of the client's method in an error
MAX_DETAIL_CHARS: Final = 200  # of the framework's own message


def problem_response(
    error: EcgError, request_id: str | None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error as a response. `headers` are added to those that the error needs."""
    all_headers = dict(headers or {})
    if error.retry_after_s is not None:
        all_headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, CLOSING):
        all_headers["Connection"] = "close"
    body = orjson.dumps(error.problem(request_id))
    return Response(body, error.status, all_headers, PROBLEM_JSON)


def allow_header(error: HTTPException) -> dict[str, str]:
    """Return the Allow header that a 405 must have (RFC 9110, section 15.5.6)."""
    allowed = (error.headers or {}).get("Allow")
    if allowed is None:
        return {}
    # Starlette joins a set, in an order that changes from process to process.
    return {"Allow": ", ".join(sorted(allowed.split(", ")))}


def from_framework(request: Request, error: HTTPException) -> EcgError:
    """Return the router's own refusal as one of our errors."""
    # The path is not repeated: it is the client's text.
    if error.status_code == 404:
        return NotFound("no such page; /docs lists the routes")
    if error.status_code == 405:
        allowed = allow_header(error).get("Allow", "another method")
        method = request.method[:MAX_METHOD_CHARS]
        return MethodNotAllowed(f"{method} is not allowed for this path; allowed: {allowed}")
    return RequestError(str(error.detail)[:MAX_DETAIL_CHARS])
