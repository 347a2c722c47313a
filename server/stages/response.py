"""One recording's answer as the message that goes back: parts, request id, version and timing, encoded once."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from analysis.answer import Embedding
from server.ipc.messages import Done, TaskHead
from server.stages.encoding import encode
from server.stages.fhir import bundle

VERSION = "0.1.0"


def encode_answer(
    answer: dict[str, Any], head: TaskHead, index: int, timings_ms: dict[str, float]
) -> Done:
    """An object answer as JSON, msgpack or FHIR."""
    began = time.monotonic()
    answer = {
        **answer,
        "request_id": head.request_id,
        "processing_time": began - head.received_s,
        "version": VERSION,
    }
    payload = (
        encode(bundle(answer), "json")
        if head.wire == "fhir"
        else encode(answer, "msgpack" if head.wire == "msgpack" else "json")
    )
    return Done(
        head.uid,
        index,
        payload,
        timings_ms={**timings_ms, "assemble": 1000 * (time.monotonic() - began)},
    )


def encode_embedding(
    embedding: Embedding, head: TaskHead, index: int, timings_ms: dict[str, float]
) -> Done:
    """An embedding as bare values for npy, else as an object."""
    if head.wire != "npy":
        answer = {
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
