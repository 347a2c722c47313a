"""The signal worker: bodies become recordings, recordings become segments; all that is wrong with a request is found here.

One body may hold hundreds of recordings, so a worker goes through its bodies in turns, one recording at a time: a
request with a single recording never waits for the whole of a big one.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from analysis.answer import analysis_answer, quality_answer
from analysis.deployment import Deployment, with_heads
from analysis.options import AnalyzeOptions, QualityOptions
from analysis.prepare import Prepared, prepare
from errors import DeadlineExceeded, EcgError, InternalError
from heads.cache import HeadCache
from server.ipc.messages import (
    WHOLE_REQUEST,
    Done,
    Handed,
    Message,
    ModelItem,
    Opened,
    Task,
    TaskHead,
    WireFormat,
)
from server.ipc.shared_state import SharedState
from server.stages import fhir
from server.stages.parsed_request import Limits, ParsedRequest, PendingRecord
from server.stages.request_body import check_not_empty, read_request
from server.stages.response import encode_analysis, encode_answer

logger = logging.getLogger("ecg.signal")

MAX_OPEN_BODIES = 4  # per worker: memory for a few bodies in turn, no more
SECONDS_PER_SIGNAL_SECOND = 0.1  # the interface: 1 s more for each 10 s of signal sent


@dataclass(frozen=True)
class SignalStage:
    """What a signal worker needs to know; `row` is its own in the shared tables."""

    deployment: Deployment
    head_cache: HeadCache
    limits: Limits
    state: SharedState
    row: int

    def run(self, task: Task) -> Iterator[Message | ModelItem]:
        """All that one task sends out, a recording at a time."""
        # In the shared tables before the work begins: it may be what ends this process.
        self.state.begin(self.row, [(task.head.uid, WHOLE_REQUEST)])
        began = time.monotonic()
        deployment = with_heads(
            self.deployment, self.head_cache.current()
        )  # one for all recordings of the request
        try:
            request = self._open(task, deployment)
        except EcgError as error:
            yield Done(task.head.uid, WHOLE_REQUEST, error=error)
            return
        head = self._opened_head(task, request)
        timings = {
            "queue": 1000 * (began - head.received_s),
            "parse": 1000 * (time.monotonic() - began),
        }
        yield Opened(
            head.uid,
            len(request.records),
            request.many,
            head.deadline_s,
            self.state.pid[self.row],
            task.only,
        )
        for index, pending in enumerate(request.records):
            if task.only is not None and index not in task.only:
                continue
            if not self.state.waits(head.slot):
                return
            if request.many:  # a single one is meant by WHOLE_REQUEST already
                self.state.begin(self.row, [(head.uid, index)])
            yield from self._record(head, index, pending, request, deployment, task.alone, timings)

    def _open(self, task: Task, deployment: Deployment) -> ParsedRequest:
        check_not_empty(task)
        try:
            return _for_wire(read_request(task, deployment, self.limits), task.head.wire)
        except EcgError:
            raise
        except (
            Exception
        ) as error:  # the process's edge: a fault of ours must cost this request only
            raise self._bug(task.head, error) from error

    def _opened_head(self, task: Task, request: ParsedRequest) -> TaskHead:
        """Return the task's head with the form of the answer and the deadline for its recordings."""
        head = replace(task.head, form=request.form)
        if task.fixed_deadline:
            return head
        seconds = min(
            sum(pending.seconds for pending in request.records),
            self.limits.max_seconds * len(request.records),
        )
        extension_s = seconds * SECONDS_PER_SIGNAL_SECOND
        return replace(head, deadline_s=head.deadline_s + extension_s)

    def _record(
        self,
        head: TaskHead,
        index: int,
        pending: PendingRecord,
        request: ParsedRequest,
        deployment: Deployment,
        alone: bool,
        timings: dict[str, float],
    ) -> Iterator[Message | ModelItem]:
        try:
            if time.monotonic() > head.deadline_s:
                raise DeadlineExceeded("the deadline passed before this recording was begun")
            began = time.monotonic()
            record = pending.read()
            timings = {**timings, "parse": timings["parse"] + 1000 * (time.monotonic() - began)}
            prepared = prepare(
                record, request.options, deployment, max_seconds=self.limits.max_seconds
            )
            timings |= prepared.timings_ms
            if prepared.needs:
                yield Handed(head.uid, index)
                yield ModelItem(
                    head,
                    index,
                    prepared,
                    alone,
                    len(request.records) > 1,
                    timings,
                    time.monotonic(),
                )
            else:
                yield self._finish(head, index, prepared, timings)
        except EcgError as error:
            yield Done(head.uid, index, error=error.under(pending.loc))
        except Exception as error:  # noqa: BLE001 - the process's edge, as above
            yield Done(head.uid, index, error=self._bug(head, error))

    def _finish(
        self, head: TaskHead, index: int, prepared: Prepared, timings: dict[str, float]
    ) -> Done:
        """An answer that no encoder takes part in."""
        options = prepared.options
        if isinstance(options, QualityOptions):
            return encode_answer(quality_answer(prepared), head, index, timings)
        assert isinstance(options, AnalyzeOptions), "embeddings need an encoder. This is a bug."
        analysis = analysis_answer(prepared, {}, self.deployment, None, self.head_cache.head)
        return encode_analysis(analysis, head, index, timings)

    @staticmethod
    def _bug(head: TaskHead, error: Exception) -> InternalError:
        logger.error("request %s failed in the signal stage", head.request_id, exc_info=error)
        return InternalError("a fault of the server; the request id finds it in the log")


def _for_wire(request: ParsedRequest, wire: WireFormat) -> ParsedRequest:
    """A FHIR answer always has the same parts, whatever `include` says."""
    if wire != "fhir" or not isinstance(request.options, AnalyzeOptions):
        return request
    return replace(request, options=replace(request.options, include=frozenset(fhir.PARTS)))


class FairScheduler:
    """The bodies that a worker has open, taken in turns. One that must run alone waits until it is the only one."""

    def __init__(self, stage: SignalStage) -> None:
        self._stage = stage
        self._open: deque[tuple[int, Iterator[Message | ModelItem]]] = deque()
        self._alone: deque[Task] = deque()
        self._alone_running = False

    @property
    def idle(self) -> bool:
        return not self._open and not self._alone

    @property
    def takes_more(self) -> bool:
        return len(self._open) < MAX_OPEN_BODIES and not self._alone and not self._alone_running

    def add(self, task: Task) -> None:
        if task.alone:
            self._alone.append(task)
        else:
            self._open.append((task.head.api_worker, self._stage.run(task)))

    def step(self) -> tuple[int, list[Message | ModelItem]]:
        """Go on with the next body up to the end of its next recording: the HTTP process it is for, and what it sent out."""
        if not self._open:
            task = self._alone.popleft()
            self._open.append((task.head.api_worker, self._stage.run(task)))
            self._alone_running = True
        body, sent = self._open.popleft(), []
        for message in body[1]:
            sent.append(message)
            if isinstance(message, Done | ModelItem):
                self._open.append(body)
                return body[0], sent
        self._alone_running = self._alone_running and bool(self._open)
        return body[0], sent
