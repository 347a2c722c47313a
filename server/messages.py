"""What travels between the processes. Plain values: bytes, arrays, numbers; pickled by the queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from analysis.options import Route
from analysis.prepare import Prepared
from errors import EcgError

WireFormat = Literal["json", "msgpack", "npy", "fhir"]
Stage = Literal["signal", "model"]
Uid = int
WHOLE_REQUEST = -1  # as an index: the body itself, before its recordings are known


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


@dataclass(frozen=True)
class ModelItem:
    """One prepared recording on its way to a model worker."""

    head: TaskHead
    index: int
    prepared: Prepared
    alone: bool
    timings_ms: dict[str, float]
    sent_s: float


@dataclass(frozen=True)
class Opened:
    """A signal worker has read the body: so many recordings, and until then they must be done."""

    uid: Uid
    count: int
    many: bool
    deadline_s: float


@dataclass(frozen=True)
class Started:
    """Worker `pid` begins with these (uid, index); with a whole request, with those of its recordings that are in `only`.

    alone  it has nothing else in hand
    """

    stage: Stage
    pid: int
    keys: tuple[tuple[Uid, int], ...]
    only: tuple[int, ...] | None = None
    alone: bool = False


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


Message = Opened | Started | Handed | Done
