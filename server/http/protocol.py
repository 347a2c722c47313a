"""HTTP/1.1 on one connection: uvicorn's protocol with bounds on what a client may cost.

uvicorn==0.54 is pinned. What is used of its HttpToolsProtocol beyond the documented interface
(tests/server/http/test_protocol.py fails when an upgrade changes one of them):

Overridden      every callback of asyncio (but eof_received) and of httptools (but on_url),
                on_response_complete, shutdown, _start_asgi_task
Attributes      parser, transport, flow, headers, url, scope, client, cycle, pipeline, server_state,
                logger, access_logger, access_log, loop, expect_100_continue
Of a request    RequestResponseCycle (cycle): scope, transport, body, more_body, message_event,
                keep_alive, response_complete, disconnected
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from errors import (
    EcgError,
    HeadTooLarge,
    HeadTooSlow,
    MalformedBody,
    MalformedRequest,
    TooManyConnections,
)
from server.http.answer_transport import AnswerTransport
from server.http.connections import Connections, Waiting
from server.http.limits import HttpLimits, client_group
from server.http.refusals import refusing_app

MAX_HEADERS: Final = 100  # the default of Apache (LimitRequestFields) and of Kestrel
MAX_PIPELINED: Final = 32  # requests that wait behind one in progress; browsers and proxies send 0
# Of an answer, in the kernel, for each connection; twice that is allocated. The kernel would let it
# grow to net.ipv4.tcp_wmem, which is 4 MiB by default, and does not count it to any process.
SEND_BUFFER_BYTES: Final = 256 * 1024
# Sizes of chunks, their extensions, and trailers: in all at most as much as the body, and this.
CHUNK_OVERHEAD_BYTES: Final = 64 * 1024
VERSIONS: Final = ("1.1", "1.0")


class _Refused(Exception):
    """Raised in a callback of the parser, so that it stops. `_fault` has the reason."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. `bounded_protocol` makes the class that has the table of connections.

    A connection is deaf once its input cannot be understood any more: what still arrives is
    discarded. It is ending once the last answer is complete, and the client may only finish what it
    was sending.
    """

    table: Connections

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.client_group = ""
        self.waiting: Waiting | None = None
        self._answers: AnswerTransport
        self._answered_s: float | None = None
        self._held_bytes = 0
        self._running: RequestResponseCycle | None = None
        self._fault: EcgError | None = None
        self._is_deaf = False
        self._is_ending = False
        self._is_lost = False
        self._discarded_bytes = 0
        self._in_head = False
        self._in_body = False
        self._chunk_bytes = 0  # of the data that is being parsed
        self._first_bytes = 0  # the same, where the data begin with a head
        self._head_bytes = 0  # at least what was received of an incomplete head
        self._host_count = 0
        self._is_chunked = False
        self._chunked_bytes = 0  # received of a chunked body, after the data with its head
        self._body_bytes = 0

    # Connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._answers = AnswerTransport(transport, self.loop, self._close_after_answer)
        super().connection_made(transport)
        self.client_group = client_group(self.client[0]) if self.client else ""
        has_room = self.table.add(self)
        # `pause_writing` is called as soon as the kernel does not take all of an answer. Not 0: TLS
        # would then be paused for ever, as its empty buffer is not below it.
        transport.set_write_buffer_limits(high=1)
        connected: socket.socket | None = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if not has_room:
            limits = self.table.limits
            self._refuse(
                TooManyConnections(
                    f"all of {limits.connections} connections (ECG_MAX_CONNECTIONS), or "
                    f"{limits.connections_per_client} of this client "
                    "(ECG_MAX_CONNECTIONS_PER_CLIENT), have a request in progress",
                    retry_after_s=1,
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._is_lost = True
        self.table.remove(self)
        # uvicorn tells only the last of several pipelined requests.
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        self.pipeline.clear()
        # These refer to each other. Without it an answer that was not read would stay in memory
        # until the garbage collector looks for cycles.
        if self.scope is not None:
            self.scope["state"].pop("connection", None)
        del self.scope, self.cycle, self._answers
        self._running = None

    def shutdown(self) -> None:
        if self._is_ending:
            self.transport.close()
        else:
            super().shutdown()

    def end(self, reason: str) -> None:
        self.logger.debug("connection ended: %s", reason)
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def head_is_late(self) -> None:
        if self._in_head:
            seconds = self.table.limits.head_timeout_s
            self._refuse(HeadTooSlow(f"head incomplete after {seconds:g} s (ECG_HEAD_TIMEOUT)"))
        else:
            self.transport.close()

    # What the client sends

    def data_received(self, data: bytes) -> None:
        size = len(data)
        if self._is_deaf:
            self._discard(size)
            return
        self._chunk_bytes = size
        self._first_bytes = 0
        if self._in_head:
            self._head_bytes += size
        elif self._in_body:
            self._chunked_bytes += size
        else:
            self._first_bytes = size
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._ignore_upgrade()
        except httptools.HttpParserError as error:
            self._parser_failed(str(error))
        else:
            if self._in_head:
                if self._head_bytes > self.table.limits.head_bytes:
                    self._refuse(self._head_too_large())
            elif self._is_chunked and self._in_body:
                self._check_chunk_overhead()
            if self._is_ending and self._in_body:
                self._discard(size)

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > self.table.limits.body_bytes:
            self.end("discarded")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["connection"] = self
        self._in_head = True
        self._head_bytes = self._first_bytes
        self._first_bytes = 0
        self._host_count = 0
        self._is_chunked = False
        if self.waiting == "idle":
            self.table.wait("head", self)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            # A trailer. It must not be merged into the headers (RFC 9110, 6.5.1).
            return
        if len(self.headers) >= MAX_HEADERS:
            self._stop(HeadTooLarge(f"the head has more than {MAX_HEADERS} fields"))
        name = name.lower()
        if name == b"host":
            self._host_count += 1
        elif name == b"transfer-encoding":
            self._is_chunked = True
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._is_ending:
            raise _Refused
        self._check_head()
        super().on_headers_complete()
        self._in_head = False
        self._in_body = True
        self._chunked_bytes = self._body_bytes = 0
        self.table.stop_waiting(self)
        if len(self.pipeline) > MAX_PIPELINED:
            self.pipeline.popleft()
            self._in_body = False
            self._stop(MalformedRequest(f"more than {MAX_PIPELINED} pipelined requests"))

    def _check_head(self) -> None:
        """Raises _Refused."""
        limit_bytes = self.table.limits.head_bytes
        if self._chunk_bytes > limit_bytes or self._head_bytes > limit_bytes:
            fields_bytes = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if len(self.url) + fields_bytes > limit_bytes:
                self._stop(self._head_too_large())
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            self._stop(MalformedRequest(f"HTTP/{version} is not supported; HTTP/1.1 is"))
        # RFC 9112, 3.2: a server must refuse these with 400.
        if self._host_count > 1 or (version == "1.1" and not self._host_count):
            self._stop(MalformedRequest(f"{self._host_count} Host fields; exactly 1 is required"))

    def _head_too_large(self) -> HeadTooLarge:
        return HeadTooLarge(
            f"the head is larger than {self.table.limits.head_bytes} bytes (ECG_MAX_HEAD_KB)"
        )

    def _stop(self, error: EcgError) -> None:
        """Make the parser stop, whose caller then answers with the error. Raises _Refused."""
        self._fault = error
        raise _Refused

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def _check_chunk_overhead(self) -> None:
        overhead_bytes = self._chunked_bytes - self._body_bytes
        if overhead_bytes > CHUNK_OVERHEAD_BYTES + self._body_bytes:
            self._break_body("chunk sizes, extensions and trailers are longer than the body")

    def on_message_complete(self) -> None:
        self._in_body = False
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        elif self._is_ending:
            self.transport.close()
        else:
            self.table.wait("idle", self)

    def _parser_failed(self, reason: str) -> None:
        if self.transport.is_closing():
            return
        if self._is_ending:
            self._is_deaf = True
        elif self._in_body:
            self._break_body(reason)
        elif self._fault is not None:
            self._refuse(self._fault)
        else:
            self._refuse(MalformedRequest(f"not an HTTP/1.1 request: {reason}"))

    def _break_body(self, reason: str) -> None:
        """End a body that cannot be understood. What reads it raises the error."""
        self._is_deaf = True
        cycle = self.cycle
        if cycle.response_complete:
            self._close_after_answer()
            return
        error = MalformedBody(f"the body's transfer coding is not valid: {reason}")
        cycle.scope["state"]["body_error"] = error
        cycle.keep_alive = False
        cycle.more_body = False
        cycle.message_event.set()

    def _ignore_upgrade(self) -> None:
        """Answer the request as any other, and close (RFC 9110, 7.8: a server may ignore it)."""
        self._is_deaf = True
        if self.cycle.response_complete:
            self._close_after_answer()
        else:
            self.cycle.keep_alive = False

    def _refuse(self, error: EcgError) -> None:
        """Answer what is no request with an error, after the requests before it, and close."""
        self._is_deaf = True
        self.table.stop_waiting(self)
        self.on_message_begin()
        self._in_head = False
        self.scope["method"] = "GET"
        self.scope["path"] = "/"
        self.scope["raw_path"] = b"/"
        self.scope["query_string"] = b""
        cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        cycle.more_body = False
        app: Any = refusing_app(error)
        self.cycle = cycle
        if self._running is None or self._running.response_complete:
            self._start_asgi_task(cycle, app)
        else:
            self.pipeline.appendleft((cycle, app))

    # Answers

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        self._answered_s = None
        self._answers.begin_answer()
        cycle.transport = self._answers  # type: ignore[assignment]
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._answered_s = time.monotonic()
        if self.transport.is_closing() or self._is_ending:
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self.table.wait(self._awaited(), self)
        if not self.pipeline:
            self.flow.resume_reading()

    def _awaited(self) -> Waiting:
        """Return what the client is to send next, after an answer."""
        if self._in_body:
            return "lingering"
        return "head" if self._in_head else "idle"

    def _close_after_answer(self) -> None:
        """Close once the client has sent the rest of a body that was answered before its end."""
        if self.transport.is_closing():
            return
        if not (self._is_deaf or self._in_body):
            self.transport.close()
            return
        self._is_ending = True
        self.flow.resume_reading()
        # The client sees the end of the answer.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.table.wait("lingering", self)

    def hold_unread(self, size: int) -> None:
        """Count `size` bytes of a finished answer that are not written yet, as unread."""
        if self._is_lost:
            return
        if size and self._answered_s is None:
            self._answered_s = time.monotonic()
        self._held_bytes = size
        if size:
            self.table.reads_slowly(self)
        elif not self.flow.write_paused:
            self.table.has_read(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.table.reads_slowly(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._held_bytes:
            self.table.has_read(self)

    def unread_bytes(self) -> int:
        return self.transport.get_write_buffer_size() + self._held_bytes

    def taken_bytes(self) -> int:
        return self._answers.written_bytes - self.transport.get_write_buffer_size()

    def answered_s(self) -> float | None:
        return self._answered_s


def bounded_protocol(limits: HttpLimits) -> type[BoundedHttpProtocol]:
    """Return the protocol for uvicorn.

    To be called before the HTTP processes are forked; each then has a table of its own.
    """

    class LimitedHttpProtocol(BoundedHttpProtocol):
        table = Connections(limits)

    return LimitedHttpProtocol
