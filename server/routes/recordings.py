"""The routes that accept recordings: admission, the body, the wait for the workers, the answer.

The HTTP process does not look into a recording; the workers do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from errors import EcgError, Overloaded
from server import metrics
from server.http.protocol import BoundedHttpProtocol
from server.http.uploads import Upload
from server.ipc.messages import Slot, Task, TaskHead
from server.media_types import NDJSON
from server.recording_routes import Route
from server.routes.accept import AnswerFormat, accepted_format
from server.routes.admission import admit, client_deadline_ms, content_encoding
from server.routes.answers import answer, result_bytes, unfinished_result
from server.routes.body import read_body, wait_for_disconnect
from server.routes.middleware import CLIENT_CLOSED_REQUEST
from server.stages.encoding import with_index
from server.stages.predict_form import NO_RESULT
from server.workers.in_flight import PendingRequest
from server.workers.service import Service, service_of


def recording_handler(route: Route) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of one route."""

    async def handle(request: Request) -> Response:
        try:
            return await _handle(request, route)
        except EcgError as error:
            if route != "predict":
                raise
            raise error.with_extension(NO_RESULT) from None

    return handle


async def _handle(request: Request, route: Route) -> Response:
    service = service_of(request)
    try:
        upload = admit(request, route, service)
    except EcgError as error:
        metrics.REJECTED.labels(error.code).inc()
        raise
    # A streamed answer ends after this function.
    held = contextlib.ExitStack()
    with held:
        held.callback(service.uploads.close, upload)
        try:
            return await _answered(request, route, upload, held, service)
        except ClientDisconnect:
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        except EcgError as error:
            if isinstance(error, Overloaded):
                metrics.REJECTED.labels(error.code).inc()
            # The request refers to its error, and the frames of the traceback to the request: its
            # body would stay in memory until the garbage collector looks for cycles.
            raise error.with_traceback(None) from None


async def _answered(
    request: Request, route: Route, upload: Upload, held: contextlib.ExitStack, service: Service
) -> Response:
    """Read the body, wait for a place and for the workers. Return the answer.

    held  what the request holds; a streamed answer takes it over

    Raises ClientDisconnect, EcgError.
    """
    settings = service.settings
    body = await read_body(request, upload, settings.max_body_bytes, settings.body_timeout)
    service.uploads.received(upload)
    deadline_s = _deadline_s(request, settings.request_timeout)
    # ASGI reports that the client has left to whoever receives, so a task must.
    disconnect = asyncio.create_task(wait_for_disconnect(request))
    try:
        slot = await service.places.take(deadline_s, disconnect)
        if slot is None:
            raise ClientDisconnect
        held.callback(service.places.release, slot)
        answer_format = accepted_format(request.headers.get("accept", ""), route)
        task = _task(request, route, answer_format, slot, body, deadline_s, service)
        pending = service.in_flight.submit(task)
        state = request.scope["state"]
        if state["traceparent"]:
            # For the spans of its stages. Without a trace it would keep the body in memory while
            # the client reads the answer.
            state["pending"] = pending
        disconnect.add_done_callback(lambda _: pending.changed.set())
        if answer_format.lines and await _is_parsed(pending, disconnect):
            return _LinesResponse(pending, held.pop_all(), service)
        await _wait(pending, lambda: pending.is_finished, disconnect)
    finally:
        disconnect.cancel()
    return answer(pending, answer_format, service)


def _deadline_s(request: Request, timeout_s: float) -> float:
    """Return when the request must be answered, as monotonic time.

    The server's own time starts when the body is read, as a slow upload has a limit of its own. The
    client's starts with its request.
    """
    client_ms = client_deadline_ms(request)
    if client_ms is None:
        return time.monotonic() + timeout_s
    received_s: float = request.scope["state"]["received_s"]
    return received_s + client_ms / 1000


