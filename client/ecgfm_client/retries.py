"""When to repeat a call, and after how long.

The server keeps no state between requests, so every call can be repeated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import httpx

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 15.0
# A restarting server closes connections, refuses them, or stops in the middle of an answer.
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
    """patience_s  how long after the first try another one may begin."""

    patience_s: float = 60.0

    def wait_s(self, tries: int, since_s: float, answer: httpx.Response | None) -> float | None:
        """Return the seconds until the next try, None to give up.

        tries    made so far, the first `since_s` ago
        answer   None if there was none
        """
        if answer is not None and not _asks_again(answer):
            return None
        # Jitter: clients that were refused together do not return together.
        grown = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(tries - 1, 10))
        wait = random.uniform(FIRST_WAIT_S / 2, grown)
        if answer is not None:
            wait += _seconds(answer.headers.get("Retry-After", ""))
        return wait if since_s + wait <= self.patience_s else None


def _asks_again(answer: httpx.Response) -> bool:
    """Whether the server asks for a repetition: a 503 without Retry-After (no model) does not."""
    return answer.status_code in (429, 503) and "Retry-After" in answer.headers


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 1.0  # a date; the ECG server does not send one, a proxy may
