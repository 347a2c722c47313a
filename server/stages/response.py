"""Encode one recording's answer as the message that goes back to the HTTP process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from annotated_types import Ge
from typing_extensions import TypedDict

from analysis import answer_types
from analysis.embedding import Embedding
from server.ipc.messages import Done, TaskHead
from server.stages.encoding import encode
from server.stages.fhir import bundle
from server.stages.legacy_forms import in_form

VERSION = "0.1.0"


class Envelope(TypedDict):
    """The fields that the server adds to every answer about one recording."""

    request_id: str
    processing_time: Annotated[float, Ge(0)]
    """Seconds since the request was received."""
    version: str


def encode_analysis(
    analysis: answer_types.Analysis, head: TaskHead, index: int, timings_ms: dict[str, float]
) -> Done:
    """Encode an analysis in the form that its route answers in."""
    return encode_answer(in_form(analysis, head.form), head, index, timings_ms)


def encode_answer(
    answer: Mapping[str, object], head: TaskHead, index: int, timings_ms: dict[str, float]
) -> Done:
    """Encode an answer with its envelope as JSON, msgpack or FHIR, once.

    answer  one of the TypedDicts of `analysis.answer_types`
    """
    began = time.monotonic()
    envelope: Envelope = {
        "request_id": head.request_id,
        "processing_time": began - head.received_s,
        "version": VERSION,
    }
    sent = {**answer, **envelope}
    if head.wire == "fhir":
        payload = encode(bundle(sent), "json")
    else:
        payload = encode(sent, "msgpack" if head.wire == "msgpack" else "json")
    timings_ms = {**timings_ms, "assemble": 1000 * (time.monotonic() - began)}
    return Done(head.uid, index, payload, timings_ms=timings_ms)


def encode_embedding(
    embedding: Embedding, head: TaskHead, index: int, timings_ms: dict[str, float]
) -> Done:
    """Encode an embedding: as bare values for npy, otherwise as an object."""
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
    values = np.ascontiguousarray(embedding.values, embedding.values.dtype.newbyteorder("<"))
    return Done(
        head.uid,
        index,
        values.tobytes(),
        shape=values.shape,
        dtype=values.dtype.str,
        timings_ms=timings_ms,
    )
