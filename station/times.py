"""Times are whole milliseconds since 1970 in UTC, as the database and the interface have them."""

from __future__ import annotations

import time
from typing import Final

SECOND_MS: Final = 1000
DAY_S: Final = 86_400
DAY_MS: Final = DAY_S * SECOND_MS
# What a refused client waits at least, before it sends its request again.
RETRY_AFTER_S: Final = 1


def now_ms() -> int:
    return time.time_ns() // 1_000_000
