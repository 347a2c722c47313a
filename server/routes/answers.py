"""The HTTP answer of a request, put together from the results of its recordings."""

from __future__ import annotations

from typing import Final

import orjson
from starlette.responses import Response

from errors import DeadlineExceeded, EcgError, WorkerRestarting
from server.http.answers import LargeResponse
from server.ipc.messages import Result, WireFormat
from server.routes.accept import AnswerFormat
from server.stages.encoding import (
    ANSWER_TYPES,
    encode,
    join_results,
    npy_bytes,
    npy_of,
    npy_of_many,
)
from server.stages.fhir import operation_outcome
from server.workers.in_flight import PendingRequest
from server.workers.service import Service

RETRY_RESTARTING_S: Final = 5
TIMED_STAGES: Final = ("parse", "queue", "measure", "segment", "encode", "assemble")


def answer(pending: PendingRequest, answer_format: AnswerFormat, service: Service) -> Response:
    """Return the answer of a request that is finished, or whose deadline has passed.

    Raises the error of the whole request, or of its only recording.
    """
    if pending.failure is not None:
        raise pending.failure
    # Without any result one error says more than a list of them. An empty list of records is
    # answered with an empty list of results.
    if not pending.results and pending.count != 0:
        raise _unfinished_error(pending, 0, service)
    results = [
        pending.results.get(index) or unfinished_result(pending, index, service)
        for index in range(pending.count or 0)
    ]
    headers = {"Server-Timing": _server_timing(results)}
    wire = answer_format.wire
    if not pending.many:
        return LargeResponse(_single_body(results[0], wire), 200, headers, ANSWER_TYPES[wire])
    # Bare values have no place for errors, so they are in a header.
    if wire == "npy":
        errors = [f"{result.index}:{result.error.code}" for result in results if result.error]
        if errors:
            headers["X-ECG-Errors"] = ",".join(errors)
        body = npy_bytes(npy_of_many(results, _embedding_width(service)))
    else:
        body = join_results([result_bytes(result, pending) for result in results], wire)
    return LargeResponse(body, 200, headers, ANSWER_TYPES[wire])


def _single_body(result: Result, wire: WireFormat) -> bytes:
    if result.error is not None:
        raise result.error
    return npy_bytes(npy_of(result)) if wire == "npy" else result.payload


def _embedding_width(service: Service) -> int:
    role = service.deployment.features_role()
    return service.deployment.encoders[role].width if role else 0


def result_bytes(result: Result, pending: PendingRequest) -> bytes:
    """Return one recording's result among many: its answer, or its error as an object."""
    if result.error is None:
        return result.payload
    head = pending.task.head
    problem = result.error.problem(head.request_id)
    if head.wire == "fhir":
        return orjson.dumps(operation_outcome(problem))
    if head.wire == "msgpack":
        return encode({"error": problem}, "msgpack")
    return orjson.dumps({"error": problem})


def unfinished_result(pending: PendingRequest, index: int, service: Service) -> Result:
    return Result(pending.uid, index, error=_unfinished_error(pending, index, service))


def _unfinished_error(pending: PendingRequest, index: int, service: Service) -> EcgError:
    """Return why a recording is not finished at the deadline."""
    if pending.failure is not None:
        return pending.failure
    stage = pending.recordings[index].stage if index in pending.recordings else "signal"
    if service.state.rows[stage] and not service.state.live_rows(stage):
        return WorkerRestarting(
            "the worker process for this step is being replaced", retry_after_s=RETRY_RESTARTING_S
        )
    return DeadlineExceeded(
        "the answer was not ready before the deadline "
        "(ECG_REQUEST_TIMEOUT or X-Request-Deadline-Ms)"
    )


def _server_timing(results: list[Result]) -> str:
    """Return the milliseconds of each stage; over many recordings the longest of each."""
    entries = []
    for stage in TIMED_STAGES:
        longest_ms = max((result.timings_ms.get(stage, 0.0) for result in results), default=0.0)
        entries.append(f"{stage};dur={longest_ms:.2f}")
    return ", ".join(entries)
