"""The HTTP process's desk: every request that it has taken in, how far each is, and what to do when a worker is lost.

All of it runs on the event loop; messages from the workers come in through `receive`. Inference is pure, so doing a
thing twice is safe and the first answer counts. What a lost worker had in hand is done again, alone, because it may
be what ended the worker; after it has been alone on two that ended it is answered worker_crashed. What only waited
for the lost worker is sent again, as the queue may have handed it to the dead.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from errors import EcgError, WorkerCrashed
from server import metrics
from server.messages import WHOLE_REQUEST, Done, Handed, Message, Opened, Slot, Stage, Started, Task, Uid
from server.state import SharedState

logger = logging.getLogger("ecg.desk")

# A worker's last blocking get (0.2 s) outlives it in the queue's process, and may take one item more off the queue.
GHOST_GET_S = 0.3
RESEND_AFTER_S = 0.5
MAX_DEATHS_ALONE = 2


@dataclass
class Progress:
    """Where one recording (or the whole body, before it is read) is."""

    stage: Stage = "signal"
    pid: int = 0  # of the worker that has it in hand; 0 while it waits
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
    whole: Progress = field(default_factory=Progress)
    progress: dict[int, Progress] = field(default_factory=dict)

    @property
    def uid(self) -> Uid:
        return self.task.head.uid

    @property
    def finished(self) -> bool:
        return self.failure is not None or (self.count is not None and len(self.results) >= self.count)

    def unfinished(self, stage: Stage) -> list[int]:
        return [index for index, at in self.progress.items() if at.stage == stage and index not in self.results]


class Desk:
    """`send` puts a task on the signal workers' queue without blocking the event loop."""

    def __init__(self, state: SharedState, api_worker: int, send: Callable[[Task], None]) -> None:
        self._state, self._send = state, send
        first = api_worker * state.slots_per_api_worker
        self._free = list(range(first, first + state.slots_per_api_worker))
        # Uids are also the slots' generations: unique over processes and never 0.
        self._last_uid = api_worker << 40
        self.pending: dict[Uid, Pending] = {}
        # pid of a worker -> what it began last: it does one thing at a time, so that is what it has in hand.
        self._in_hand: dict[int, frozenset[tuple[Uid, int]]] = {}
        self.on_started: Callable[[Stage, int], None] = lambda stage, pid: None

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
            if isinstance(message, Started):
                self._started(message)
            elif (pending := self.pending.get(message.uid)) is not None:
                self._note(pending, message)

    def _note(self, pending: Pending, message: Opened | Handed | Done) -> None:
        if isinstance(message, Opened):
            if pending.count is None:
                pending.count, pending.many, pending.deadline_s = message.count, message.many, message.deadline_s
                pending.progress = {index: replace(pending.whole) for index in range(message.count)}
        elif isinstance(message, Handed):
            at = pending.progress.get(message.index)
            if at is not None and at.stage == "signal":
                at.stage, at.pid = "model", 0
            return
        elif message.index == WHOLE_REQUEST:
            pending.failure = pending.failure or message.error
        else:
            pending.results.setdefault(message.index, message)
        pending.changed.set()

    def _started(self, message: Started) -> None:
        self.on_started(message.stage, message.pid)
        self._in_hand[message.pid] = frozenset(message.keys)
        for uid, index in message.keys:
            pending = self.pending.get(uid)
            if pending is None:
                continue
            if index == WHOLE_REQUEST:
                pending.whole.pid = message.pid
                for held in pending.unfinished("signal"):
                    if message.only is None or held in message.only:
                        pending.progress[held].pid = message.pid
            elif (at := pending.progress.get(index)) is not None:
                at.stage, at.pid = message.stage, message.pid
                if message.stage == "model":
                    at.alone = message.alone

    def worker_died(self, stage: Stage, pid: int) -> None:
        """Do again what that worker had in hand; a little later what it may have taken without a word."""
        died_s = time.monotonic()
        in_hand = self._in_hand.pop(pid, frozenset())
        for pending in list(self.pending.values()):
            if not pending.finished:
                self._recover(pending, stage, pid, in_hand)
        asyncio.get_running_loop().call_later(RESEND_AFTER_S, self._resend_waiting, stage, died_s)

    def _recover(self, pending: Pending, stage: Stage, pid: int, in_hand: frozenset[tuple[Uid, int]]) -> None:
        if pending.count is None:
            if pending.whole.pid == pid:
                self._again(pending, WHOLE_REQUEST, pending.whole)
            return
        begun = {index for uid, index in in_hand if uid == pending.uid}
        held = [index for index in pending.unfinished(stage) if pending.progress[index].pid == pid]
        blamed = [index for index in held if begun & {index, WHOLE_REQUEST}]
        for index in blamed:
            self._again(pending, index, pending.progress[index])
        # Held but not begun, or answered but not sent any more; and announced to the model workers, but perhaps not sent to them.
        lost = [index for index in pending.unfinished("model") if not pending.progress[index].pid and begun & {index, WHOLE_REQUEST}]
        others = tuple(index for index in held if index not in blamed) + tuple(lost if stage == "signal" else ())
        if others:
            self._resend(pending, others, alone=False, stage=stage)

    def _again(self, pending: Pending, index: int, at: Progress) -> None:
        """Repeat what was in hand when a worker ended, alone; give it up when it has ended two that way."""
        stage = at.stage
        at.deaths_alone += at.alone
        if at.deaths_alone >= MAX_DEATHS_ALONE:
            error = WorkerCrashed("this recording ended the worker that had it, each time it was tried")
            logger.error("request %s ended %s workers and is given up", pending.task.head.request_id, stage)
            self._note(pending, Done(pending.uid, index, error=error))
            return
        at.alone = True
        self._resend(pending, None if index == WHOLE_REQUEST else (index,), alone=True, stage=stage)

    def _resend(self, pending: Pending, only: tuple[int, ...] | None, *, alone: bool, stage: Stage) -> None:
        for at in [pending.whole] if only is None else [pending.progress[index] for index in only]:
            at.stage, at.pid = "signal", 0
        metrics.RETRIED.labels(stage).inc(1 if only is None else len(only))
        head = replace(pending.task.head, deadline_s=pending.deadline_s)
        self._send(
            replace(
                pending.task, head=head, fixed_deadline=pending.count is not None or pending.task.fixed_deadline, only=only, alone=alone
            )
        )

    def _resend_waiting(self, stage: Stage, died_s: float) -> None:
        """Send again what waits for that stage since about the death: the dead may have taken it off the queue."""
        for pending in list(self.pending.values()):
            if pending.finished or pending.task.head.received_s > died_s + GHOST_GET_S:
                continue
            if pending.count is None:
                if stage == "signal" and not pending.whole.pid:
                    self._resend(pending, None, alone=pending.whole.alone, stage=stage)
                continue
            waiting = [index for index in pending.unfinished(stage) if not pending.progress[index].pid]
            for index in (index for index in waiting if pending.progress[index].alone):
                self._resend(pending, (index,), alone=True, stage=stage)
            if others := tuple(index for index in waiting if not pending.progress[index].alone):
                self._resend(pending, others, alone=False, stage=stage)
