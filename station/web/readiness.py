"""Whether the station has brought its database up to date, and serves."""

from __future__ import annotations

from errors import Starting
from station.times import RETRY_AFTER_S


class Readiness:
    """Until then, and while a long migration runs, only the probes are answered."""

    def __init__(self) -> None:
        self.is_ready = False

    def check(self) -> None:
        """Raises Starting."""
        if not self.is_ready:
            raise Starting(
                "the database is being brought up to date; /readyz answers 200 when it is",
                retry_after_s=RETRY_AFTER_S,
            )
