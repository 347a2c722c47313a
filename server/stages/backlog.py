"""Recordings that wait in a model worker, and the batches that it takes from them.

The backlog fills from the queues while the device is busy. The next batch is whatever waits, up to
the device's batch size: nothing waits for a timer, and nothing spins. Long recordings alternate
with short ones, a few segments at a time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from analysis.forward import Encoded, Piece
from model_store.manifest import Role
from server.ipc.messages import ModelItem

# A batch closes on its cost, which is segments. On a CPU larger batches gain nothing and make a
# single request wait.
MAX_BATCH_SEGMENTS: Final = {"cpu": 8, "cuda": 128}
BACKLOG_BATCHES: Final = 3  # batches of each kind that a worker receives ahead of the device
SHARE_OF_MANY: Final = 0.25  # of a batch, reserved for recordings of large requests that wait


@dataclass
class Job:
    """One recording on its way through the encoders, piece by piece.

    taken  segments that are in a batch or were in one
    parts  the encoders' output for each piece that is done
    """

    item: ModelItem
    taken: int = 0
    parts: list[dict[Role, Encoded]] = field(default_factory=list)
    encode_ms: float = 0.0
    queued_ms: float = 0.0

    @property
    def segments(self) -> int:
        return len(self.item.prepared.segments)

    @property
    def left(self) -> int:
        return self.segments - self.taken

    def take(self, count: int) -> Piece:
        """Return the next piece, of at most `count` segments."""
        prepared = self.item.prepared
        # Extra segments go with the first piece, all at once: they are few, of a small network.
        extra_segments = prepared.extra_segments if self.taken == 0 else {}
        needs = {
            role: need
            for role, need in prepared.needs.items()
            if role in extra_segments or role not in prepared.extra_segments
        }
        piece = Piece(prepared.segments[self.taken : self.taken + count], needs, extra_segments)
        self.taken += len(piece.segments)
        return piece

    def drop(self) -> None:
        """Give up the segments that are left."""
        self.taken = self.segments


Batch = list[tuple[Job, Piece]]


class Backlog:
    """Jobs that wait in this worker. Several threads add jobs; one takes batches.

    Recordings of requests with a single one have most of a batch; those of larger requests have
    the rest, and what the single ones leave. So neither kind waits for all of the other.

    on_change  called with the monotonic time since which the oldest job waits, 0 if none waits
    """

    def __init__(
        self, max_batch: int, on_change: Callable[[float], None] = lambda oldest_s: None
    ) -> None:
        self.max_batch = max_batch
        self._on_change = on_change
        self._single: deque[Job] = deque()
        self._many: deque[Job] = deque()
        self._changed = threading.Condition()

    def add(self, job: Job) -> None:
        """Add a job; block while there are enough of its kind.

        So the other messages stay on the queue, where another worker can receive them.
        """
        jobs = self._many if job.item.many else self._single
        limit = BACKLOG_BATCHES * self.max_batch
        with self._changed:
            self._changed.wait_for(lambda: _segments_left(jobs) < limit)
            jobs.append(job)
            self._on_change(self._oldest_s())
            self._changed.notify_all()

    def next_batch(self) -> Batch:
        """Return pieces of up to `max_batch` segments in all; block until there is one.

        An isolated job gets a batch of its own.
        """
        with self._changed:
            self._changed.wait_for(self._has_segments)
            batch = self._fill_batch()
            self._on_change(self._oldest_s())
            self._changed.notify_all()
        return batch

    def _oldest_s(self) -> float:
        # Each kind is in the order of arrival, but for long recordings that have begun.
        heads = [jobs[0].item.sent_s for jobs in (self._single, self._many) if jobs]
        return min(heads, default=0.0)

    def _has_segments(self) -> bool:
        return _segments_left(self._single) + _segments_left(self._many) > 0

    def _fill_batch(self) -> Batch:
        # First, or an isolated job of a large request would wait until no single ones are left.
        if self._many and self._many[0].item.isolated:
            return _filled([], self._many, self.max_batch)
        share = max(1, round(self.max_batch * SHARE_OF_MANY))
        reserved = min(_segments_left(self._many), share)
        batch = _filled([], self._single, self.max_batch - reserved)
        batch = _filled(batch, self._many, self.max_batch - _segment_count(batch))
        return _filled(batch, self._single, self.max_batch - _segment_count(batch))


def _segments_left(jobs: deque[Job]) -> int:
    return sum(job.left for job in jobs)


def _segment_count(batch: Batch) -> int:
    return sum(len(piece.segments) for _, piece in batch)


def _filled(batch: Batch, jobs: deque[Job], room: int) -> Batch:
    """Return the batch with pieces of these jobs added, up to `room` segments."""
    if batch and batch[0][0].item.isolated:
        return batch
    batch = list(batch)
    # A job has at most one piece in a batch.
    in_batch = {id(job) for job, _ in batch}
    unfinished = []
    while jobs and room and id(jobs[0]) not in in_batch:
        if batch and jobs[0].item.isolated:
            break
        job = jobs.popleft()
        if not job.left:  # dropped after an earlier piece
            continue
        piece = job.take(room)
        room -= len(piece.segments)
        batch.append((job, piece))
        if job.left:
            unfinished.append(job)
        if job.item.isolated:
            break
    # The rest of a long recording waits after all other jobs.
    jobs.extend(unfinished)
    return batch
