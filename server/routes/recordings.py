"""The routes that take recordings: admission, the body, the wait, the answer. What an ECG is, only the workers know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import orjson
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from errors import (
    BadOption,
    DeadlineExceeded,
    EcgError,
    NoModel,
    Overloaded,
    ShuttingDown,
    Starting,
    WorkerRestarting,
)
from server import metrics
from server.ipc.messages import Done, Slot, Task, TaskHead
from server.media_types import NDJSON
from server.recording_routes import Route
from server.routes.accept import Wanted, wanted_of
from server.routes.body import check_length, disconnected, drain, read_body
from server.stages.decompression import check_content_encoding
from server.stages.encoding import (
    ANSWER_TYPES,
    encode,
    join_results,
    npy_bytes,
    npy_of,
    npy_of_many,
    with_index,
)
from server.stages.fhir import operation_outcome
from server.stages.request_body import check_content_type
from server.workers.in_flight import Pending
from server.workers.service import Service

RETRY_OVERLOADED_S, RETRY_STARTING_S, RETRY_RESTARTING_S, RETRY_DRAINING_S = 1, 5, 5, 10
MAX_DEADLINE_MS = 3_600_000  # an hour: a client's deadline is a limit, no reservation
STAGES_SHOWN = ("parse", "queue", "measure", "segment", "encode", "assemble")


def endpoint(
    route: Route, service_of: Callable[[], Service]
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of one route. `service_of` gives this process's service."""

    async def handle(request: Request) -> Response:
        try:
            return await answer(request)
        except EcgError as error:
            # Clients of the service that /predict stands in for look for its result in errors too.
            raise error.with_extension({"result": None}) if route == "predict" else error from None

    async def answer(request: Request) -> Response:
        service = service_of()
        try:
            slot = admit(request, route, service)
        except EcgError as error:
            metrics.REJECTED.labels(error.code).inc()
            await drain(request, service.settings.max_body_bytes)
            raise
        streaming = False
        try:
            wanted = wanted_of(request.headers.get("accept", ""), route)
            pending = service.in_flight.submit(await _task(request, route, wanted, slot, service))
            gone = asyncio.create_task(disconnected(request))
            gone.add_done_callback(lambda _: pending.changed.set())
            try:
                if wanted.lines and (streaming := await _opened(pending, gone)):
                    return LinesResponse(pending, service)
                await _wait(pending, lambda: pending.finished, gone)
            finally:
                gone.cancel()
            return _answer(pending, wanted, service)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        finally:
            if not streaming:
                service.in_flight.release(slot)

    return handle


def admit(request: Request, route: Route, service: Service) -> Slot:
    """A place for the request, unless there is something to refuse before its body is read."""
    if service.draining:
        raise ShuttingDown(
            "the server is shutting down and takes in no more", retry_after_s=RETRY_DRAINING_S
        )
    if not service.state.was_ready():
        raise Starting(
            "the encoders are still being loaded; /readyz tells when they are there",
            retry_after_s=RETRY_STARTING_S,
        )
    if route == "extract_features" and not service.deployment.loaded:
        raise NoModel(service.deployment.no_model_reason())
    check_content_type(request.headers.get("content-type", ""), route)
    check_content_encoding(request.headers.get("content-encoding", "").strip().lower())
    check_length(request, service.settings.max_body_bytes)
    _client_deadline_ms(request)
    slot = service.in_flight.reserve()
    if slot is None:
        limit = service.settings.max_in_flight
        raise Overloaded(
            f"{limit} requests are in flight already (ECG_MAX_IN_FLIGHT)",
            retry_after_s=RETRY_OVERLOADED_S,
        )
    return slot


def _client_deadline_ms(request: Request) -> int | None:
    given = request.headers.get("x-request-deadline-ms")
    if given is None:
        return None
    # "²" is a digit too, and int() refuses it as it refuses thousands of digits.
    if (
        not (given.isascii() and given.isdigit() and len(given) <= 9)
        or not 1 <= int(given) <= MAX_DEADLINE_MS
    ):
        raise BadOption(
            f"X-Request-Deadline-Ms must be a whole number from 1 to {MAX_DEADLINE_MS}",
            loc=("X-Request-Deadline-Ms",),
        )
    return int(given)


async def _task(
    request: Request, route: Route, wanted: Wanted, slot: Slot, service: Service
) -> Task:
    settings = service.settings
    body = await read_body(request, settings.max_body_bytes, settings.body_timeout)
    received_s: float = request.scope["state"]["received_s"]
    client_ms = _client_deadline_ms(request)
    # The server's own time runs from when the body is there: a slow upload has its own limit. The client's runs from its request.
    deadline_s = (
        time.monotonic() + settings.request_timeout
        if client_ms is None
        else received_s + client_ms / 1000
    )
    params = {name: request.query_params.getlist(name) for name in request.query_params}
    head = TaskHead(
        service.api_worker,
        slot.generation,
        slot,
        route,
        request.scope["state"]["request_id"],
        wanted.wire,
        received_s,
        deadline_s,
    )
    headers = request.headers
    return Task(
        head,
        headers.get("content-type", ""),
        headers.get("content-encoding", "").strip().lower(),
        body,
        params,
        client_ms is not None,
    )


