"""The messages between the processes: plain values (bytes, arrays, numbers), pickled by channels.

HTTP process --Task--> signal worker --ModelItem--> model worker
HTTP process <--BodyParsed, SentToModel, Result-- signal worker and model worker
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pickle import PickleBuffer
from typing import Final, Literal

from analysis.prepare import Prepared
from errors import EcgError
from report.options import ReportOptions
from server.recording_routes import Route
from server.stages.legacy_forms import LegacyForm

WireFormat = Literal["json", "msgpack", "npy", "fhir", "pdf", "png", "dicom"]
Stage = Literal["signal", "model"]
Uid = int
RecordingKey = tuple[Uid, int]  # the request's uid, and the recording's index in the request
WHOLE_REQUEST: Final = -1  # as an index: the body, before its number of recordings is known


@dataclass(frozen=True)
class Slot:
    """A request's place in the shared table of requests in flight.

    Workers compare the generation with the table's: where they differ, nobody awaits the answer.
    """

    index: int
    generation: int


@dataclass(frozen=True)
class TaskHead:
    """What is needed to answer a request. Times are monotonic seconds.

    http_process  number of the HTTP process that answers the client, from 0
    form          the form of an earlier service that the answer has; known after the body is parsed
    report        what a report looks like; None without one, and before the body is parsed
    traceparent   the request's span, as in W3C Trace Context; "" without tracing
    """

    http_process: int
    uid: Uid
    slot: Slot
    route: Route
    request_id: str
    wire: WireFormat
    received_s: float
    deadline_s: float
    form: LegacyForm | None = None
    report: ReportOptions | None = None
    traceparent: str = ""


@dataclass(frozen=True)
class Task:
    """One request on its way to a signal worker, its body as received.

    params          the query's parameters, each name with all its values
    fixed_deadline  the client set the deadline, so a long recording does not extend it
    only_indices    the recordings to process, None for all; set when a task is repeated after a
                    worker was lost
    isolated        process it with nothing else in progress, as it may have ended a worker
    """

    head: TaskHead
    content_type: str
    content_encoding: str
    body: bytes | bytearray
    params: Mapping[str, list[str]]
    fixed_deadline: bool
    only_indices: tuple[int, ...] | None = None
    isolated: bool = False

    @property
    def uid(self) -> Uid:
        return self.head.uid

    def __reduce__(self) -> tuple[Callable[..., Task], tuple[object, ...]]:
        """Pickle the body out of band (PEP 574), so that it is not copied into the pickle."""
        values = tuple(getattr(self, name) for name in _FIELDS_WITHOUT_BODY)
        return _restored_task, (PickleBuffer(self.body), values)


_FIELDS_WITHOUT_BODY: Final = tuple(field.name for field in fields(Task) if field.name != "body")


def _restored_task(body: memoryview | bytes, values: tuple[object, ...]) -> Task:
    # A large body arrives as a view of a memory-mapped file; the readers need bytes.
    body = body if isinstance(body, bytes) else bytes(body)
    return Task(body=body, **dict(zip(_FIELDS_WITHOUT_BODY, values, strict=True)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class ModelItem:
    """One prepared recording on its way to a model worker.

    isolated  run it in a batch of its own, as it may have ended a worker
    many      its request has several recordings; such items leave room for single ones
    sent_s    monotonic time
    """

    head: TaskHead
    index: int
    prepared: Prepared
    isolated: bool
    many: bool
    timings_ms: dict[str, float]
    sent_s: float

    @property
    def uid(self) -> Uid:
        return self.head.uid


@dataclass(frozen=True)
class BodyParsed:
    """Signal worker `pid` has parsed the body, and continues with the recordings `only_indices`.

    count       recordings in the request
    many        the answer is a list of results
    deadline_s  the deadline, extended by the length of the recordings
    """

    uid: Uid
    count: int
    many: bool
    deadline_s: float
    pid: int
    only_indices: tuple[int, ...] | None


@dataclass(frozen=True)
class SentToModel:
    """Recording `index` is prepared and waits for a model worker."""

    uid: Uid
    index: int


@dataclass(frozen=True)
class Result:
    """One recording's answer.

    payload  the encoded answer; for npy the raw little-endian values, with `shape` and `dtype`
    error    set instead of the payload; at index WHOLE_REQUEST the error of the whole request
    """

    uid: Uid
    index: int
    payload: bytes = b""
    error: EcgError | None = None
    shape: tuple[int, ...] = ()
    dtype: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)


Message = BodyParsed | SentToModel | Result
