"""One recording's answer, encoded once as the message that returns to the HTTP process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from annotated_types import Ge
from typing_extensions import TypedDict

from analysis import answer_types
from analysis.embedding import Embedding
from report.options import ReportFormat, ReportOptions
from server.ipc.messages import Result, TaskHead
from server.stages.diagnosis_form import DiagnosisForm
from server.stages.encoding import encode
from server.stages.fhir import bundle
from server.stages.legacy_forms import in_form
from server.version import VERSION
from signals.record import EcgRecord


class Envelope(TypedDict):
    """The fields that the server adds to every answer about one recording."""

    request_id: str
    processing_time: Annotated[float, Ge(0)]
    """Seconds since the request was received."""
    version: str


def encode_analysis(
    analysis: answer_types.Analysis,
    head: TaskHead,
    index: int,
    timings_ms: dict[str, float],
    record: EcgRecord | None = None,
) -> Result:
    """Encode an analysis in the form that its route answers in.

    record  kept for a report, None otherwise
    """
    if head.wire in ("pdf", "png", "dicom"):
        assert record is not None and head.report is not None, (
            "a report keeps its recording. This is a bug."
        )
        began_s = time.monotonic()
        payload = _report(record, analysis, head.report, head.wire)
        assemble_ms = 1000 * (time.monotonic() - began_s)
        return Result(head.uid, index, payload, timings_ms={**timings_ms, "assemble": assemble_ms})
    answer = in_form(analysis, head.form)
    if isinstance(head.form, DiagnosisForm):
        return _encode_resource(answer, head, index, timings_ms)
    return encode_answer(answer, head, index, timings_ms)


def _report(
    record: EcgRecord,
    analysis: answer_types.Analysis,
    options: ReportOptions,
    report_format: ReportFormat,
) -> bytes:
    # What draws a report is imported where one is asked for: other answers do not need it.
    from report.render import report_bytes

    return report_bytes(record, analysis, options, report_format, version=VERSION)


def _encode_resource(
    resource: Mapping[str, object], head: TaskHead, index: int, timings_ms: dict[str, float]
) -> Result:
    """Encode a FHIR resource, which has no place for the envelope."""
    payload = encode(resource, "msgpack" if head.wire == "msgpack" else "json")
    return Result(head.uid, index, payload, timings_ms=timings_ms)


def encode_answer(
    answer: Mapping[str, object], head: TaskHead, index: int, timings_ms: dict[str, float]
) -> Result:
    """Add the envelope; encode as JSON, msgpack or FHIR.

    answer  one of the TypedDicts of `analysis.answer_types`
    """
    began_s = time.monotonic()
    envelope: Envelope = {
        "request_id": head.request_id,
        "processing_time": began_s - head.received_s,
        "version": VERSION,
    }
    complete = {**answer, **envelope}
    if head.wire == "fhir":
        payload = encode(bundle(complete), "json")
    else:
        payload = encode(complete, "msgpack" if head.wire == "msgpack" else "json")
    assemble_ms = 1000 * (time.monotonic() - began_s)
    return Result(head.uid, index, payload, timings_ms={**timings_ms, "assemble": assemble_ms})


def encode_embedding(
    embedding: Embedding, head: TaskHead, index: int, timings_ms: dict[str, float]
) -> Result:
    """Encode an embedding: bare values for npy, an object otherwise."""
    if head.wire != "npy":
        answer: answer_types.Embedding = {
            "id": embedding.record_id,
            "features": embedding.values,
            "shape": list(embedding.values.shape),
            "segments": embedding.segments,
            "model": embedding.model,
            "warnings": list(embedding.warnings),
        }
        return encode_answer(answer, head, index, timings_ms)
    little_endian = embedding.values.dtype.newbyteorder("<")
    values = np.ascontiguousarray(embedding.values, little_endian)
    return Result(
        head.uid,
        index,
        values.tobytes(),
        shape=values.shape,
        dtype=values.dtype.str,
        timings_ms=timings_ms,
    )
