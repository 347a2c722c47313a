"""Which queues there are, and what one process holds back for a queue that is full."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from server.ipc.channel import Channel

logger = logging.getLogger("ecg.queues")

Sent = TypeVar("Sent")


@dataclass(frozen=True)
class Queues:
    """tasks    requests for the signal workers
    items    recordings for the model workers that came alone
    many     and those that came with others in one request
    answers  what the workers have to say, one queue for each HTTP process
    """

    tasks: Channel
    items: Channel
    many: Channel
    answers: tuple[Channel, ...]

    @classmethod
    def for_http_processes(cls, count: int) -> Queues:
        return cls(Channel(), Channel(), Channel(), tuple(Channel() for _ in range(count)))


class Outbox(Generic[Sent]):
    """Sends without waiting: what the queue has no room for waits here, in order.

    `is_wanted` is asked before something is sent; `dropped` hears of each that is not.
    """

    def __init__(
        self, channel: Channel, is_wanted: Callable[[Sent], bool], dropped: Callable[[], None]
    ) -> None:
        self.channel = channel
        self._is_wanted, self._dropped = is_wanted, dropped
        self._waiting: deque[Sent] = deque()

    @property
    def empty(self) -> bool:
        return not self._waiting

    def put(self, message: Sent) -> None:
        self._waiting.append(message)
        self.flush()

    def flush(self) -> None:
        """Send what there is room for."""
        while self._waiting:
            try:
                if not self._is_wanted(self._waiting[0]):
                    self._dropped()
                elif not self.channel.try_send(self._waiting[0]):
                    return
            except OSError as error:  # no memory or descriptor for it: this one is lost, and its deadline will say so
                logger.error("a message did not reach its queue: %s", error)
                self._dropped()
            self._waiting.popleft()
