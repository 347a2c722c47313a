"""When to ask again, and after how long. The server keeps nothing between requests, so every call may be repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass

import httpx

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 15.0
# A server that restarts closes connections, refuses them, or breaks off in the middle of an answer.
TRANSIENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.RemoteProtocolError,
    httpx.PoolTimeout,
)


@dataclass(frozen=True)
class Retries:
    """patience_s  how long after the first try a new one may still begin"""

    patience_s: float = 60.0

    def wait_s(self, tries: int, since_s: float, answer: httpx.Response | None) -> float | None:
        """Seconds until the next try after `tries`, the first `since_s` ago; None to give up. `answer` is None where there was none."""
        if answer is not None and not _asks_again(answer):
            return None
        # Full jitter: callers that were refused together don't come back together.
        grown = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(tries - 1, 10))
        wait = random.uniform(FIRST_WAIT_S / 2, grown)
        if answer is not None:
            wait += _seconds(answer.headers.get("Retry-After", ""))
        return wait if since_s + wait <= self.patience_s else None


def _asks_again(answer: httpx.Response) -> bool:
    """Overloaded, starting, restarting: each with a Retry-After. A 503 without one (no model) stays as it is."""
    return answer.status_code in (429, 503) and "Retry-After" in answer.headers


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 1.0  # a date, which our server does not send; a proxy may
