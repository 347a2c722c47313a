"""The JSON form of a post: each record is checked, and encoded as the frame that it means.

{"records": [{"source": "s", "seq": 0, "patient": "p", "time_ms": 0, "fs": 250, "leads": ["II"],
              "samples": [[0.1, null]], "kind": "stretch", "class": "", "gain": null}]}

Samples are mV, null for a gap; with a gain, integers of 16 bits. A beat's `samples` are one list of
187 numbers, its `leads` and `fs` may be left out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from errors import MalformedBody, MissingField, TooManyRecords
from station.ingest.frame import BEAT_FS_HZ, MAX_FRAME_BYTES, Record, encode
from station.ingest.outcomes import Outcome, Rejection
from station.ingest.parse import ParsedPost, parse_post, renumbered
from station.store.encoding import BEAT, INT16_GAP, STRETCH

# A list of a million wrong values has one fault to be named, not a million.
_Samples = Annotated[list[float | None], Field(fail_fast=True)]


class _JsonRecord(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    source: str
    seq: int
    patient: str
    time_ms: int
    fs: float = BEAT_FS_HZ
    leads: list[str] = Field(["ECG1"], min_length=1, fail_fast=True)
    samples: Annotated[list[_Samples], Field(fail_fast=True)] | _Samples
    gain: float | None = None
    kind: Literal["stretch", "beat"] = "stretch"
    beat_class: Literal["", "N", "S", "V", "F", "Q"] = Field("", alias="class")


def parse_json_post(body: bytes, max_frames: int) -> ParsedPost:
    """Return the records of a JSON post. Raises MalformedBody, MissingField, TooManyRecords."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"body: no JSON at line {error.lineno}, column {error.colno}") from None
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise MissingField('records: a list is required: {"records": [...]}', loc=("records",))
    if len(records) > max_frames:
        raise TooManyRecords(f"records: {len(records)}; {max_frames} allowed (STATION_MAX_RECORDS)")
    frames: list[bytes] = []
    indices: list[int] = []
    rejections: list[Rejection] = []
    for index, content in enumerate(records):
        frame = _frame(content)
        if isinstance(frame, str):
            sent = _text(content, index)
            rejections.append(Rejection(index, Outcome.INVALID, frame, frame=sent))
        else:
            frames.append(frame)
            indices.append(index)
    return renumbered(parse_post(b"".join(frames), max_frames), indices, rejections)


def _text(content: Any, index: int) -> bytes:
    """Return a record as JSON again. Raises MalformedBody for lists in lists without an end.

    They can be read to a depth of 1024, and written to one of 254.
    """
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError:
        detail = "too many lists or objects within each other"
        raise MalformedBody(f"records: {detail}", loc=("records", index)) from None


def _frame(content: Any) -> bytes | str:
    """Return the frame of a record, or what is wrong with it."""
    try:
        record = _JsonRecord.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = str(fault["loc"][0]) if fault["loc"] else "record"
        # A name that is not a field of ours is the client's text.
        return f"{field if field in _FIELDS else 'record'}: {fault['msg']}"
    try:
        samples = _samples(record)
        frame = encode(_record(record, samples))
    except KeyError:
        return "leads: an unknown name; docs/station.md lists the leads"
    except (ValueError, OverflowError, TypeError):
        return "record: samples of unequal length, or a number or name that is too large"
    if len(frame) > MAX_FRAME_BYTES:
        return f"samples: more than {MAX_FRAME_BYTES} bytes"
    return frame


def _record(record: _JsonRecord, samples: NDArray[np.int16] | NDArray[np.float32]) -> Record:
    return Record(
        source=record.source,
        seq=record.seq,
        patient=record.patient,
        device_ms=record.time_ms,
        fs_hz=record.fs,
        leads=record.leads,
        samples=samples,
        gain=1.0 if record.gain is None else record.gain,
        kind=BEAT if record.kind == "beat" else STRETCH,
        beat_class=record.beat_class,
    )


def _samples(record: _JsonRecord) -> NDArray[np.int16] | NDArray[np.float32]:
    """Return (leads, samples). Raises ValueError for lists of unequal length or wrong numbers."""
    values = np.array(record.samples, np.float64)
    if values.ndim == 1:
        values = values[np.newaxis]
    if record.gain is None:
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    integers = np.nan_to_num(values, nan=INT16_GAP, posinf=np.inf, neginf=-np.inf)
    if np.any(integers != np.rint(integers)) or np.any(np.abs(integers + 0.5) > -INT16_GAP):
        raise ValueError("with a gain, samples are integers of 16 bits")
    return integers.astype(np.int16)


_FIELDS = {field.alias or name for name, field in _JsonRecord.model_fields.items()}
