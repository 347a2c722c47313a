"""The HTTP process's in_flight: every request that it has taken in, how far each is, and what to do when a worker is lost.

All of it runs on the event loop; messages from the workers come in through `receive`. Inference is pure, so doing a
thing twice is safe and the first answer counts. What a lost worker had in hand is done again, alone, because it may
be what ended the worker; after it has been alone on two that ended it is answered worker_crashed. What only waited
for the lost worker is sent again, as the dead may have taken it off the queue.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from errors import EcgError, WorkerCrashed
from server import metrics
from server.ipc.messages import WHOLE_REQUEST, Done, Handed, Message, Opened, Slot, Stage, Task, Uid
from server.ipc.shared_state import SharedState

logger = logging.getLogger("ecg.in_flight")

# Until then what merely waits for a stage, and not for its dead worker, is mostly done by the others.
RESEND_AFTER_S = 0.5
MAX_DEATHS_ALONE = 2


@dataclass
class Progress:
    """Where one recording (or the whole body, before it is read) is.

    sent_s  monotonic time at which it went to the stage that it is in
    pid     of the signal worker that has, or had, its body open; 0 before one had
    """

    sent_s: float
    stage: Stage = "signal"
    pid: int = 0
    alone: bool = False
    deaths_alone: int = 0


@dataclass
class Pending:
    """One request that somebody waits for."""

    task: Task
    deadline_s: float
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    count: int | None = None
    many: bool = False
    failure: EcgError | None = None
    results: dict[int, Done] = field(default_factory=dict)
    whole: Progress = field(default_factory=lambda: Progress(time.monotonic()))
    progress: dict[int, Progress] = field(default_factory=dict)

    @property
    def uid(self) -> Uid:
        return self.task.head.uid

    @property
    def finished(self) -> bool:
        return self.failure is not None or (
            self.count is not None and len(self.results) >= self.count
        )

    def unfinished(self, stage: Stage) -> list[int]:
        return [
            index
            for index, at in self.progress.items()
            if at.stage == stage and index not in self.results
        ]


class InFlightRequests:
    """`send` puts a task on the signal workers' queue without blocking the event loop."""

    def __init__(self, state: SharedState, api_worker: int, send: Callable[[Task], None]) -> None:
        self._state, self._send = state, send
        first = api_worker * state.slots_per_api_worker
        self._free = list(range(first, first + state.slots_per_api_worker))
        # Uids are also the slots' generations: unique over processes and never 0.
        self._last_uid = api_worker << 40
        self.pending: dict[Uid, Pending] = {}

    def reserve(self) -> Slot | None:
        """A place for one request, None when the server is full."""
        if not self._free:
            return None
        self._last_uid += 1
        slot = Slot(self._free.pop(), self._last_uid)
        self._state.slots[slot.index] = slot.generation
        return slot

    def release(self, slot: Slot) -> None:
        """Give the place back; what workers still hold of the request they drop."""
        self.pending.pop(slot.generation, None)
        self._state.slots[slot.index] = 0
        self._free.append(slot.index)

    def submit(self, task: Task) -> Pending:
        pending = Pending(task, task.head.deadline_s)
        self.pending[task.head.uid] = pending  # before the put: the answer may be quick
        self._send(task)
        return pending

    def receive(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if (pending := self.pending.get(message.uid)) is not None:
                self._note(pending, message)

    def _note(self, pending: Pending, message: Message) -> None:
        if isinstance(message, Opened):
            self._opened(pending, message)
        elif isinstance(message, Handed):
            at = pending.progress.get(message.index)
            if at is not None and at.stage == "signal":
                at.stage, at.sent_s = "model", time.monotonic()
        elif message.index == WHOLE_REQUEST:
            pending.failure = pending.failure or message.error
        else:
            pending.results.setdefault(message.index, message)
        if isinstance(message, Done) or pending.finished:
            pending.changed.set()

    @staticmethod
    def _opened(pending: Pending, message: Opened) -> None:
        if pending.count is None:
            pending.count, pending.many, pending.deadline_s = (
                message.count,
                message.many,
                message.deadline_s,
            )
            pending.progress = {index: replace(pending.whole) for index in range(message.count)}
        for index in pending.unfinished("signal") if message.only is None else message.only:
            pending.progress[index].pid = message.pid

    def worker_died(self, stage: Stage, pid: int) -> None:
        """Do again what that worker had in hand; a little later what it may have taken without a word."""
        in_progress = self._state.in_progress.of(self._state.rows[stage], pid)
        for pending in list(self.pending.values()):
            if not pending.finished:
                begun = {index for uid, index in in_progress if uid == pending.uid}
                if stage == "signal":
                    self._recover_signal(pending, pid, begun)
                else:
                    self._recover_model(pending, begun, alone=len(in_progress) == 1)
        asyncio.get_running_loop().call_later(
            RESEND_AFTER_S, self._resend_waiting, stage, time.monotonic()
        )

    def _recover_signal(self, pending: Pending, pid: int, begun: set[int]) -> None:
        if pending.count is None:
            if WHOLE_REQUEST in begun:
                self._again(pending, WHOLE_REQUEST, pending.whole)
            return
        held = [
            index for index in pending.unfinished("signal") if pending.progress[index].pid == pid
        ]
        blamed = [index for index in held if begun & {index, WHOLE_REQUEST}]
        for index in blamed:
            self._again(pending, index, pending.progress[index])
        # Announced to the model workers, but perhaps not sent to them.
        at_model = self._state.in_progress_of_living("model")
        handed = [
            index for index in pending.unfinished("model") if pending.progress[index].pid == pid
        ]
        lost = [index for index in handed if (pending.uid, index) not in at_model]
        self._resend(pending, [index for index in held if index not in blamed] + lost, "signal")

    def _recover_model(self, pending: Pending, begun: set[int], *, alone: bool) -> None:
        for index in begun.intersection(pending.unfinished("model")):
            pending.progress[index].alone = alone
            self._again(pending, index, pending.progress[index])

    def _again(self, pending: Pending, index: int, at: Progress) -> None:
        """Repeat what was in hand when a worker ended, alone; give it up when it has ended two that way."""
        at.deaths_alone += at.alone
        if at.deaths_alone >= MAX_DEATHS_ALONE:
            error = WorkerCrashed(
                "this recording ended the worker that had it, each time it was tried"
            )
            logger.error(
                "request %s ended %s workers and is given up",
                pending.task.head.request_id,
                at.stage,
            )
            self._note(pending, Done(pending.uid, index, error=error))
            return
        at.alone = True
        self._resend(pending, [index], at.stage)

    def _resend(self, pending: Pending, indices: Sequence[int], stage: Stage) -> None:
        """To the signal workers: one by one what must be alone, the others together."""
        together = [index for index in indices if not self._at(pending, index).alone]
        for some in [[index] for index in indices if index not in together] + (
            [together] if together else []
        ):
            for at in (self._at(pending, index) for index in some):
                at.stage, at.pid, at.sent_s = "signal", 0, time.monotonic()
            metrics.RETRIED.labels(stage).inc(len(some))
            head = replace(pending.task.head, deadline_s=pending.deadline_s)
            fixed = pending.count is not None or pending.task.fixed_deadline
            only, alone = (
                None if WHOLE_REQUEST in some else tuple(some),
                self._at(pending, some[0]).alone,
            )
            self._send(
                replace(pending.task, head=head, fixed_deadline=fixed, only=only, alone=alone)
            )

    @staticmethod
    def _at(pending: Pending, index: int) -> Progress:
        return pending.whole if index == WHOLE_REQUEST else pending.progress[index]

    def _resend_waiting(self, stage: Stage, died_s: float) -> None:
        """Send again what has waited for that stage since before the death, and nobody who lives has in hand."""
        in_progress = self._state.in_progress_of_living(stage)
        holding = (
            {self._state.pid[row] for row in self._state.living("signal")}
            if stage == "signal"
            else set()
        )
        for pending in list(self.pending.values()):
            if pending.finished:
                continue
            waiting = (
                ([WHOLE_REQUEST] if stage == "signal" else [])
                if pending.count is None
                else pending.unfinished(stage)
            )
            lost = [
                index
                for index in waiting
                if (at := self._at(pending, index)).sent_s <= died_s
                and (pending.uid, index) not in in_progress
                and at.pid not in holding
            ]
            self._resend(pending, lost, stage)
