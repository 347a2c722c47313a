"""Answers as bytes: JSON, msgpack or npy, for one recording and joined for many."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import msgpack
import numpy as np
import orjson
from numpy.typing import NDArray

from server.ipc.messages import Done, WireFormat
from server.media_types import FHIR_JSON, JSON, MSGPACK, NPY
from server.stages.fhir import collection

ANSWER_TYPES: Final[dict[WireFormat, str]] = {
    "json": JSON,
    "msgpack": MSGPACK,
    "npy": NPY,
    "fhir": FHIR_JSON,
}


def encode(value: object, wire: WireFormat) -> bytes:
    """One object as bytes; arrays are nested lists in JSON (NaN is null) and {"dtype", "shape", "data"} in msgpack."""
    if wire == "msgpack":
        packed = msgpack.packb(value, default=_packed_array, use_bin_type=True)
        assert isinstance(packed, bytes)
        return packed
    return orjson.dumps(
        value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS, default=_plain
    )


def _packed_array(value: object) -> object:
    if isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        return {"dtype": little.dtype.str, "shape": list(little.shape), "data": little.tobytes()}
    return _plain(value)


def _plain(value: object) -> object:
    # orjson writes C-contiguous arrays of native types itself; the others come here.
    if isinstance(value, np.ndarray):
        return value.astype(np.float32).tolist() if value.dtype == np.float16 else value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"an answer holds a {type(value).__name__}. This is a bug.")


def join_results(results: Sequence[bytes], wire: WireFormat) -> bytes:
    """{"results": [...]} of results that are encoded already; of FHIR's one Bundle."""
    if wire == "fhir":
        return collection(results)
    if wire == "msgpack":
        packer = msgpack.Packer()
        head: bytes = packer.pack_map_header(1) + packer.pack("results")
        head += packer.pack_array_header(len(results))
        return head + b"".join(results)
    return b'{"results":[' + b",".join(results) + b"]}"


def with_index(result: bytes, index: int) -> bytes:
    """A JSON object with its index in front, as a line of ndjson."""
    head = b'{"index":%d' % index
    return head + (b"," if result != b"{}" else b"") + result[1:] + b"\n"


def npy_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npy_of(done: Done) -> NDArray[Any]:
    return np.frombuffer(done.payload, dtype=done.dtype).reshape(done.shape)


def npy_of_many(results: Sequence[Done], width: int) -> NDArray[Any]:
    """Rows of all recordings in order: NaN where one failed, padded with NaN rows where numbers of segments differ.

    width  of the rows where all of them failed
    """
    arrays = [None if done.error else npy_of(done) for done in results]
    there = [array for array in arrays if array is not None]
    if not there:
        return np.full((len(results), width), np.nan, np.float32)
    shape = tuple(int(size) for size in np.max([array.shape for array in there], axis=0))
    joined = np.full((len(results), *shape), np.nan, there[0].dtype)
    for row, array in zip(joined, arrays, strict=True):
        if array is not None:
            row[tuple(slice(size) for size in array.shape)] = array
    return joined
