"""The transport of a connection as the answer to a request sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class AnswerTransport:
    """Sends the head of an answer together with the beginning of its body.

    close_after_answer  what an answer's `close` does instead of closing the transport

    written_bytes counts all answers of the connection.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        close_after_answer: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._close_after_answer = close_after_answer
        self._has_begun = False
        self._head: bytes | None = None
        self.is_closing = transport.is_closing
        self.written_bytes = 0

    def begin_answer(self) -> None:
        """Take what is written next as the head of an answer."""
        self._has_begun = False

    def write(self, data: bytes) -> None:
        self.written_bytes += len(data)
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.writelines((head, data))
        elif self._has_begun:
            self._transport.write(data)
        else:
            self._has_begun = True
            self._head = data
            # A stream may have nothing to send yet.
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            if not self._transport.is_closing():
                self._transport.write(head)

    def close(self) -> None:
        self._flush()
        self._close_after_answer()
