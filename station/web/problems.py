"""Turns errors into application/problem+json responses (RFC 9457)."""

from __future__ import annotations

import logging
from typing import Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from errors import (
    EcgError,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NoDatabase,
    NotFound,
    RequestError,
    Unauthorized,
)
from station.times import RETRY_AFTER_S

logger = logging.getLogger("ecg.station.web")

PROBLEM_JSON: Final = "application/problem+json"
# RFC 6750, section 3. The realm names what the credential is for.
CHALLENGE: Final = 'Bearer realm="ecg-station"'
CLIENT_LEFT: Final = 499  # nginx's, as in the log of the server
MAX_DETAIL_CHARS: Final = 200  # of the framework's message


def problem_response(error: EcgError) -> Response:
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = CHALLENGE
    elif isinstance(error, Forbidden):
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="insufficient_scope"'
    elif isinstance(error, MethodNotAllowed) and "allow" in error.extension:
        headers["Allow"] = str(error.extension["allow"])
    return Response(orjson.dumps(error.problem()), error.status, headers, PROBLEM_JSON)


async def answer_error(request: Request, error: Exception) -> Response:
    """The handler of our own errors."""
    assert isinstance(error, EcgError)
    return problem_response(error)


async def answer_bug(request: Request, error: Exception) -> Response:
    """The handler of everything else. The framework raises the error again, and it is logged."""
    return problem_response(InternalError("internal error; the log of the station has it"))


async def answer_no_database(request: Request, error: Exception) -> Response:
    """The handler where the database is down or cannot be reached (station.store.engine)."""
    logger.error("the database failed: %s", type(error).__name__)
    detail = "the database does not answer; send the request again"
    return problem_response(NoDatabase(detail, retry_after_s=RETRY_AFTER_S))


async def answer_nobody(request: Request, error: Exception) -> Response:
    """The handler where the client left before its body was complete: nobody reads the answer."""
    return Response(status_code=CLIENT_LEFT)


async def answer_framework_error(request: Request, error: Exception) -> Response:
    """The handler of the framework's errors, such as 405."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem_response(no_such_page())
    if error.status_code == 405:
        # Starlette joins a set of methods, whose order differs between processes.
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        detail = f"this method is not allowed for this path; allowed: {allowed}"
        return problem_response(MethodNotAllowed(detail, extension={"allow": allowed}))
    return problem_response(RequestError(str(error.detail)[:MAX_DETAIL_CHARS]))


def no_such_page() -> NotFound:
    return NotFound("no such page; docs/station.md lists the routes")
