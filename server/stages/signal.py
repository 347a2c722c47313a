"""The signal stage: bodies become recordings, and recordings become segments.

Everything that is wrong with a request is found in this stage, before a device works on it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from analysis.answer import analysis_answer, quality_answer
from analysis.deployment import Deployment, with_heads
from analysis.neurokit.parts import needs_neurokit
from analysis.options import AnalyzeOptions, QualityOptions
from analysis.prepare import Prepared, prepare
from errors import DeadlineExceeded, EcgError
from heads.cache import HeadCache
from server import drift
from server.ipc.messages import (
    WHOLE_REQUEST,
    BodyParsed,
    Message,
    ModelItem,
    RecordingKey,
    Result,
    SentToModel,
    Task,
    TaskHead,
    WireFormat,
)
from server.ipc.shared_state import SharedState
from server.log import log_bug
from server.stages import fhir
from server.stages.cost_limit import CostLimit
from server.stages.parsed_request import Limits, ParsedRequest, PendingRecord, UploadedFiles
from server.stages.report_options import FORMATS, check_start, for_report, without_report
from server.stages.request_body import check_not_empty, read_request
from server.stages.response import encode_analysis, encode_answer
from signals.record import EcgRecord

logger = logging.getLogger("ecg.signal")

# docs/api.md: the deadline is extended by 1 s for each 10 s of signal.
SECONDS_PER_SIGNAL_SECOND: Final = 0.1


@dataclass(frozen=True)
class FilesToRead:
    """An upload for the reader process; the outcome is sent back into the stage's generator."""

    head: TaskHead
    files: UploadedFiles


@dataclass(frozen=True)
class NeedsIsolation:
    """Beside other work there was not enough memory for this task; alone there may be."""

    task: Task


Sent = Message | ModelItem | FilesToRead | NeedsIsolation
Outcome = EcgRecord | EcgError


