"""Every error in one form, whoever raises it: ours, the framework's, or a bug."""

from __future__ import annotations

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

# Answered before the body had come, or while it was still coming: what follows on that connection is no new request.
CLOSING = (BodyTooLarge, UploadTooSlow, Overloaded, ShuttingDown, Starting, UnsupportedMediaType)


def problem_response(error: EcgError, request_id: str | None) -> Response:
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, CLOSING):
        headers["Connection"] = "close"
    return Response(orjson.dumps(error.problem(request_id)), error.status, headers, PROBLEM_JSON)


def from_framework(request: Request, error: HTTPException) -> EcgError:
    """The router's own refusals as ours. The path is not repeated: it is the client's text."""
    if error.status_code == 404:
        return NotFound("there is no such page here; /docs lists the routes")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return MethodNotAllowed(f"{request.method[:16]} is not answered here; allowed: {allowed}")
    return RequestError(str(error.detail)[:200])
