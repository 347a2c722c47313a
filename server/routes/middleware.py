"""Middleware of every answer: request id, log line, metrics, and the answer for a bug."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from access.identity import Identity
from server import metrics
from server.authorization.security_headers import add_security_headers
from server.log import log_bug, log_request
from server.routes.problems import problem_response
from server.telemetry.process import spans
from server.workers.in_flight import PendingRequest

if TYPE_CHECKING:
    from server.telemetry.spans import RequestSpan

logger = logging.getLogger("ecg.http")

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# nginx's code for a client that left before the answer; nothing is sent.
CLIENT_CLOSED_REQUEST: Final = 499


def _request_id_of(headers: Headers) -> str:
    """Return the client's X-Request-ID, or a new one where it is missing or not valid."""
    client_id = headers.get("x-request-id", "")
    return client_id if REQUEST_ID.fullmatch(client_id) else secrets.token_hex(16)


class RequestMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope)
        send = answer.wrap(send)
        try:
            await self.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the process's edge: a bug becomes a logged 500
            bug = log_bug(logger, answer.request_id, error)
            if answer.status == 0:
                scope["state"]["code"] = bug.code
                await problem_response(bug, answer.request_id)(scope, receive, send)
        answer.record()


class _Answer:
    """One answer while it is made.

    scope["state"] carries the request id and the time of arrival to the handlers, and the error
    code and the pending request back. `status` is 0 until the answer has begun.
    """

    def __init__(self, scope: Scope) -> None:
        self.began_s = time.monotonic()
        self.status = 0
        self.scope = scope
        headers = Headers(scope=scope)
        self.request_id = _request_id_of(headers)
        makes_spans = spans()
        self.span: RequestSpan | None = None
        if makes_spans is not None:
            self.span = makes_spans.begin_request(scope["method"], headers.getlist("traceparent"))
        state: dict[str, Any] = scope.setdefault("state", {})
        state.update(
            request_id=self.request_id,
            received_s=self.began_s,
            code="",
            traceparent=self.span.traceparent if self.span else "",
        )

    def wrap(self, send: Send) -> Send:
        """Return `send` with the headers of every answer added."""

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = self.request_id
                if self.span is not None:
                    headers["traceresponse"] = self.span.traceparent
                total_ms = 1000 * (time.monotonic() - self.began_s)
                # Answers to recordings have the time of each stage already.
                headers.setdefault("Server-Timing", f"total;dur={total_ms:.2f}")
                add_security_headers(headers)
            await send(message)

        return wrapped

    def record(self) -> None:
        """Count the answer in the metrics and log it."""
        seconds = time.monotonic() - self.began_s
        # "other" for unknown paths, or each would be a time series of its own.
        state = self.scope["state"]
        route = getattr(self.scope.get("route"), "path", state.get("route", "other"))
        status = self.status or CLIENT_CLOSED_REQUEST
        code = state["code"]
        metrics.request_ended(route, status, code, seconds)
        fields: dict[str, object] = {
            "route": route,
            "status": status,
            "code": code or "-",
            "ms": round(1000 * seconds, 1),
            "request_id": self.request_id,
        }
        # The name of the key or token, never the key.
        identity: Identity | None = state.get("identity")
        fields["key"] = identity.name if identity else "-"
        if self.span is None:
            log_request(fields)
            return
        ids = {"trace_id": self.span.trace_id, "span_id": self.span.span_id}
        log_request({**fields, **ids})
        pending: PendingRequest | None = state.pop("pending", None)
        results = pending.results if pending else {}
        self.span.end(fields, results, many=pending is not None and pending.many)
