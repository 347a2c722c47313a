"""Admission: everything that is checked before a request's body is read."""

from __future__ import annotations

from typing import Final

from fastapi import Request

from access.identity import Identity
from errors import BadOption, MalformedBody, NoModel, ShuttingDown, Starting
from server.http.limits import client_group
from server.http.uploads import Upload
from server.recording_routes import Route
from server.routes.body import too_large
from server.stages.decompression import check_content_encoding
from server.stages.request_body import check_content_type
from server.workers.service import Service

# Retry-After, in seconds.
RETRY_STARTING_S: Final = 5
RETRY_DRAINING_S: Final = 10

MAX_DEADLINE_MS: Final = 3_600_000  # an hour; the deadline limits, it reserves nothing
MAX_DEADLINE_DIGITS: Final = 9
# int() refuses strings of thousands of digits with a ValueError.
MAX_LENGTH_DIGITS: Final = 18
MAX_SHOWN_CHARS: Final = 64  # of a header field's value in a message


def admit(request: Request, route: Route, service: Service) -> Upload:
    """Decide whether the body may be sent. Return the upload, which counts it until it is closed.

    Raises ShuttingDown, Starting, NoModel, UnsupportedMediaType, BodyTooLarge, MalformedBody,
    BadOption, Overloaded.
    """
    if service.is_draining:
        raise ShuttingDown(
            "the server is shutting down and accepts no more requests",
            retry_after_s=RETRY_DRAINING_S,
        )
    if not service.state.has_started():
        raise Starting(
            "the encoders are still being loaded; /readyz answers 200 when they are ready",
            retry_after_s=RETRY_STARTING_S,
        )
    if route == "extract_features" and not service.deployment.loaded:
        raise NoModel(service.deployment.no_model_reason())
    check_content_type(request.headers.get("content-type", ""), route)
    check_content_encoding(content_encoding(request))
    announced_bytes = _announced_bytes(request, service.settings.max_body_bytes)
    # For its error only; the value is read with the body.
    client_deadline_ms(request)
    service.places.check()
    return service.uploads.open(_client_of(request, service), announced_bytes)


def _client_of(request: Request, service: Service) -> str:
    """Return whose share of the uploads a request takes: a key's, or without one an address's."""
    identity: Identity | None = request.scope["state"].get("identity")
    if identity is not None and identity is not service.guard.rules.anonymous:
        return f"key {identity.name}"
    client = request.scope.get("client")
    return client_group(client[0]) if client else ""


def content_encoding(request: Request) -> str:
    return request.headers.get("content-encoding", "").strip().lower()


def _announced_bytes(request: Request, limit_bytes: int) -> int | None:
    """Return Content-Length, or None without one. Raises BodyTooLarge, MalformedBody."""
    length = request.headers.get("content-length")
    if length is None:
        return None
    if not _is_digits(length):
        raise MalformedBody(f"Content-Length is {_shown(length)}; it must be a whole number")
    if len(length) > MAX_LENGTH_DIGITS or int(length) > limit_bytes:
        raise too_large(limit_bytes)
    return int(length)


def client_deadline_ms(request: Request) -> int | None:
    """Return X-Request-Deadline-Ms, or None where the client set none. Raises BadOption."""
    value = request.headers.get("x-request-deadline-ms")
    if value is None:
        return None
    if _is_digits(value) and len(value) <= MAX_DEADLINE_DIGITS:
        deadline_ms = int(value)
        if 1 <= deadline_ms <= MAX_DEADLINE_MS:
            return deadline_ms
    raise BadOption(
        f"X-Request-Deadline-Ms is {_shown(value)}; it must be a whole number from 1 to "
        f"{MAX_DEADLINE_MS}",
        loc=("X-Request-Deadline-Ms",),
    )


def _shown(value: str) -> str:
    """Return the beginning of a header field's value, for a message."""
    return ascii(value[:MAX_SHOWN_CHARS])


def _is_digits(value: str) -> bool:
    # str.isdigit() is true for characters such as "²" too, which int() refuses.
    return value.isascii() and value.isdigit()
