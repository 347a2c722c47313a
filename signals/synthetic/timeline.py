"""Read an endless rhythm a stretch at a time, and start it again for an earlier stretch."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator

from signals.synthetic.rhythms import Event


class Timeline:
    """The beats of a rhythm by time. Those before the latest stretch are forgotten.

    start  returns the beats from the first one on, the same ones at each call
    """

    def __init__(self, start: Callable[[], Iterator[Event]]) -> None:
        self._start = start
        self._beats = start()
        self._next = next(self._beats, None)
        self._recent: deque[Event] = deque()
        self._forgotten_until_s = -math.inf

    def between(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the beats with start_s <= time < stop_s."""
        if start_s <= self._forgotten_until_s:
            self._start_again()
        while self._next is not None and self._next.time_s < stop_s:
            self._recent.append(self._next)
            self._next = next(self._beats, None)
        while self._recent and self._recent[0].time_s < start_s:
            self._forgotten_until_s = self._recent.popleft().time_s
        return [event for event in self._recent if event.time_s < stop_s]

    def _start_again(self) -> None:
        self._beats = self._start()
        self._next = next(self._beats, None)
        self._recent.clear()
        self._forgotten_until_s = -math.inf