def _task(
    request: Request,
    route: Route,
    answer_format: AnswerFormat,
    slot: Slot,
    body: bytes | bytearray,
    deadline_s: float,
    service: Service,
) -> Task:
    """Return the task for the signal workers."""
    state = request.scope["state"]
    head = TaskHead(
        http_process=service.http_process,
        uid=slot.generation,
        slot=slot,
        route=route,
        request_id=state["request_id"],
        wire=answer_format.wire,
        received_s=state["received_s"],
        deadline_s=deadline_s,
        traceparent=state["traceparent"],
    )
    return Task(
        head,
        content_type=request.headers.get("content-type", ""),
        content_encoding=content_encoding(request),
        body=body,
        params={name: request.query_params.getlist(name) for name in request.query_params},
        fixed_deadline=client_deadline_ms(request) is not None,
    )


async def _wait(
    pending: PendingRequest, is_done: Callable[[], bool], disconnect: asyncio.Task[None] | None
) -> None:
    """Wait until `is_done`, or until the deadline.

    disconnect  ends when the client leaves, and then sets `pending.changed` too

    Raises ClientDisconnect when the client has left.
    """
    while not is_done():
        left_s = pending.deadline_s - time.monotonic()
        if left_s <= 0:
            return
        pending.changed.clear()
        # The timer sets the same event: one wait covers results, deadline and disconnect.
        timer = asyncio.get_running_loop().call_later(left_s, pending.changed.set)
        await pending.changed.wait()
        timer.cancel()
        if disconnect is not None and disconnect.done() and not is_done():
            raise ClientDisconnect


async def _is_parsed(pending: PendingRequest, disconnect: asyncio.Task[None]) -> bool:
    """Wait until the body is parsed. Return False where it failed or the deadline has passed."""
    await _wait(
        pending, lambda: pending.failure is not None or pending.count is not None, disconnect
    )
    return pending.failure is None and pending.count is not None


class _LinesResponse(StreamingResponse):
    """A line for each recording as soon as it is done.

    The place in flight is free once all results have arrived, or at the deadline, and not only when
    the client has read them. What it has not read by then counts as unread.
    """

    def __init__(
        self, pending: PendingRequest, held: contextlib.ExitStack, service: Service
    ) -> None:
        self._pending = pending
        self._held = held
        self._service = service
        self._is_finished = False
        self._sent: set[int] = set()
        self._connection: BoundedHttpProtocol | None = None
        super().__init__(self._lines(), 200, media_type=NDJSON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._connection = scope["state"].get("connection")
        results = asyncio.create_task(self._release_when_finished())
        try:
            await super().__call__(scope, receive, send)
        finally:
            results.cancel()
            self._held.close()
            if self._connection is not None:
                self._connection.hold_unread(0)

    async def _release_when_finished(self) -> None:
        await _wait(self._pending, lambda: self._pending.is_finished, None)
        self._is_finished = True
        self._held.close()
        self._count_unread()

    def _count_unread(self) -> None:
        if self._connection is not None and self._is_finished:
            results = self._pending.results
            unread = [len(result.payload) for i, result in results.items() if i not in self._sent]
            self._connection.hold_unread(sum(unread))

    async def _lines(self) -> AsyncIterator[bytes]:
        """Yield results as they arrive, then an error for each unfinished at the deadline."""
        pending = self._pending
        count = pending.count or 0
        while len(self._sent) < count:
            sent_before = len(self._sent)
            # StreamingResponse itself ends this generator when the client leaves.
            await _wait(pending, partial(_has_more_than, pending, sent_before), None)
            for index in [index for index in pending.results if index not in self._sent]:
                self._sent.add(index)
                self._count_unread()
                yield with_index(result_bytes(pending.results[index], pending), index)
            if len(self._sent) == sent_before:
                break
        for index in range(count):
            if index not in self._sent:
                result = unfinished_result(pending, index, self._service)
                yield with_index(result_bytes(result, pending), index)


def _has_more_than(pending: PendingRequest, count: int) -> bool:
    return len(pending.results) > count or pending.failure is not None
