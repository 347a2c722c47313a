"""What travels between the processes. Plain values: bytes, arrays, numbers; pickled by the channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pickle import PickleBuffer
from typing import Any, Literal

from analysis.prepare import Prepared
from errors import EcgError
from server.recording_routes import Route
from server.stages.legacy_forms import LegacyForm

WireFormat = Literal["json", "msgpack", "npy", "fhir"]
Stage = Literal["signal", "model"]
Uid = int
WHOLE_REQUEST = -1  # as an index: the body itself, before its recordings are known
Key = tuple[Uid, int]  # a recording by its request and its index there


@dataclass(frozen=True)
class Slot:
    """The request's place in the shared table of those in flight; a worker sees there whether somebody still waits."""

    index: int
    generation: int


@dataclass(frozen=True)
class TaskHead:
    """What is needed to answer a request: where it came from, what was asked, until when (monotonic seconds)."""

    api_worker: int
    uid: Uid
    slot: Slot
    route: Route
    request_id: str
    wire: WireFormat
    received_s: float
    deadline_s: float
    form: LegacyForm | None = None


@dataclass(frozen=True)
class Task:
    """One request on its way to a signal worker: the body as it came.

    params          the query; each name with all its values
    fixed_deadline  the client set it, so a long recording does not extend it
    only            indices of the recordings that are still wanted, None for all (a repetition after a lost worker)
    alone           run with nothing else beside it: it may be what ended a worker
    """

    head: TaskHead
    content_type: str
    content_encoding: str
    body: bytes
    params: Mapping[str, list[str]]
    fixed_deadline: bool
    only: tuple[int, ...] | None = None
    alone: bool = False

    def __reduce__(self) -> tuple[Callable[..., Task], tuple[object, ...]]:
        """The body apart from the rest, so that it is not copied into the pickle."""
        values = tuple(getattr(self, each.name) for each in fields(self) if each.name != "body")
        return _task, (PickleBuffer(self.body), *values)


def _task(
    body: memoryview | bytes, head: TaskHead, content_type: str, content_encoding: str, *rest: Any
) -> Task:
    return Task(
        head,
        content_type,
        content_encoding,
        body if isinstance(body, bytes) else bytes(body),
        *rest,
    )


@dataclass(frozen=True)
class ModelItem:
    """One prepared recording on its way to a model worker.

    many  it is one of many in its request, and does not go before those that came alone
    """

    head: TaskHead
    index: int
    prepared: Prepared
    alone: bool
    many: bool
    timings_ms: dict[str, float]
    sent_s: float


@dataclass(frozen=True)
class Opened:
    """Signal worker `pid` has read the body: so many recordings, and until then they must be done. It goes on with those in `only`."""

    uid: Uid
    count: int
    many: bool
    deadline_s: float
    pid: int
    only: tuple[int, ...] | None


@dataclass(frozen=True)
class Handed:
    """Recording `index` is prepared and waits for a model worker."""

    uid: Uid
    index: int


@dataclass(frozen=True)
class Done:
    """One recording's answer.

    payload  the encoded result; for npy the raw little-endian values, with `shape` and `dtype`
    error    set instead of the payload; with index WHOLE_REQUEST it is the whole request's
    """

    uid: Uid
    index: int
    payload: bytes = b""
    error: EcgError | None = None
    shape: tuple[int, ...] = ()
    dtype: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)


Message = Opened | Handed | Done
