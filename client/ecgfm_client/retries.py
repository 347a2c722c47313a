"""Decide whether a call is repeated, and after how many seconds.

The server keeps no state between requests, so every call can be repeated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import httpx

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 15.0
# A restarting server closes connections, refuses them, or stops in the middle of an answer.
TRANSIENT_ERRORS = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.RemoteProtocolError,
    httpx.PoolTimeout,
)


@dataclass(frozen=True)
class Retries:
    """The rule for repeating calls.

    retries_s  how long after the first try another one may begin
    """

    retries_s: float = 60.0

    def wait_s(self, tries: int, elapsed_s: float, answer: httpx.Response | None) -> float | None:
        """Return the seconds until the next try; None if the call is not repeated.

        tries      number of tries so far
        elapsed_s  time since the first try
        answer     None if the last try got no answer
        """
        if answer is not None and not _asks_for_repetition(answer):
            return None
        wait = backoff_s(tries, LONGEST_WAIT_S)
        if answer is not None:
            wait += retry_after_s(answer)
        return wait if elapsed_s + wait <= self.retries_s else None


def backoff_s(tries: int, longest_s: float) -> float:
    """Return the seconds until the next try; at most `longest_s`, however many there were.

    Exponential, with jitter: clients that were refused together do not come back together.
    """
    longest = min(longest_s, FIRST_WAIT_S * 2 ** min(tries - 1, 10))
    return random.uniform(FIRST_WAIT_S / 2, longest)


def retry_after_s(answer: httpx.Response) -> float:
    """Return the seconds in a header Retry-After, 0 where there is none."""
    return _seconds(answer.headers.get("Retry-After", "0"))


def _asks_for_repetition(answer: httpx.Response) -> bool:
    """Return whether the server asks for a repetition; a 503 without Retry-After does not."""
    return answer.status_code in (429, 503) and "Retry-After" in answer.headers


def _seconds(text: str) -> float:
    """Return the seconds in a header Retry-After."""
    try:
        return max(0.0, float(text))
    except ValueError:
        # A proxy may send a date; the ECG server does not.
        return 1.0
