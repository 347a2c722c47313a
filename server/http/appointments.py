"""When a refused client is to come again: the Retry-After header.

It follows the rate at which requests are answered. Each second of the future is promised to as many
clients as the server answers in a second; a refused client gets one of the first two seconds that
are not promised in full, by lot. So clients that come as they were asked to do not come all at
once, and the more were refused, the later they come.

About half of those that come then find a place, as other clients come too. A second promised to
half as many would make fewer attempts vain, but each longer, and the shares of the clients more
unequal (tests/server/http/simulation.py).

A client that comes at its second has no precedence, as the server knows it only by its address or
key, which others may share. In the simulation, precedence by address made the shares more equal
where each client had an address of its own, and less equal where a few shared one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final

MAX_DELAY_S: Final = 60
CHOICES: Final = 2  # seconds, among which the lot decides
MIN_WINDOW_S: Final = 0.5
MAX_WINDOW_S: Final = 10.0
MIN_ANSWERS: Final = 8  # in a window, for a rate


class ServiceRate:
    """Answers per second while all places are taken. At other times there is no limit to measure.

    first_guess  of the rate, before the first measurement
    """

    def __init__(self, first_guess: float) -> None:
        self._per_second = first_guess
        self._since_s: float | None = None
        self._answers = 0

    def places_are_taken(self, now_s: float) -> None:
        if self._since_s is None:
            self._since_s = now_s
            self._answers = 0

    def places_are_free(self, now_s: float) -> None:
        self._measure(now_s)
        self._since_s = None

    def answered(self) -> None:
        self._answers += 1

    def per_second(self, now_s: float) -> float:
        self._measure(now_s)
        return self._per_second

    def _measure(self, now_s: float) -> None:
        if self._since_s is None:
            return
        window_s = now_s - self._since_s
        if window_s > MAX_WINDOW_S or (window_s > MIN_WINDOW_S and self._answers >= MIN_ANSWERS):
            self._per_second = self._answers / window_s
            if window_s > MAX_WINDOW_S:
                self._since_s = now_s
                self._answers = 0


class Appointments:
    """The seconds that were promised to refused clients."""

    def __init__(
        self, rate: ServiceRate, clock: Callable[[], float], lot: random.Random | None = None
    ) -> None:
        self._rate = rate
        self._clock = clock
        # No secret: a client that guesses it gains nothing.
        self._lot = lot or random.Random()
        self._promised: dict[int, int] = {}

    def retry_after_s(self) -> int:
        """Promise a second to a client; return how far away it is, from 1 to MAX_DELAY_S."""
        now_s = self._clock()
        now = math.floor(now_s)
        for second in [second for second in self._promised if second <= now]:
            del self._promised[second]
        per_second = max(1, round(self._rate.per_second(now_s)))
        free = [
            delay
            for delay in range(1, MAX_DELAY_S + 1)
            if self._promised.get(now + delay, 0) < per_second
        ]
        if not free:
            return self._lot.randint(MAX_DELAY_S // 2, MAX_DELAY_S)
        delay = self._lot.choice(free[:CHOICES])
        self._promised[now + delay] = self._promised.get(now + delay, 0) + 1
        return delay
