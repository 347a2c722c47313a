"""A worker's side of the queues of answers, one for each HTTP process.

A worker never waits for an HTTP process: one that is stopped, or is being replaced, must not hold
up the answers for the others. What finds its queue full is kept here, and sent by a thread.
"""

from __future__ import annotations

import select
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from errors import EcgError, NotQueued
from server import metrics
from server.ipc.channel import LostMessage
from server.ipc.messages import WHOLE_REQUEST, Message, Result
from server.ipc.queues import Queues, note_lost
from server.ipc.shared_state import SharedState

RETRY_EVERY_S: Final = 0.1
RETRY_AFTER_LOSS_S: Final = 1


def not_queued() -> EcgError:
    """Return the error of a request whose message could not be sent or received."""
    return NotQueued(
        "the server has no memory or file descriptors left to pass the request on",
        retry_after_s=RETRY_AFTER_LOSS_S,
    )


class AnswerSender:
    """Sends messages to the HTTP processes without blocking. Any thread of the worker may use it.

    A message that cannot be sent at all, for want of memory or descriptors, is replaced by an
    error, which needs neither.
    """

    def __init__(self, queues: Queues, state: SharedState) -> None:
        self._queues = queues.answers
        self._state = state
        self._kept: list[deque[Sequence[Message]]] = [deque() for _ in queues.answers]
        self._lock = threading.Lock()
        self._has_kept = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self, http_process: int, messages: Sequence[Message]) -> None:
        """Send the messages of one request to the HTTP process that it came from."""
        with self._lock:
            kept = self._kept[http_process]
            rest = messages if kept else self._try_send(http_process, messages)
            if rest is not None:
                kept.append(rest)
                self._start_thread()
                self._has_kept.set()

    def fail(self, queue: str, lost: LostMessage) -> None:
        """Answer a request whose message could not be received from that queue."""
        note_lost(queue, lost)
        error = Result(lost.uid, WHOLE_REQUEST, error=not_queued())
        self.send(self._state.http_process_of(lost.uid), [error])

    def _try_send(self, http_process: int, messages: Sequence[Message]) -> Sequence[Message] | None:
        """Send the messages now. Return None, or what is to be sent later instead."""
        queue, uid = self._queues[http_process], messages[0].uid
        try:
            return None if queue.try_send(messages, uid) else messages
        except (OSError, MemoryError) as error:
            note_lost("answers", error)
        errors = [_without_payload(message) for message in messages]
        try:
            return None if queue.try_send(errors, uid) else errors
        except (OSError, MemoryError):
            # It needs a little of the kernel's memory only, which will be free again soon.
            return errors

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_kept, daemon=True, name="answers")
            self._thread.start()

    def _send_kept(self) -> None:
        while True:
            self._has_kept.wait()
            full = [
                queue.sending_fd
                for queue, kept in zip(self._queues, self._kept, strict=True)
                if kept
            ]
            # Not for longer: the process behind a full queue may have ended.
            select.select([], full, [], RETRY_EVERY_S)
            with self._lock:
                for http_process in range(len(self._queues)):
                    self._flush(http_process)
                if not any(self._kept):
                    self._has_kept.clear()

    def _flush(self, http_process: int) -> None:
        kept = self._kept[http_process]
        while kept:
            if not self._state.is_uid_awaited(kept[0][0].uid):
                metrics.ABANDONED.inc()
                kept.popleft()
                continue
            rest = self._try_send(http_process, kept[0])
            if rest is not None:
                kept[0] = rest
                return
            kept.popleft()


def _without_payload(message: Message) -> Message:
    if isinstance(message, Result) and message.error is None:
        return Result(message.uid, message.index, error=not_queued())
    return message
