"""From an HTTP response to the answer's object, or to an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgpack

from ecgfm_client.errors import NoAnswer, Refused

# The values of `status` in /health's answer.
HEALTH_WORDS: Final = ("ok", "degraded", "starting", "draining")


def read(response: httpx.Response) -> dict[str, Any]:
    """Return the answer's object.

    Raises Refused for any status other than 200, NoAnswer if the response is not an ECG server's.
    """
    if response.status_code != 200:
        raise Refused(
            response.status_code,
            _object(response)
            or {"detail": f"HTTP {response.status_code} {response.reason_phrase}"},
        )
    body = _object(response)
    if body is None:
        raise NoAnswer(
            f"{response.request.url.copy_with(query=None)}: the response is not an ECG server's"
        )
    return body


def read_health(response: httpx.Response) -> dict[str, Any]:
    """Return /health's object, which comes with status 503 while the server starts or drains."""
    body = _object(response)
    if body is None or body.get("status") not in HEALTH_WORDS:
        return read(response)
    return body


def _object(response: httpx.Response) -> dict[str, Any] | None:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    try:
        body = (
            msgpack.unpackb(response.content) if kind == "application/msgpack" else response.json()
        )
    except ValueError:
        return None
    return dict(body) if isinstance(body, Mapping) else None
