"""The requests that one HTTP process has in flight: how far each is, and what happens when a worker
is lost.

All of it runs on the event loop; `receive` takes the messages of the workers. Inference is pure, so
work may be repeated, and the first result counts.

When a worker has ended, each recording that it worked on is repeated in isolation, as it may be
what ended the worker. A recording that ends MAX_ISOLATED_DEATHS workers in isolation is answered
with worker_crashed. Recordings that waited for a worker of that stage are sent again a little
later, as the worker may have received them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from errors import EcgError, WorkerCrashed
from server import metrics
from server.ipc.messages import (
    WHOLE_REQUEST,
    BodyParsed,
    Message,
    Result,
    SentToModel,
    Slot,
    Stage,
    Task,
    Uid,
)
from server.ipc.shared_state import UID_BITS, SharedState
from server.stages.cost_limit import cpu_error

logger = logging.getLogger("ecg.in_flight")

# By then the surviving workers have usually drained the queue, so that little is done twice.
RESEND_AFTER_S: Final = 0.5
MAX_ISOLATED_DEATHS: Final = 2


@dataclass
class Progress:
    """How far one recording is, or the body before its recordings are known.

    sent_s           monotonic time at which it was sent to its present stage
    pid              the signal worker that parsed its body; 0 before
    isolated         it is repeated with nothing else in progress
    isolated_deaths  workers that ended while they worked on it in isolation
    """

    sent_s: float
    stage: Stage = "signal"
    pid: int = 0
    isolated: bool = False
    isolated_deaths: int = 0


@dataclass
class PendingRequest:
    """A request that a client waits for.

    changed     set when a result or failure arrives, at the deadline, and when the client leaves
    count       recordings in the request; None until the body is parsed
    failure     the error of the whole request
    body        progress of the body, until it is parsed
    recordings  progress of each recording, by index
    """

    task: Task
    deadline_s: float
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    count: int | None = None
    many: bool = False
    failure: EcgError | None = None
    results: dict[int, Result] = field(default_factory=dict)
    body: Progress = field(default_factory=lambda: Progress(time.monotonic()))
    recordings: dict[int, Progress] = field(default_factory=dict)

    @property
    def uid(self) -> Uid:
        return self.task.head.uid

    @property
    def is_finished(self) -> bool:
        if self.failure is not None:
            return True
        return self.count is not None and len(self.results) >= self.count

    def unfinished(self, stage: Stage) -> list[int]:
        """Return the indices of the recordings that are in a stage."""
        return [
            index
            for index, progress in self.recordings.items()
            if progress.stage == stage and index not in self.results
        ]

    def progress_of(self, index: int) -> Progress:
        return self.body if index == WHOLE_REQUEST else self.recordings[index]


class InFlightRequests:
    """The requests of this HTTP process.

    send       puts a task on the signal workers' queue without blocking the event loop
    max_cpu_s  CPU time after which a worker is killed (ECG_MAX_CPU_SECONDS)
    """

    def __init__(
        self,
        state: SharedState,
        http_process: int,
        send: Callable[[Task], None],
        max_cpu_s: float,
    ) -> None:
        self._state = state
        self._max_cpu_s = max_cpu_s
        self._send = send
        self._http_process = http_process
        self._free = list(state.slots_of(http_process))
        # Uids serve as generations of slots too: unique over all HTTP processes and never 0.
        first_uid = http_process << UID_BITS
        state.last_uid[http_process] = max(state.last_uid[http_process], first_uid)
        self.pending: dict[Uid, PendingRequest] = {}

    @property
    def free_count(self) -> int:
        """Return the number of places that are free."""
        return len(self._free)

    def reserve(self) -> Slot | None:
        """Return a place for one request, or None when the server is full."""
        if not self._free:
            return None
        uid = self._state.last_uid[self._http_process] + 1
        self._state.last_uid[self._http_process] = uid
        slot = Slot(self._free.pop(), uid)
        self._state.slots[slot.index] = slot.generation
        return slot

    def release(self, slot: Slot) -> None:
        """Free a request's place. Workers then drop what they still have of the request."""
        self.pending.pop(slot.generation, None)
        self._state.slots[slot.index] = 0
        self._free.append(slot.index)

    def submit(self, task: Task) -> PendingRequest:
        pending = PendingRequest(task, task.head.deadline_s)
        # Before the task is sent, as its result may arrive at once.
        self.pending[task.head.uid] = pending
        self._send(task)
        return pending

    def fail(self, uid: Uid, error: EcgError, indices: Sequence[int] | None = None) -> None:
        """Answer a request, or some of its recordings, with an error."""
        pending = self.pending.get(uid)
        if pending is not None:
            for index in (WHOLE_REQUEST,) if indices is None else indices:
                self._note(pending, Result(uid, index, error=error))

    def receive(self, messages: Iterable[Message]) -> None:
        for message in messages:
            pending = self.pending.get(message.uid)
            if pending is not None:
                self._note(pending, message)

    def _note(self, pending: PendingRequest, message: Message) -> None:
        if isinstance(message, BodyParsed):
            self._note_parsed(pending, message)
        elif isinstance(message, SentToModel):
            progress = pending.recordings.get(message.index)
            if progress is not None and progress.stage == "signal":
                progress.stage = "model"
                progress.sent_s = time.monotonic()
        elif message.index == WHOLE_REQUEST:
            pending.failure = pending.failure or message.error
        elif message.index not in pending.results:
            pending.results[message.index] = message
            metrics.stages_ended(f"/{pending.task.head.route}", message.timings_ms)
        if isinstance(message, Result) or pending.is_finished:
            pending.changed.set()

    @staticmethod
    def _note_parsed(pending: PendingRequest, message: BodyParsed) -> None:
        if pending.count is None:
            pending.count = message.count
            pending.many = message.many
            pending.deadline_s = message.deadline_s
            pending.recordings = {index: replace(pending.body) for index in range(message.count)}
        indices = message.only_indices
        if indices is None:
            indices = tuple(pending.unfinished("signal"))
        for index in indices:
            pending.recordings[index].pid = message.pid

    def worker_died(self, stage: Stage, pid: int) -> None:
        """Repeat what that worker worked on, and a little later what it may have received."""
        rows = self._state.rows[stage]
        in_progress = self._state.in_progress.of_process(rows, pid)
        too_costly = self._state.in_progress.too_costly(rows, pid)
        for pending in list(self.pending.values()):
            if too_costly is not None and too_costly[0] == pending.uid:
                self._refuse(pending, too_costly[1])
            # What is past its deadline is answered without its result.
            if pending.is_finished or time.monotonic() > pending.deadline_s:
                continue
            begun = {index for uid, index in in_progress if uid == pending.uid}
            if stage == "signal":
                self._recover_signal(pending, pid, begun)
            else:
                self._recover_model(pending, begun, isolated=len(in_progress) == 1)
        loop = asyncio.get_running_loop()
        loop.call_later(RESEND_AFTER_S, self._resend_lost, stage, time.monotonic())

    def _refuse(self, pending: PendingRequest, index: int) -> None:
        """Answer with an error what a worker was killed for: a recording, or the whole body."""
        error = cpu_error(self._max_cpu_s)
        if pending.count is None:
            self._note(pending, Result(pending.uid, WHOLE_REQUEST, error=error))
            return
        unfinished = pending.unfinished("signal")
        for refused in unfinished if index == WHOLE_REQUEST else [index]:
            self._note(pending, Result(pending.uid, refused, error=error))

    def _recover_signal(self, pending: PendingRequest, pid: int, begun: set[int]) -> None:
        if pending.count is None:
            # Some recording, whose number is known only after the body's first step.
            if begun:
                self._repeat_isolated(pending, WHOLE_REQUEST)
            return
        held = _parsed_by(pid, pending, "signal")
        blamed = [index for index in held if index in begun or WHOLE_REQUEST in begun]
        for index in blamed:
            self._repeat_isolated(pending, index)
        innocent = [index for index in held if index not in blamed]
        # SentToModel is sent before the recording itself, which may not have followed it.
        at_model = self._state.in_progress_of_live_workers("model")
        unsent = [
            index
            for index in _parsed_by(pid, pending, "model")
            if (pending.uid, index) not in at_model
        ]
        self._resend(pending, innocent + unsent, "signal")

    def _recover_model(self, pending: PendingRequest, begun: set[int], *, isolated: bool) -> None:
        """Repeat the recordings in `begun`.

        isolated  the batch held one recording only, so that it alone can have ended the worker
        """
        for index in begun.intersection(pending.unfinished("model")):
            pending.recordings[index].isolated = isolated
            self._repeat_isolated(pending, index)

    def _repeat_isolated(self, pending: PendingRequest, index: int) -> None:
        """Repeat in isolation what was in progress when a worker ended, or give it up."""
        progress = pending.progress_of(index)
        if progress.isolated:
            progress.isolated_deaths += 1
        if progress.isolated_deaths >= MAX_ISOLATED_DEATHS:
            fields = {"request_id": pending.task.head.request_id}
            logger.error(
                "a recording ended %d %s workers and is given up",
                *(progress.isolated_deaths, progress.stage),
                extra={"fields": fields},
            )
            error = WorkerCrashed("the worker process ended each time it processed this recording")
            self._note(pending, Result(pending.uid, index, error=error))
            return
        progress.isolated = True
        self._resend(pending, [index], progress.stage)

    def _resend(self, pending: PendingRequest, indices: Sequence[int], stage: Stage) -> None:
        """Send recordings to the signal workers again: isolated ones each in a task of its own."""
        together = []
        for index in indices:
            if pending.progress_of(index).isolated:
                self._send_again(pending, [index], stage)
            else:
                together.append(index)
        if together:
            self._send_again(pending, together, stage)

    def _send_again(self, pending: PendingRequest, indices: Sequence[int], stage: Stage) -> None:
        for index in indices:
            progress = pending.progress_of(index)
            progress.stage = "signal"
            progress.pid = 0
            progress.sent_s = time.monotonic()
        metrics.RETRIED.labels(stage).inc(len(indices))
        task = pending.task
        repeated = replace(
            task,
            head=replace(task.head, deadline_s=pending.deadline_s),
            # Once the body is parsed, the deadline is extended already.
            fixed_deadline=task.fixed_deadline or pending.count is not None,
            only_indices=None if WHOLE_REQUEST in indices else tuple(indices),
            isolated=pending.progress_of(indices[0]).isolated,
        )
        self._send(repeated)

    def _resend_lost(self, stage: Stage, died_s: float) -> None:
        """Send again what waits for a stage since before a death and no live worker has."""
        in_progress = self._state.in_progress_of_live_workers(stage)
        holders: set[int] = set()
        if stage == "signal":
            holders = {self._state.pid[row] for row in self._state.live_rows("signal")}
        for pending in list(self.pending.values()):
            if pending.is_finished:
                continue
            lost = []
            for index in _waiting_for(stage, pending):
                progress = pending.progress_of(index)
                claimed = (pending.uid, index) in in_progress or progress.pid in holders
                if progress.sent_s <= died_s and not claimed:
                    lost.append(index)
            self._resend(pending, lost, stage)


def _parsed_by(pid: int, pending: PendingRequest, stage: Stage) -> list[int]:
    """Return the recordings in a stage whose body that signal worker parsed."""
    return [index for index in pending.unfinished(stage) if pending.recordings[index].pid == pid]


def _waiting_for(stage: Stage, pending: PendingRequest) -> list[int]:
    if pending.count is not None:
        return pending.unfinished(stage)
    return [WHOLE_REQUEST] if stage == "signal" else []
