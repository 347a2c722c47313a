"""The queues of the server, and an outbox that keeps messages for a queue that is full."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from server import metrics
from server.ipc.channel import Channel
from server.ipc.messages import Stage, Uid

logger = logging.getLogger("ecg.queues")


class _Sent(Protocol):
    @property
    def uid(self) -> Uid: ...


SentT = TypeVar("SentT", bound=_Sent)


@dataclass(frozen=True)
class Queues:
    """All queues between the processes.

    tasks         requests for the signal workers
    files         requests with uploaded files, which a signal worker takes while its reader process
                  is free
    single_items  recordings for the model workers, each the only one of its request
    many_items    recordings for the model workers from requests with several
    answers       messages of the workers, one queue for each HTTP process
    """

    tasks: Channel
    files: Channel
    single_items: Channel
    many_items: Channel
    answers: tuple[Channel, ...]

    @classmethod
    def for_http_processes(cls, count: int) -> Queues:
        answers = tuple(Channel() for _ in range(count))
        return cls(Channel(), Channel(), Channel(), Channel(), answers)

    def of_stage(self, stage: Stage) -> tuple[Channel, ...]:
        """Return the queues that the workers of a stage receive from."""
        if stage == "signal":
            return (self.tasks, self.files)
        return (self.single_items, self.many_items)


class Outbox(Generic[SentT]):
    """Sends without waiting. Messages that find their queue full are kept here, in order.

    name        of the queue, in the log and the metrics
    is_wanted   called before a message is sent; messages that are no longer wanted are dropped
    on_dropped  called for each message that was dropped
    on_lost     called for each message that cannot be sent, as there is no memory or descriptor
                for it; its request must be answered with an error
    """

    def __init__(
        self,
        channel: Channel,
        name: str,
        is_wanted: Callable[[SentT], bool],
        on_dropped: Callable[[], None],
        on_lost: Callable[[SentT], None],
    ) -> None:
        self.channel = channel
        self._name = name
        self._is_wanted = is_wanted
        self._on_dropped = on_dropped
        self._on_lost = on_lost
        self._kept: deque[SentT] = deque()

    @property
    def is_empty(self) -> bool:
        return not self._kept

    def put(self, message: SentT) -> None:
        self._kept.append(message)
        self.flush()

    def flush(self) -> None:
        """Send messages while the queue has room."""
        while self._kept:
            message = self._kept[0]
            if not self._is_wanted(message):
                self._on_dropped()
            else:
                try:
                    if not self.channel.try_send(message, message.uid):
                        return
                except (OSError, MemoryError) as error:
                    note_lost(self._name, error)
                    self._on_lost(message)
            self._kept.popleft()


def note_lost(queue: str, error: BaseException) -> None:
    """Count and log a message that could not be sent or received."""
    metrics.LOST.inc()
    logger.error("a message of the queue %s is lost: %s", queue, error)
