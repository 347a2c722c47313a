"""The routes that accept recordings: admission, the body, the wait for the workers, the answer.

The HTTP process does not look into a recording; the workers do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from errors import EcgError
from server import metrics
from server.ipc.messages import Slot, Task, TaskHead
from server.media_types import NDJSON
from server.recording_routes import Route
from server.routes.accept import AnswerFormat, accepted_format
from server.routes.admission import admit, client_deadline_ms, content_encoding
from server.routes.answers import answer, result_bytes, unfinished_result
from server.routes.body import drain, read_body, wait_for_disconnect
from server.routes.middleware import CLIENT_CLOSED_REQUEST
from server.stages.encoding import with_index
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
            # Clients of the service that /predict replaces look for `result` in errors too.
            raise error.with_extension({"result": None}) from None

    return handle


async def _handle(request: Request, route: Route) -> Response:
    service = service_of(request)
    try:
        slot = admit(request, route, service)
    except EcgError as error:
        metrics.REJECTED.labels(error.code).inc()
        await drain(request, service.settings.max_body_bytes)
        raise
    # A streamed answer releases the slot itself, when it ends.
    streaming = False
    try:
        answer_format = accepted_format(request.headers.get("accept", ""), route)
        task = await _task(request, route, answer_format, slot, service)
        pending = service.in_flight.submit(task)
        request.scope["state"]["pending"] = pending
        # ASGI reports that the client has left to whoever receives, so a task must.
        disconnect = asyncio.create_task(wait_for_disconnect(request))
        disconnect.add_done_callback(lambda _: pending.changed.set())
        try:
            if answer_format.lines:
                streaming = await _is_parsed(pending, disconnect)
                if streaming:
                    return _LinesResponse(pending, service)
            await _wait(pending, lambda: pending.is_finished, disconnect)
        finally:
            disconnect.cancel()
        return answer(pending, answer_format, service)
    except ClientDisconnect:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    finally:
        if not streaming:
            service.in_flight.release(slot)


async def _task(
    request: Request, route: Route, answer_format: AnswerFormat, slot: Slot, service: Service
) -> Task:
    """Read the body. Return the task for the signal workers."""
    settings = service.settings
    body = await read_body(request, settings.max_body_bytes, settings.body_timeout)
    state = request.scope["state"]
    received_s: float = state["received_s"]
    client_ms = client_deadline_ms(request)
    # The server's own time starts when the body is read, as a slow upload has a limit of its own.
    # The client's starts with its request.
    if client_ms is None:
        deadline_s = time.monotonic() + settings.request_timeout
    else:
        deadline_s = received_s + client_ms / 1000
    head = TaskHead(
        http_process=service.http_process,
        uid=slot.generation,
        slot=slot,
        route=route,
        request_id=state["request_id"],
        wire=answer_format.wire,
        received_s=received_s,
        deadline_s=deadline_s,
        traceparent=state["traceparent"],
    )
    return Task(
        head,
        content_type=request.headers.get("content-type", ""),
        content_encoding=content_encoding(request),
        body=body,
        params={name: request.query_params.getlist(name) for name in request.query_params},
        fixed_deadline=client_ms is not None,
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
    """A line for each recording as soon as it is done. Releases the slot however it ends."""

    def __init__(self, pending: PendingRequest, service: Service) -> None:
        super().__init__(_lines(pending, service), 200, media_type=NDJSON)
        self._in_flight = service.in_flight
        self._slot = pending.task.head.slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._in_flight.release(self._slot)


async def _lines(pending: PendingRequest, service: Service) -> AsyncIterator[bytes]:
    """Yield results as they arrive, then an error for each recording unfinished at the deadline."""
    count = pending.count or 0
    sent: set[int] = set()
    while len(sent) < count:
        sent_before = len(sent)
        # StreamingResponse itself ends this generator when the client leaves.
        await _wait(pending, partial(_has_more_than, pending, sent_before), None)
        for index in [index for index in pending.results if index not in sent]:
            sent.add(index)
            yield with_index(result_bytes(pending.results[index], pending), index)
        if len(sent) == sent_before:
            break
    for index in range(count):
        if index not in sent:
            result = unfinished_result(pending, index, service)
            yield with_index(result_bytes(result, pending), index)


def _has_more_than(pending: PendingRequest, count: int) -> bool:
    return len(pending.results) > count or pending.failure is not None
