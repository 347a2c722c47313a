"""What can go wrong between a caller and a server's answer.

EcgClientError
├── UnusableInput   the input cannot be sent: no such file, an array without a sampling rate
├── Refused         the server answered with an error
└── NoAnswer        no answer within the allowed time and tries
"""

from __future__ import annotations

from typing import Any


class EcgClientError(Exception):
    """Base of all; the message is meant for people."""


class UnusableInput(EcgClientError):
    pass


class NoAnswer(EcgClientError):
    pass


class Refused(EcgClientError):
    """The server's problem (RFC 9457).

    status      HTTP status
    code        stable word, e.g. "too_short" or "overloaded"
    detail      sentence that names the field, what was found and what is allowed
    errors      [{"loc": [...], "msg": "..."}], one for each fault
    request_id  finds the request in the server's log
    body        the whole answer
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.body = body
        self.code = str(body.get("code") or "unknown")
        self.detail = str(
            body.get("detail") or body.get("title") or f"HTTP {status} without an explanation"
        )
        self.errors: list[dict[str, Any]] = list(body.get("errors") or [])
        self.request_id: str | None = body.get("request_id")
        super().__init__(f"{self.code} ({status}): {self.detail}")
