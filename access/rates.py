"""Requests per time and requests at once, for each holder, over all HTTP processes of a server.

The library `limits` defines the notation ("600/minute") and the sliding window. Its storages for
several processes need a server such as Redis. Here the counts are in memory that the processes
share. Each process writes only its own table and adds up all tables, so there is no lock that a
stopped or killed process could hold. If n processes decide at the same moment, they may together
admit n - 1 requests too many.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from limits import RateLimitItem, parse
from limits.storage.base import SlidingWindowCounterSupport, Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from access.identity import Identity
from errors import AccessError, RateLimited

ROWS: Final = 4096  # of a process's table: holders counted at the same time
PROBES: Final = 32  # rows in which one holder may be
MAX_AMOUNT: Final = 1_000_000_000
MAX_WINDOW_S: Final = 86_400
RETRY_IN_FLIGHT_S: Final = 1  # a place becomes free when any request of the holder ends

# The cells of a row, 8 bytes each.
_ID, _WINDOW, _CURRENT, _PREVIOUS, _FORGET_S, _IN_FLIGHT = range(6)
_CELLS: Final = 6
_CELL_BYTES: Final = 8


def check_rate(text: str) -> RateLimitItem:
    """Return the rate in the notation of `limits`, e.g. "600/minute". Raises AccessError."""
    try:
        rate = parse(text)
    except ValueError:
        raise AccessError(f"rate: {text!r}; write it as 10/second or 600/minute") from None
    if not 1 <= rate.amount <= MAX_AMOUNT or not 1 <= rate.get_expiry() <= MAX_WINDOW_S:
        raise AccessError(f"rate: {text!r}; allowed are 1 to {MAX_AMOUNT} requests in up to a day")
    return rate


_parsed_rate = lru_cache(maxsize=1024)(check_rate)


@lru_cache(maxsize=ROWS)
def _id_of(text: str) -> int:
    """Return a number for a holder, never 0, which marks a free row."""
    digest = hashlib.blake2b(text.encode(), digest_size=_CELL_BYTES).digest()
    return int.from_bytes(digest, signed=True) or 1


class SharedCounts:
    """The tables of all HTTP processes, made before they are forked so that they share it."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        # Pages that are never written take no memory.
        self._memory = mmap.mmap(-1, processes * ROWS * _CELLS * _CELL_BYTES)
        self.cells = memoryview(self._memory).cast("q")

    def find(self, process: int, holder: int) -> int | None:
        """Return the first cell of the holder's row in a process's table, or None."""
        for cell in self._places(process, holder):
            found = self.cells[cell + _ID]
            if found == holder:
                return cell
            if found == 0:
                return None  # rows are never free again, so there is nothing behind this one
        return None

    def find_or_claim(self, process: int, holder: int, now_s: int) -> int | None:
        """As `find`, in the caller's own table: takes an unused row where the holder has none.

        Returns None where every possible row is in use.
        """
        found = self.find(process, holder)
        if found is not None:
            return found
        for cell in self._places(process, holder):
            is_forgotten = self.cells[cell + _FORGET_S] <= now_s
            if is_forgotten and self.cells[cell + _IN_FLIGHT] == 0:
                for field in (_WINDOW, _CURRENT, _PREVIOUS, _FORGET_S):
                    self.cells[cell + field] = 0
                self.cells[cell + _ID] = holder
                return cell
        return None

    def rows_of(self, holder: int) -> Iterator[int]:
        """Yield the holder's row in each table that has one."""
        for process in range(self.processes):
            cell = self.find(process, holder)
            if cell is not None:
                yield cell

    def forget_in_flight(self, process: int) -> None:
        """Forget what the predecessor of a replaced process had in flight."""
        start = process * ROWS * _CELLS
        for cell in range(start, start + ROWS * _CELLS, _CELLS):
            if self.cells[cell + _IN_FLIGHT]:
                self.cells[cell + _IN_FLIGHT] = 0

    def _places(self, process: int, holder: int) -> Iterator[int]:
        for probe in range(PROBES):
            yield (process * ROWS + (holder + probe) % ROWS) * _CELLS


