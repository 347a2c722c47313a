"""The order in which a signal worker processes the recordings of its open bodies.

One body may hold hundreds of recordings. A worker alternates between its bodies, one recording at a
time, so that a request with a single recording never waits for the whole of a large one. A body
whose files are being read by the reader process is parked, and does not hold up the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Final

from server.ipc.messages import BodyParsed, ModelItem, Result, Task, TaskHead
from server.stages.signal import FilesToRead, NeedsIsolation, Outcome, Sent, SignalStage

MAX_OPEN_BODIES: Final = 4  # of a worker, which bounds its memory


@dataclass
class _OpenBody:
    """A body that is being processed.

    has_files    its recording is in files
    reads_files  they are not read yet
    outcome      of reading them, until the body is continued
    """

    head: TaskHead
    messages: Generator[Sent, Outcome | None]
    has_files: bool
    reads_files: bool
    outcome: Outcome | None = None

    def next_message(self) -> Sent | None:
        """Continue the work. Return None at its end."""
        outcome, self.outcome = self.outcome, None
        try:
            return self.messages.send(outcome)
        except StopIteration:
            return None


class FairScheduler:
    """Round-robin over open bodies. An isolated task waits until no other body is open."""

    def __init__(self, stage: SignalStage) -> None:
        self._stage = stage
        self._open: deque[_OpenBody] = deque()
        self._parked: _OpenBody | None = None
        self._isolated: deque[tuple[Task, bool]] = deque()
        self._runs_isolated = False

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do, but for the reader process."""
        return not self._open and (self._parked is not None or not self._isolated)

    @property
    def has_room(self) -> bool:
        if self._isolated or self._runs_isolated:
            return False
        return len(self._open) < MAX_OPEN_BODIES

    @property
    def has_room_for_files(self) -> bool:
        """Whether there is room and the reader process has nothing to read, now or soon."""
        if not self.has_room or self._parked is not None:
            return False
        return not any(body.reads_files for body in self._open)

    def add(self, task: Task, *, reads_files: bool = False) -> None:
        if task.isolated:
            self._isolated.append((task, reads_files))
        else:
            self._open_body(task, reads_files)

    def step(self) -> tuple[int, list[Sent]]:
        """Process the next body up to the end of its next recording, or until its files are read.

        Return the number of the body's HTTP process, and what to send.
        """
        if not self._open:
            self._open_body(*self._isolated.popleft())
            self._runs_isolated = True
        body = self._open.popleft()
        self._stage.begin(body.head)
        sent: list[Sent] = []
        while (message := body.next_message()) is not None:
            sent.append(message)
            if isinstance(message, BodyParsed):
                # The recordings that follow have the extended deadline.
                body.head = replace(body.head, deadline_s=message.deadline_s)
                self._stage.begin(body.head)
            elif isinstance(message, FilesToRead):
                self._parked = body
                break
            elif isinstance(message, NeedsIsolation):
                self._isolated.append((message.task, body.has_files))
                sent.pop()
            elif isinstance(message, Result | ModelItem):
                self._open.append(body)
                break
        else:
            # The body has ended. While an isolated one runs there is no other.
            self._runs_isolated = self._runs_isolated and bool(self._open)
        self._stage.end()
        return body.head.http_process, sent

    def resume(self, outcome: Outcome) -> None:
        """Continue the parked body, whose files have been read."""
        assert self._parked is not None, "no body is parked. This is a bug."
        body, self._parked = self._parked, None
        body.outcome = outcome
        body.reads_files = False
        self._open.append(body)

    def _open_body(self, task: Task, reads_files: bool) -> None:
        self._open.append(_OpenBody(task.head, self._stage.run(task), reads_files, reads_files))
