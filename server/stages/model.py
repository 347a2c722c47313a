"""The model stage: batches of segments, of any request and any route, go through the encoders."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from analysis.answer import analysis_answer
from analysis.deployment import Deployment, Runtime
from analysis.embedding import embedding_answer
from analysis.forward import Encoded, Runner, forward, join
from analysis.options import FeatureOptions
from errors import DeadlineExceeded, EcgError
from heads.cache import HeadCache
from model_store.manifest import Role
from server import drift, metrics
from server.ipc.messages import Message, Result
from server.ipc.shared_state import SharedState
from server.log import log_bug
from server.stages.backlog import Batch, Job
from server.stages.response import encode_analysis, encode_embedding
from server.telemetry.process import spans

logger = logging.getLogger("ecg.model")


class ModelStage:
    """Runs batches.

    row     the worker's row in the shared tables
    send    sends messages to an HTTP process
    finish  runs a function in the thread that encodes answers
    finish_report  the same in the one thread that draws reports
    """

    def __init__(
        self,
        deployment: Deployment,
        head_cache: HeadCache,
        runners: Mapping[Role, Runner],
        runtime: Runtime,
        state: SharedState,
        row: int,
        send: Callable[[int, Sequence[Message]], None],
        finish: Callable[[Callable[[], None]], object],
        finish_report: Callable[[Callable[[], None]], object],
    ) -> None:
        self._deployment = deployment
        self._head_cache = head_cache
        self._runners = runners
        self._runtime = runtime
        self._state = state
        self._row = row
        self._send = send
        self._finish = finish
        self._finish_report = finish_report

    def run(self, batch: Batch) -> None:
        batch = [(job, piece) for job, piece in batch if self._is_wanted(job)]
        if not batch:
            return
        self._begin(batch)
        began_s = time.monotonic()
        self._state.busy_since_s[self._row] = began_s
        results = self._forward(batch)
        self._state.busy_since_s[self._row] = 0.0
        seconds = time.monotonic() - began_s
        routes = [job.item.head.route for job, _ in batch]
        segments = [len(piece.segments) for _, piece in batch]
        metrics.batch_ran(self._runtime.device, routes, segments, seconds)
        makes_spans = spans()
        if makes_spans is not None:
            traceparents = [job.item.head.traceparent for job, _ in batch]
            makes_spans.batch_ran(self._runtime.device, traceparents, segments, seconds)
        for (job, _), result in zip(batch, results, strict=True):
            job.encode_ms += 1000 * seconds
            self._add_result(job, result)

    def _is_wanted(self, job: Job) -> bool:
        """Drop a job that nobody awaits; refuse one whose deadline has passed."""
        head = job.item.head
        if not self._state.is_awaited(head.slot):
            metrics.ABANDONED.inc()
            job.drop()
            return False
        if time.monotonic() > head.deadline_s:
            error = DeadlineExceeded("the deadline passed before the encoder was free")
            self._reply(job, Result(head.uid, job.item.index, error=error))
            job.drop()
            return False
        return True

    def _begin(self, batch: Batch) -> None:
        # Before the work begins, which may end this process.
        keys = [(job.item.head.uid, job.item.index) for job, _ in batch]
        self._state.set_in_progress(self._row, keys)
        for job, _ in batch:
            if not job.parts:
                job.queued_ms = 1000 * (time.monotonic() - job.item.sent_s)

    def _forward(self, batch: Batch) -> Sequence[dict[Role, Encoded] | EcgError]:
        """Return the encoders' output or an error for each piece."""
        try:
            return forward([piece for _, piece in batch], self._runners)
        except Exception as error:  # noqa: BLE001 - the process's edge: one recording must not fail the others
            if len(batch) > 1:
                return [self._forward([entry])[0] for entry in batch]
            return [log_bug(logger, batch[0][0].item.head.request_id, error)]

    def _add_result(self, job: Job, result: dict[Role, Encoded] | EcgError) -> None:
        if isinstance(result, EcgError):
            job.drop()
            self._reply(job, Result(job.item.head.uid, job.item.index, error=result))
            return
        job.parts.append(result)
        if not job.left:
            is_report = job.item.prepared.record is not None
            finish = self._finish_report if is_report else self._finish
            finish(lambda: self._answer(job))

    def _answer(self, job: Job) -> None:
        head = job.item.head
        try:
            result = self._encode(job)
        except Exception as error:  # noqa: BLE001 - the process's edge, as above
            bug = log_bug(logger, head.request_id, error)
            result = Result(head.uid, job.item.index, error=bug)
        self._reply(job, result)

    def _encode(self, job: Job) -> Result:
        item = job.item
        encoded = {
            role: join([part[role] for part in job.parts if role in part])
            for role in item.prepared.needs
        }
        timings_ms = {
            **item.timings_ms,
            "queue": item.timings_ms.get("queue", 0.0) + job.queued_ms,
            "model_queue": job.queued_ms,
            "encode": job.encode_ms,
        }
        if isinstance(item.prepared.options, FeatureOptions):
            embedding = embedding_answer(item.prepared, encoded, self._deployment, self._runtime)
            return encode_embedding(embedding, item.head, item.index, timings_ms)
        analysis = analysis_answer(
            item.prepared, encoded, self._deployment, self._runtime, self._head_cache.head
        )
        drift.analysis_given(analysis)
        record = item.prepared.record
        return encode_analysis(analysis, item.head, item.index, timings_ms, record)

    def _reply(self, job: Job, result: Result) -> None:
        self._send(job.item.head.http_process, [result])
