"""Answers as bytes: JSON, msgpack, npy and FHIR, for one recording and joined for many."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import msgpack
import numpy as np
import orjson
from numpy.typing import NDArray

from server.ipc.messages import Result, WireFormat
from server.media_types import DICOM, FHIR_JSON, JSON, MSGPACK, NPY, PDF, PNG
from server.stages.fhir import collection

ANSWER_TYPES: Final[dict[WireFormat, str]] = {
    "json": JSON,
    "msgpack": MSGPACK,
    "npy": NPY,
    "fhir": FHIR_JSON,
    "pdf": PDF,
    "png": PNG,
    "dicom": DICOM,
}
_JSON_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def encode(value: object, wire: WireFormat) -> bytes:
    """Encode one object as msgpack, or as JSON for every other wire format.

    Arrays are {"dtype", "shape", "data"} in msgpack, and nested lists in JSON, with null for NaN.
    """
    if wire == "msgpack":
        packed = msgpack.packb(value, default=_packable, use_bin_type=True)
        assert isinstance(packed, bytes)
        return packed
    return orjson.dumps(value, option=_JSON_OPTIONS, default=_builtin)


def _packable(value: object) -> object:
    if isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        return {"dtype": little.dtype.str, "shape": list(little.shape), "data": little.tobytes()}
    return _builtin(value)


def _builtin(value: object) -> object:
    """Return numpy values as Python's own types."""
    # orjson itself writes C-contiguous arrays of native types other than float16.
    if isinstance(value, np.ndarray):
        return value.astype(np.float32).tolist() if value.dtype == np.float16 else value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"an answer contains a {type(value).__name__}. This is a bug.")


def join_results(results: Sequence[bytes], wire: WireFormat) -> bytes:
    """Join results that are encoded already: {"results": [...]}, or one Bundle for FHIR."""
    # As bytes, so that no result is encoded twice.
    if wire == "fhir":
        return collection(results)
    if wire == "msgpack":
        packer = msgpack.Packer()
        head: bytes = packer.pack_map_header(1) + packer.pack("results")
        head += packer.pack_array_header(len(results))
        return head + b"".join(results)
    return b'{"results":[' + b",".join(results) + b"]}"


def with_index(result: bytes, index: int) -> bytes:
    """Return a line of NDJSON: an encoded JSON object with its index as first member."""
    head = b'{"index":%d' % index
    separator = b"," if result != b"{}" else b""
    return head + separator + result[1:] + b"\n"


def npy_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npy_of(result: Result) -> NDArray[Any]:
    return np.frombuffer(result.payload, dtype=result.dtype).reshape(result.shape)


def npy_of_many(results: Sequence[Result], width: int) -> NDArray[Any]:
    """Return the embeddings of all recordings in order, (records, ...).

    Failed recordings are NaN. Where the numbers of segments differ, the shorter ones are padded
    with NaN.

    width  values of an embedding, for the case that all recordings failed
    """
    arrays = [None if result.error else npy_of(result) for result in results]
    successful = [array for array in arrays if array is not None]
    # Errors have neither a shape nor a type, so each is a row of the default type.
    if not successful:
        return np.full((len(results), width), np.nan, np.float32)
    largest = np.max([array.shape for array in successful], axis=0)
    shape = (len(results), *(int(size) for size in largest))
    joined = np.full(shape, np.nan, successful[0].dtype)
    for row, array in zip(joined, arrays, strict=True):
        if array is not None:
            row[tuple(slice(size) for size in array.shape)] = array
    return joined