class _SharedWindows(Storage, SlidingWindowCounterSupport):
    """The storage that `limits` counts in, for one process."""

    STORAGE_SCHEME = None

    def __init__(self, counts: SharedCounts, process: int) -> None:
        super().__init__()
        self._counts = counts
        self._process = process

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        now_s = time.time()
        previous, previous_ttl_s, current, _ = self._sum(key, expiry, now_s)
        weighted = previous * previous_ttl_s / expiry + current
        if math.floor(weighted) + amount > limit:
            return False
        cell = self._counts.find_or_claim(self._process, _id_of(key), int(now_s))
        if cell is None:
            return False
        self._add(cell, int(now_s) // expiry, amount)
        self._counts.cells[cell + _FORGET_S] = (int(now_s) // expiry + 2) * expiry
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        return self._sum(key, expiry, time.time())

    def _sum(self, key: str, expiry: int, now_s: float) -> tuple[int, float, int, float]:
        """Return the counts of the window before and of this one, each with its seconds left."""
        window = int(now_s) // expiry
        previous = current = 0
        cells = self._counts.cells
        for cell in self._counts.rows_of(_id_of(key)):
            age = window - cells[cell + _WINDOW]
            if age == 0:
                previous += cells[cell + _PREVIOUS]
                current += cells[cell + _CURRENT]
            elif age == 1:
                previous += cells[cell + _CURRENT]
        left_s = (window + 1) * expiry - now_s
        return previous, left_s if previous else 0.0, current, left_s + expiry

    def _add(self, cell: int, window: int, amount: int) -> None:
        cells = self._counts.cells
        age = window - cells[cell + _WINDOW]
        if age != 0:
            cells[cell + _PREVIOUS] = cells[cell + _CURRENT] if age == 1 else 0
            cells[cell + _CURRENT] = 0
            cells[cell + _WINDOW] = window
        cells[cell + _CURRENT] += amount

    # The other strategies of `limits` would use these.
    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError

    def get(self, key: str) -> int:
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        raise NotImplementedError

    def clear(self, key: str) -> None:
        raise NotImplementedError

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        raise NotImplementedError


class Allowances:
    """What each holder may still ask for, as one HTTP process sees it.

    rate           for holders without a rate of their own, e.g. "600/minute"; None for no limit
    max_in_flight  for holders without a number of their own; None for no limit
    """

    def __init__(
        self, counts: SharedCounts, process: int, rate: str | None, max_in_flight: int | None
    ) -> None:
        """Raises AccessError where the rate is not in the notation."""
        if rate is not None:
            check_rate(rate)
        self._rate = rate
        self._max_in_flight = max_in_flight
        self._counts = counts
        self._process = process
        self._limiter = SlidingWindowCounterRateLimiter(_SharedWindows(counts, process))
        counts.forget_in_flight(process)

    def begin(self, identity: Identity) -> CountedRequest:
        """Count a request. Raises RateLimited. Its `end` must be called once."""
        counted = self._count_in_flight(identity)
        rate_text = identity.rate or self._rate
        if rate_text is None or self._limiter.hit(_parsed_rate(rate_text), identity.name):
            return counted
        counted.end()
        raise self._too_often(identity, rate_text)

    def _count_in_flight(self, identity: Identity) -> CountedRequest:
        limit = identity.max_in_flight or self._max_in_flight
        if limit is None:
            return CountedRequest(self._counts, None)
        holder = _id_of(f"in flight/{identity.name}")
        cells = self._counts.cells
        in_flight = sum(cells[cell + _IN_FLIGHT] for cell in self._counts.rows_of(holder))
        cell = self._counts.find_or_claim(self._process, holder, int(time.time()))
        if in_flight >= limit or cell is None:
            raise RateLimited(
                f"{identity.name} has {in_flight} requests in flight; {limit} are allowed",
                retry_after_s=RETRY_IN_FLIGHT_S,
            )
        cells[cell + _IN_FLIGHT] += 1
        return CountedRequest(self._counts, cell)

    def _too_often(self, identity: Identity, rate_text: str) -> RateLimited:
        rate = _parsed_rate(rate_text)
        reset_s = self._limiter.get_window_stats(rate, identity.name).reset_time - time.time()
        return RateLimited(
            f"{identity.name} has used up its allowance of {rate_text}",
            retry_after_s=max(1, math.ceil(reset_s)),
        )


class CountedRequest:
    """One request of a holder while it is in flight."""

    def __init__(self, counts: SharedCounts, cell: int | None) -> None:
        self._counts = counts
        self._cell = cell

    def end(self) -> None:
        if self._cell is not None:
            self._counts.cells[self._cell + _IN_FLIGHT] -= 1
            self._cell = None