async def _wait(
    pending: Pending, done: Callable[[], bool], gone: asyncio.Task[None] | None
) -> None:
    """Until `done`, the deadline, or (ClientDisconnect) nobody is there any more. `gone` sets `pending.changed` too when it ends."""
    while not done():
        left_s = pending.deadline_s - time.monotonic()
        if left_s <= 0:
            return
        pending.changed.clear()
        overdue = asyncio.get_running_loop().call_later(left_s, pending.changed.set)
        await pending.changed.wait()
        overdue.cancel()
        if gone is not None and gone.done() and not done():
            raise ClientDisconnect


async def _opened(pending: Pending, gone: asyncio.Task[None]) -> bool:
    """Wait until the number of recordings is known; False where there will be no lines."""
    await _wait(pending, lambda: pending.failure is not None or pending.count is not None, gone)
    return pending.failure is None and pending.count is not None


class LinesResponse(StreamingResponse):
    """A line for each recording as soon as it is done; the place is given back however it ends."""

    def __init__(self, pending: Pending, service: Service) -> None:
        super().__init__(_lines(pending, service), 200, media_type=NDJSON)
        self._in_flight, self._slot = service.in_flight, pending.task.head.slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._in_flight.release(self._slot)


async def _lines(pending: Pending, service: Service) -> AsyncIterator[bytes]:
    """What is done as it is done, then an error for each recording that the deadline left undone."""
    sent: set[int] = set()
    while len(sent) < (pending.count or 0):
        before = len(sent)
        await _wait(pending, partial(_has_more_than, pending, before), None)
        for index in [index for index in pending.results if index not in sent]:
            sent.add(index)
            yield with_index(_result(pending.results[index], pending, service), index)
        if len(sent) == before:
            break
    for index in range(pending.count or 0):
        if index not in sent:
            yield with_index(_result(_unfinished(pending, index, service), pending, service), index)


def _has_more_than(pending: Pending, count: int) -> bool:
    return len(pending.results) > count or pending.failure is not None


def _answer(pending: Pending, wanted: Wanted, service: Service) -> Response:
    if pending.failure is not None:
        raise pending.failure
    if not pending.results and pending.count != 0:
        error = _unfinished(pending, 0, service).error
        assert error is not None
        raise error
    results = [
        pending.results.get(index) or _unfinished(pending, index, service)
        for index in range(pending.count or 0)
    ]
    headers = {"Server-Timing": _server_timing(results)}
    for done in results:
        metrics.stages_ended(done.timings_ms)
    if not pending.many:
        if results[0].error is not None:
            raise results[0].error
        payload = npy_bytes(npy_of(results[0])) if wanted.wire == "npy" else results[0].payload
        return Response(payload, 200, headers, ANSWER_TYPES[wanted.wire])
    if wanted.wire == "npy":
        errors = ",".join(f"{done.index}:{done.error.code}" for done in results if done.error)
        if errors:
            headers["X-ECG-Errors"] = errors
        role = service.deployment.features_role()
        width = service.deployment.encoders[role].width if role else 0
        return Response(npy_bytes(npy_of_many(results, width)), 200, headers, ANSWER_TYPES["npy"])
    return Response(
        join_results([_result(done, pending, service) for done in results], wanted.wire),
        200,
        headers,
        ANSWER_TYPES[wanted.wire],
    )


def _result(done: Done, pending: Pending, service: Service) -> bytes:
    """One recording's result among many: its answer, or its error as an object."""
    if done.error is None:
        return done.payload
    problem = done.error.problem(pending.task.head.request_id)
    if pending.task.head.wire == "fhir":
        return orjson.dumps(operation_outcome(problem))
    return (
        encode({"error": problem}, "msgpack")
        if pending.task.head.wire == "msgpack"
        else orjson.dumps({"error": problem})
    )


def _unfinished(pending: Pending, index: int, service: Service) -> Done:
    """What is said of a recording that the deadline left undone."""
    if pending.failure is not None:
        return Done(pending.uid, index, error=pending.failure)
    stage = pending.progress[index].stage if index in pending.progress else "signal"
    if not service.state.living(stage) and service.state.rows[stage]:
        return Done(
            pending.uid,
            index,
            error=WorkerRestarting(
                "the worker for this step is being replaced", retry_after_s=RETRY_RESTARTING_S
            ),
        )
    return Done(
        pending.uid,
        index,
        error=DeadlineExceeded(
            "the answer was not ready before the deadline (ECG_REQUEST_TIMEOUT or X-Request-Deadline-Ms)"
        ),
    )


def _server_timing(results: list[Done]) -> str:
    """Milliseconds a stage; over many recordings the longest of each."""
    longest = {
        stage: max((done.timings_ms.get(stage, 0.0) for done in results), default=0.0)
        for stage in STAGES_SHOWN
    }
    return ", ".join(f"{stage};dur={milliseconds:.2f}" for stage, milliseconds in longest.items())
