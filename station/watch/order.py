"""The samples of a stream in their order: records that arrive late or twice, and the gaps.

Records are placed on a grid of whole samples that begins with the second of the first one. A record
that follows the last one by its number is placed at once. Any other waits for those before it until
a record arrives that begins 2 s later than it.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.streams.watch_rate import WATCH_HZ, source_range, to_watch_rate

SECOND_MS: Final = 1000
REORDER_MS: Final = 2000
# Times are whole milliseconds and clocks drift: within this time of the last sample, the next one
# follows it.
JOIN_S: Final = 0.04
# A straight line across a shorter hole is neither a beat nor a pause.
MAX_BRIDGED_S: Final = 0.1
# The filter's window reaches so far beyond a new sample. The grid lies this much earlier, so that a
# second needs no sample after its end.
EARLIER_SAMPLES: Final = 2
EARLIER_S: Final = EARLIER_SAMPLES / WATCH_HZ
# Of a longer hole only this much is watched: after it, nothing of the stream before matters.
MAX_HOLE_S: Final = 20
# A record that is younger by its number and older by its time by more than this: the clock was set.
SET_BACK_MS: Final = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class StreamRecord:
    """A stretch of signal.

    stream     its source
    number     in the order of the commits
    seq        the source's own number
    device_ms  time of the first sample
    leads      names
    signal     (leads, samples) float32, mV; NaN for gaps
    """

    stream: int
    number: int
    seq: int
    device_ms: int
    fs_hz: float
    leads: tuple[str, ...]
    signal: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hole:
    """A time without samples."""

    start_ms: int
    stop_ms: int


@dataclass(slots=True)
class Order:
    """One stream with one rate and one set of leads.

    jumps      (second, time of sample 0 from this second on): the time leaps over long holes
    next       first sample that is not placed
    last_seq   of the record that was placed last
    newest_ms  latest start of all records so far
    second     the next second to be taken
    waiting    records that wait for others, by time
    holes      [start, stop) of the last holes, in stream seconds
    buffer     (leads, samples) the placed samples from `origin` on that are still needed
    """

    fs_hz: float
    leads: tuple[str, ...]
    jumps: list[tuple[int, int]]
    next: int = 0
    last_seq: int | None = None
    newest_ms: int = 0
    second: int = 0
    origin: int = 0
    buffer: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    waiting: list[StreamRecord] = field(default_factory=list)
    holes: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    def beginning_with(cls, record: StreamRecord) -> Order:
        """Return the order of a stream that begins at most 2 s before a record."""
        zero_ms = (record.device_ms - REORDER_MS) // SECOND_MS * SECOND_MS
        order = cls(record.fs_hz, record.leads, [(0, zero_ms)])
        order.buffer = np.zeros((len(record.leads), 0), np.float32)
        return order

    def add(self, record: StreamRecord) -> bool:
        """Take a record; False if all its samples are before the last one that was placed."""
        self.newest_ms = max(self.newest_ms, record.device_ms)
        if self._place_of(record) + record.signal.shape[1] <= self.next:
            return False
        bisect.insort(self.waiting, record, key=lambda each: (each.device_ms, each.seq))
        return True

    def place(self, *, is_last: bool = False) -> list[Hole]:
        """Place what need not wait, and return the holes before it.

        is_last  whether the stream has ended: nothing waits any longer
        """
        holes = []
        while self.waiting:
            record = self.waiting[0]
            follows = self.last_seq is not None and record.seq == self.last_seq + 1
            is_due = record.device_ms <= self.newest_ms - REORDER_MS
            if not (follows or is_due or is_last):
                break
            del self.waiting[0]
            hole = self._append(record)
            if hole is not None:
                holes.append(hole)
        return holes

    def take_second(self) -> tuple[NDArray[np.float32], bool] | None:
        """Return the next second, (leads, WATCH_HZ), and whether no record has any of it.

        None while it is not complete.
        """
        first = self.second * WATCH_HZ - EARLIER_SAMPLES
        start, stop = source_range(self.fs_hz, first, first + WATCH_HZ)
        if self.next < stop:
            return None
        source = self.buffer[:, max(start - self.origin, 0) : stop - self.origin]
        if start < self.origin:
            before = np.full((len(source), self.origin - start), np.nan, np.float32)
            source = np.concatenate([before, source], axis=1)
        self.second += 1
        following, _ = source_range(self.fs_hz, first + WATCH_HZ, first + WATCH_HZ + 1)
        spent = max(following - self.origin, 0)
        self.buffer = self.buffer[:, spent:]
        self.origin += spent
        is_hole = any(
            start <= self.second - 1 and self.second <= stop for start, stop in self.holes
        )
        return to_watch_rate(source, self.fs_hz, first, first + WATCH_HZ), is_hole

    def is_set_back(self, record: StreamRecord) -> bool:
        """Return whether the device's clock was set back before a record."""
        is_younger = self.last_seq is not None and record.seq > self.last_seq
        return is_younger and record.device_ms < self._end_ms() - SET_BACK_MS

    def ms(self, time_s: float) -> int:
        """Return the device's time of a stream's time."""
        zero_ms = next(zero for second, zero in reversed(self.jumps) if second <= max(time_s, 0))
        return zero_ms + round(time_s * SECOND_MS)

    def _end_ms(self) -> int:
        return self.jumps[-1][1] + round(self.next * SECOND_MS / self.fs_hz)

    def _place_of(self, record: StreamRecord) -> int:
        return round((record.device_ms - self.jumps[-1][1]) * self.fs_hz / SECOND_MS)

    def _append(self, record: StreamRecord) -> Hole | None:
        """Append the samples that are new."""
        place = self._place_of(record)
        if abs(place - self.next) <= JOIN_S * self.fs_hz:
            place = self.next
        signal = record.signal[:, max(self.next - place, 0) :]
        hole = None
        if place > self.next:
            start_ms = self._end_ms()
            place = self._leap(place)
            missing = self._missing(place - self.next, signal)
            self.holes = [*self.holes[-7:], (self.next / self.fs_hz, place / self.fs_hz)]
            if self.last_seq is not None and np.isnan(missing).any():
                hole = Hole(start_ms, record.device_ms)
            signal = np.concatenate([missing, signal], axis=1)
        self.last_seq = record.seq
        self.buffer = np.concatenate([self.buffer, signal], axis=1)
        self.next += signal.shape[1]
        return hole

    def _leap(self, place: int) -> int:
        """Let the time leap over most of a long hole; return the place of the record after it."""
        second_samples = self.fs_hz
        excess_s = int((place - self.next) / second_samples) - MAX_HOLE_S
        if excess_s <= 0:
            return place
        # From a second on that lies within the hole, also for what is found a little later.
        from_second = int(self.next / second_samples) + MAX_HOLE_S // 2
        self.jumps = [*self.jumps[-2:], (from_second, self.jumps[-1][1] + excess_s * SECOND_MS)]
        return place - round(excess_s * second_samples)

    def _missing(self, samples: int, following: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (leads, samples): a line across a short hole, else NaN."""
        is_short = samples <= MAX_BRIDGED_S * self.fs_hz
        if not (is_short and self.buffer.shape[1] and following.shape[1]):
            return np.full((len(self.leads), samples), np.nan, np.float32)
        share = (np.arange(1, samples + 1) / (samples + 1)).astype(np.float32)
        before, after = self.buffer[:, -1:], following[:, :1]
        return before + (after - before) * share