@dataclass(frozen=True)
class SignalStage:
    """The work of a signal worker.

    row      the worker's row in the shared tables
    load_neurokit  loads NeuroKit2 within the process's limits, if it is not loaded
    load_report    the same for what draws reports
    reading  the request whose files are being read meanwhile, if any
    """

    deployment: Deployment
    head_cache: HeadCache
    limits: Limits
    cost_limit: CostLimit
    state: SharedState
    row: int
    load_neurokit: Callable[[], object]
    load_report: Callable[[], object]
    reading: list[RecordingKey] = field(default_factory=list)

    def run(self, task: Task) -> Generator[Sent, Outcome | None]:
        """Process a task, and yield what to send, recording by recording.

        After a FilesToRead it needs its outcome.
        """
        whole = (task.head.uid, WHOLE_REQUEST)
        self._work_on(whole)
        began_s = time.monotonic()
        # One version of each head for all recordings of the request.
        deployment = with_heads(self.deployment, self.head_cache.current())
        try:
            request = self._parse(task, deployment)
            if request.files is not None:
                self.reading.append(whole)
                outcome = yield FilesToRead(task.head, request.files)
                self.reading.remove(whole)
                self._work_on(whole)
                request = request.with_record(_record_of(outcome))
        except EcgError as error:
            yield Result(task.head.uid, WHOLE_REQUEST, error=error)
            return
        except MemoryError:
            yield self._without_memory(task, WHOLE_REQUEST)
            return
        head = self._head_of_parsed(task, request)
        timings_ms = {
            "queue": 1000 * (began_s - head.received_s),
            "parse": 1000 * (time.monotonic() - began_s),
        }
        yield self._body_parsed(task, head, request)
        for index, pending in enumerate(request.records):
            if task.only_indices is not None and index not in task.only_indices:
                continue
            if not self.state.is_awaited(head.slot):
                return
            # WHOLE_REQUEST already stands for a recording that is the only one.
            if request.many:
                self._work_on((head.uid, index))
            job = _Job(head, index, pending, request, task.isolated, timings_ms)
            try:
                yield from self._process(job, deployment)
            except MemoryError:
                yield self._without_memory(replace(task, only_indices=(index,)), index)

    def _without_memory(self, task: Task, index: int) -> Result | NeedsIsolation:
        """Return what follows a lack of memory: an error only if the task had all of it."""
        if task.isolated:
            return Result(task.head.uid, index, error=self.cost_limit.memory_error())
        return NeedsIsolation(replace(task, isolated=True))

    def begin(self, head: TaskHead) -> None:
        """Enter a piece of work in the shared table, for the supervisor."""
        self.state.work.begin(self.row, head.slot, head.deadline_s)

    def end(self) -> None:
        self.state.work.end(self.row)

    def _work_on(self, key: RecordingKey) -> None:
        """Enter the present piece of work in the shared table.

        It is entered before the work begins, which may end this process.
        """
        self.state.set_in_progress(self.row, [key, *self.reading])

    def _parse(self, task: Task, deployment: Deployment) -> ParsedRequest:
        check_not_empty(task)
        try:
            request = read_request(task, deployment, self.limits)
        except (EcgError, MemoryError):
            raise
        except Exception as error:  # the process's edge: a bug must cost this request only
            raise log_bug(logger, task.head.request_id, error) from error
        return _with_parts_of_wire(request, task.head.wire)

    def _head_of_parsed(self, task: Task, request: ParsedRequest) -> TaskHead:
        """Return the task's head with the form of the answer and the extended deadline."""
        head = replace(task.head, form=request.form, report=request.report)
        if task.fixed_deadline:
            return head
        declared_s = sum(pending.seconds for pending in request.records)
        longest_s = self.limits.max_seconds * len(request.records)
        extension_s = min(declared_s, longest_s) * SECONDS_PER_SIGNAL_SECOND
        return replace(head, deadline_s=head.deadline_s + extension_s)

    def _body_parsed(self, task: Task, head: TaskHead, request: ParsedRequest) -> BodyParsed:
        count = len(request.records)
        pid = self.state.pid[self.row]
        return BodyParsed(head.uid, count, request.many, head.deadline_s, pid, task.only_indices)

    def _process(self, job: _Job, deployment: Deployment) -> Iterator[Message | ModelItem]:
        """Prepare one recording, and yield its result or what the model workers need."""
        head, index = job.head, job.index
        try:
            if time.monotonic() > head.deadline_s:
                raise DeadlineExceeded("the deadline passed before this recording was processed")
            prepared, timings_ms = self._prepare(job, deployment)
            if prepared.needs:
                many = len(job.request.records) > 1
                now_s = time.monotonic()
                yield SentToModel(head.uid, index)
                yield ModelItem(head, index, prepared, job.isolated, many, timings_ms, now_s)
            else:
                yield self._answer(job, prepared, timings_ms)
        except EcgError as error:
            yield Result(head.uid, index, error=error.under(job.pending.loc))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - the process's edge, as above
            yield Result(head.uid, index, error=log_bug(logger, head.request_id, error))

    def _prepare(self, job: _Job, deployment: Deployment) -> tuple[Prepared, dict[str, float]]:
        began_s = time.monotonic()
        record = job.pending.read()
        read_ms = 1000 * (time.monotonic() - began_s)
        timings_ms = {**job.timings_ms, "parse": job.timings_ms["parse"] + read_ms}
        max_seconds = self.limits.max_seconds
        options = job.request.options
        if isinstance(options, AnalyzeOptions) and needs_neurokit(options, record):
            self.load_neurokit()
        if job.head.wire in FORMATS and job.request.report is not None:
            check_start(record, job.request.report)
        prepared = prepare(record, options, deployment, max_seconds=max_seconds)
        drift.recording_read(record, prepared.quality)
        return prepared, timings_ms | prepared.timings_ms

    def _answer(self, job: _Job, prepared: Prepared, timings_ms: dict[str, float]) -> Result:
        """Return an answer that needs no encoder."""
        options = prepared.options
        if isinstance(options, QualityOptions):
            return encode_answer(quality_answer(prepared), job.head, job.index, timings_ms)
        assert isinstance(options, AnalyzeOptions), "embeddings need an encoder. This is a bug."
        analysis = analysis_answer(prepared, {}, self.deployment, None, self.head_cache.head)
        drift.analysis_given(analysis)
        if prepared.record is not None:
            self.load_report()
        return encode_analysis(analysis, job.head, job.index, timings_ms, prepared.record)


@dataclass(frozen=True)
class _Job:
    """One recording of a task. `timings_ms` are those of the whole request."""

    head: TaskHead
    index: int
    pending: PendingRecord
    request: ParsedRequest
    isolated: bool
    timings_ms: dict[str, float]


def _record_of(outcome: Outcome | None) -> EcgRecord:
    """Return the recording of an outcome, or raise its error."""
    if isinstance(outcome, EcgError):
        raise outcome
    assert outcome is not None, "the upload was not read. This is a bug."
    return outcome


def _with_parts_of_wire(request: ParsedRequest, wire: WireFormat) -> ParsedRequest:
    """Give a report and a FHIR answer their fixed parts, whatever `include` says.

    Raises SeveralRecordings for a report of many.
    """
    if wire in ("pdf", "png", "dicom"):
        return for_report(request, wire)
    request = without_report(request)
    if wire != "fhir" or request.form or not isinstance(request.options, AnalyzeOptions):
        return request
    return replace(request, options=replace(request.options, include=frozenset(fhir.PARTS)))
