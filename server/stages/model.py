"""The model worker: segments that wait, of any request and any route, go through the encoders together.

A backlog fills from the queue while the device is busy; the next batch is whatever waits, up to what the device
likes, so nothing waits for a timer and nothing spins. Long recordings take turns with short ones, a few segments each.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from analysis.answer import analysis_answer
from analysis.deployment import Deployment, Runtime
from analysis.embedding import embedding_answer
from analysis.forward import Encoded, Piece, Runner, forward, join
from analysis.options import FeatureOptions
from errors import DeadlineExceeded, EcgError, InternalError
from heads.cache import HeadCache
from model_store.manifest import Role
from server import metrics
from server.ipc.messages import Done, Message, ModelItem
from server.ipc.shared_state import SharedState
from server.stages.response import encode_analysis, encode_embedding

logger = logging.getLogger("ecg.model")

# A batch closes on its cost, which is segments. On a CPU larger ones gain nothing and make a lone request wait.
MAX_BATCH_SEGMENTS = {"cpu": 8, "cuda": 128}
BACKLOG_BATCHES = 3  # what a worker takes off each queue ahead of the device
SHARE_OF_MANY = 0.25  # of a batch, kept for recordings of big requests while they wait


@dataclass
class Job:
    """One recording on its way through the encoders, a piece at a time."""

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
        prepared, extra_segments = (
            self.item.prepared,
            self.item.prepared.extra_segments if self.taken == 0 else {},
        )
        # What is extra_segments goes with the first piece, whole: it is few segments of a small network.
        needs = {
            role: need
            for role, need in prepared.needs.items()
            if role in extra_segments or role not in prepared.extra_segments
        }
        piece = Piece(prepared.segments[self.taken : self.taken + count], needs, extra_segments)
        self.taken += len(piece.segments)
        return piece


class Backlog:
    """Jobs that wait in this worker. Threads fill it, one takes batches from it.

    Recordings that came alone have most of a batch, those of big requests the rest of it and what the others leave: neither waits
    for all of the other.
    """

    def __init__(self, max_batch: int) -> None:
        self.max_batch = max_batch
        self._alone: deque[Job] = deque()
        self._many: deque[Job] = deque()
        self._changed = threading.Condition()

    def add(self, job: Job) -> None:
        """Blocks while there are enough of its kind: the rest stays on the queue, for another worker too."""
        jobs = self._many if job.item.many else self._alone
        with self._changed:
            self._changed.wait_for(lambda: _waiting(jobs) < BACKLOG_BATCHES * self.max_batch)
            jobs.append(job)
            self._changed.notify_all()

    def next_batch(self) -> list[tuple[Job, Piece]]:
        """Pieces of up to `max_batch` segments in all, as soon as there is one.

        A job that may have ended a worker gets a batch to itself.
        """
        with self._changed:
            self._changed.wait_for(lambda: _waiting(self._alone) + _waiting(self._many) > 0)
            if self._many and self._many[0].item.alone:  # or it would wait until nothing else does
                return self._taken(_fill([], self._many, self.max_batch))
            kept = min(_waiting(self._many), max(1, round(self.max_batch * SHARE_OF_MANY)))
            batch = _fill([], self._alone, self.max_batch - kept)
            batch = _fill(batch, self._many, self.max_batch - _segments(batch))
            return self._taken(_fill(batch, self._alone, self.max_batch - _segments(batch)))

    def _taken(self, batch: list[tuple[Job, Piece]]) -> list[tuple[Job, Piece]]:
        self._changed.notify_all()
        return batch


def _waiting(jobs: deque[Job]) -> int:
    return sum(job.left for job in jobs)


def _segments(batch: list[tuple[Job, Piece]]) -> int:
    return sum(len(piece.segments) for _, piece in batch)


def _fill(batch: list[tuple[Job, Piece]], jobs: deque[Job], room: int) -> list[tuple[Job, Piece]]:
    """The batch with pieces of these jobs, up to `room` segments of them."""
    if batch and batch[0][0].item.alone:
        return batch
    batch, begun = list(batch), {id(job) for job, _ in batch}
    unfinished = []
    while jobs and room and not (batch and jobs[0].item.alone) and id(jobs[0]) not in begun:
        job = jobs.popleft()
        if not job.left:  # it was given up after an earlier piece
            continue
        piece = job.take(room)
        room -= len(piece.segments)
        batch.append((job, piece))
        if job.left:
            unfinished.append(job)
        if job.item.alone:
            break
    # What is left of a long recording goes behind the others that wait.
    jobs.extend(unfinished)
    return batch


class ModelStage:
    """Runs batches and hands finished jobs to `finish`, which writes answers in a thread of its own."""

    def __init__(
        self,
        deployment: Deployment,
        head_cache: HeadCache,
        runners: Mapping[Role, Runner],
        runtime: Runtime,
        state: SharedState,
        row: int,
        send: Callable[[int, Sequence[Message]], None],
        finish: Callable[[Callable[[], None]], object],
    ) -> None:
        self._deployment, self._head_cache, self._runners, self._runtime = (
            deployment,
            head_cache,
            runners,
            runtime,
        )
        self._state, self._row, self._send, self._finish = state, row, send, finish

    def run(self, batch: list[tuple[Job, Piece]]) -> None:
        batch = [(job, piece) for job, piece in batch if self._is_wanted(job)]
        if not batch:
            return
        self._begin(batch)
        self._state.busy_since_s[self._row] = began = time.monotonic()
        results = self._forward(batch)
        self._state.busy_since_s[self._row] = 0.0
        took_s = time.monotonic() - began
        metrics.batch_ran(
            self._runtime.device,
            [job.item.head.route for job, _ in batch],
            [len(piece.segments) for _, piece in batch],
            took_s,
        )
        for (job, _), result in zip(batch, results, strict=True):
            job.encode_ms += 1000 * took_s
            if isinstance(result, EcgError):
                job.taken = job.segments
                self._reply(job, Done(job.item.head.uid, job.item.index, error=result))
            else:
                job.parts.append(result)
                if not job.left:
                    self._finish(lambda job=job: self._answer(job))  # type: ignore[misc]

    def _is_wanted(self, job: Job) -> bool:
        """Drop what nobody waits for any more, and refuse what is too late."""
        head = job.item.head
        if not self._state.waits(head.slot):
            metrics.ABANDONED.inc()
            job.taken = job.segments
            return False
        if time.monotonic() > head.deadline_s:
            self._reply(
                job,
                Done(
                    head.uid,
                    job.item.index,
                    error=DeadlineExceeded("the deadline passed before the encoder was free"),
                ),
            )
            job.taken = job.segments
            return False
        return True

    def _begin(self, batch: list[tuple[Job, Piece]]) -> None:
        """In the shared tables before the work begins: it may be what ends this process."""
        self._state.begin(self._row, [(job.item.head.uid, job.item.index) for job, _ in batch])
        for job, _ in batch:
            if not job.parts:
                job.queued_ms = 1000 * (time.monotonic() - job.item.sent_s)

    def _forward(self, batch: list[tuple[Job, Piece]]) -> Sequence[dict[Role, Encoded] | EcgError]:
        try:
            return forward([piece for _, piece in batch], self._runners)
        except Exception as error:  # the process's edge: one recording must not fail its neighbours
            if len(batch) > 1:
                return [self._forward([one])[0] for one in batch]
            logger.error(
                "request %s failed in the encoder", batch[0][0].item.head.request_id, exc_info=error
            )
            return [InternalError("a fault of the server; the request id finds it in the log")]

    def _answer(self, job: Job) -> None:
        item = job.item
        try:
            done = self._encode(job)
        except Exception as error:  # the process's edge, as above
            logger.error("request %s failed in assembly", item.head.request_id, exc_info=error)
            done = Done(
                item.head.uid,
                item.index,
                error=InternalError("a fault of the server; the request id finds it in the log"),
            )
        self._reply(job, done)

    def _encode(self, job: Job) -> Done:
        item = job.item
        encoded = {
            role: join([part[role] for part in job.parts if role in part])
            for role in item.prepared.needs
        }
        timings = {
            **item.timings_ms,
            "queue": item.timings_ms.get("queue", 0.0) + job.queued_ms,
            "encode": job.encode_ms,
        }
        if isinstance(item.prepared.options, FeatureOptions):
            embedding = embedding_answer(item.prepared, encoded, self._deployment, self._runtime)
            return encode_embedding(embedding, item.head, item.index, timings)
        analysis = analysis_answer(
            item.prepared, encoded, self._deployment, self._runtime, self._head_cache.head
        )
        return encode_analysis(analysis, item.head, item.index, timings)

    def _reply(self, job: Job, done: Done) -> None:
        self._send(job.item.head.api_worker, [done])
