"""The exceptions that the client raises.

EcgClientError
├── UnusableInput   the input cannot be used, e.g. an array without a sampling rate
├── Refused         the server answered with an error
├── NoAnswer        no ECG server answered, also after repeated calls
├── BufferFull      a device's buffer has no room for more records
└── BadBuffer       a device's buffer cannot be used, e.g. as another process has it open
"""

from __future__ import annotations

from typing import Any


class EcgClientError(Exception):
    """Base class of the client's exceptions. The message is for people, not for programs."""


class UnusableInput(EcgClientError):
    """The input cannot be used, e.g. a missing file or an array without a sampling rate."""


class NoAnswer(EcgClientError):
    """No ECG server answered, also after repeated calls."""


class BufferFull(EcgClientError):
    """A device's buffer has no room: records arrive faster than the station acknowledges them."""


class BadBuffer(EcgClientError):
    """A device's buffer cannot be used: it is another file, in use, or the disk is full."""


class Refused(EcgClientError):
    """The server answered with an error: a problem object of RFC 9457.

    status      HTTP status
    code        the error's stable name, e.g. "too_short" or "overloaded"; "unknown" if it has none
    detail      sentence that names the field, the value that was found and what is allowed
    errors      [{"loc": [...], "msg": "..."}], one for each fault
    request_id  identifies the request in the server's log; None if the server gave none
    body        the whole problem object
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
