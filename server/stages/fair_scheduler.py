"""The order in which a signal worker processes the recordings of its open bodies.

One body may hold hundreds of recordings. A worker alternates between its bodies, one recording at a
time, so that a request with a single recording never waits for the whole of a large one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.ipc.messages import Message, ModelItem, Result, Task
from server.stages.signal import SignalStage

MAX_OPEN_BODIES: Final = 4  # of a worker, which bounds its memory


@dataclass(frozen=True)
class _OpenBody:
    http_process: int
    messages: Iterator[Message | ModelItem]


class FairScheduler:
    """Round-robin over open bodies. An isolated task waits until no other body is open."""

    def __init__(self, stage: SignalStage) -> None:
        self._stage = stage
        self._open: deque[_OpenBody] = deque()
        self._isolated: deque[Task] = deque()
        self._runs_isolated = False

    @property
    def is_idle(self) -> bool:
        return not self._open and not self._isolated

    @property
    def has_room(self) -> bool:
        if self._isolated or self._runs_isolated:
            return False
        return len(self._open) < MAX_OPEN_BODIES

    def add(self, task: Task) -> None:
        if task.isolated:
            self._isolated.append(task)
        else:
            self._open_body(task)

    def step(self) -> tuple[int, list[Message | ModelItem]]:
        """Process the next body up to the end of its next recording.

        Return the number of the body's HTTP process, and what to send.
        """
        if not self._open:
            self._open_body(self._isolated.popleft())
            self._runs_isolated = True
        body = self._open.popleft()
        sent: list[Message | ModelItem] = []
        for message in body.messages:
            sent.append(message)
            if isinstance(message, Result | ModelItem):
                self._open.append(body)
                return body.http_process, sent
        # The body has ended. While an isolated one runs there is no other.
        self._runs_isolated = self._runs_isolated and bool(self._open)
        return body.http_process, sent

    def _open_body(self, task: Task) -> None:
        self._open.append(_OpenBody(task.head.http_process, self._stage.run(task)))
