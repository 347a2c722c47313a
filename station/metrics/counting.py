"""Counts the answers of this process by route and status, whoever makes them."""

from __future__ import annotations

from collections import Counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Requests = Counter[tuple[str, ...]]
"""(route, status) -> number of answers."""
# A path that a client makes up must not become a time series.
OTHER: Final = "other"
_INTERNAL_ERROR: Final = 500


class CountingMiddleware:
    """The outermost one; AccessMiddleware says which route it is."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self.app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope, message["status"])
            await send(message)

        try:
            await self.app(scope, receive, counting_send)
        except Exception:
            # The framework answers it outside of this middleware.
            self._count(scope, _INTERNAL_ERROR)
            raise

    def _count(self, scope: Scope, status: int) -> None:
        route = scope.get("state", {}).get("route", OTHER)
        self._requests[route, str(status)] += 1
