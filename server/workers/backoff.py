"""How long a place waits before a process that ended is replaced.

The first time not at all. Each further process that ends soon doubles the wait, up to a limit, so
that processes that cannot live do not take the machine from those that serve. A process that served
for STABLE_S is replaced at once again.
"""

from __future__ import annotations

from typing import Final

FIRST_WAIT_S: Final = 0.1
STABLE_S: Final = 10.0
# A process that was ready served requests in between, and the next one will: a long wait would
# harm more than its end. Starting one takes about 2 s without an encoder.
MAX_WAIT_AFTER_READY_S: Final = 2.0
# A process that was never ready has only used the processor and the disk.
MAX_WAIT_AFTER_FAILED_START_S: Final = 30.0


class Backoff:
    """The waits of one place."""

    def __init__(self) -> None:
        self._short_lives = 0

    def next_wait_s(self, ready_for_s: float | None) -> float:
        """Return the seconds to wait after a process has ended.

        ready_for_s  seconds for which it was ready; None if it never was
        """
        if ready_for_s is not None and ready_for_s >= STABLE_S:
            self._short_lives = 0
            return 0.0
        self._short_lives += 1
        if self._short_lives == 1:
            return 0.0
        limit_s = MAX_WAIT_AFTER_FAILED_START_S if ready_for_s is None else MAX_WAIT_AFTER_READY_S
        # 2^20 x 0.1 s is beyond every limit.
        doublings = min(self._short_lives - 2, 20)
        return float(min(limit_s, FIRST_WAIT_S * 2**doublings))
