"""Around every answer: the request id, one log line, the metrics, and the last resort for a bug."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from errors import InternalError
from server import metrics
from server.log import log_request
from server.routes.problems import problem_response

logger = logging.getLogger("ecg.http")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id_of(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


class RequestMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answered = _Answered(scope)
        try:
            await self.app(scope, receive, answered.wrap(send))
        except Exception as error:  # the process's edge: a bug is logged and answered as one
            logger.error("request %s failed", answered.request_id, exc_info=error)
            if answered.status == 0:
                scope["state"]["code"] = InternalError.code
                fault = InternalError("a fault of the server; the request id finds it in the log")
                await problem_response(fault, answered.request_id)(
                    scope, receive, answered.wrap(send)
                )
        answered.note()


class _Answered:
    """What is known of one answer; the state of the scope carries the request id in and the error code out."""

    def __init__(self, scope: Scope) -> None:
        self.began_s = time.monotonic()
        self.status = 0
        self.scope = scope
        self.request_id = request_id_of(Headers(scope=scope))
        state: dict[str, Any] = scope.setdefault("state", {})
        state.update(request_id=self.request_id, received_s=self.began_s, code="")

    def wrap(self, send: Send) -> Send:
        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = self.request_id
                headers.setdefault(
                    "Server-Timing", f"total;dur={1000 * (time.monotonic() - self.began_s):.2f}"
                )
            await send(message)

        return wrapped

    def note(self) -> None:
        seconds = time.monotonic() - self.began_s
        route = getattr(self.scope.get("route"), "path", "other")
        # 499: the client went away before there was an answer (nginx's code for it; nothing is sent).
        status, code = self.status or 499, self.scope["state"]["code"]
        metrics.request_ended(route, status, code, seconds)
        log_request(route, status, code, 1000 * seconds, self.request_id)
