"""Answers as bytes, read back with libraries or by hand."""

from __future__ import annotations

import io
import json

import msgpack
import numpy as np
import pytest

from errors import BadShape
from server.ipc.messages import Result, WireFormat
from server.stages.encoding import (
    ANSWER_TYPES,
    encode,
    join_results,
    npy_bytes,
    npy_of_many,
    with_index,
)

VALUE = {
    "text": "µV",
    "none": None,
    "array": np.array([[1.5, np.nan], [3.0, -4.25], [0.0, 7.0]], np.float32),
    "transposed": np.arange(6, dtype=np.int16).reshape(2, 3).T,
    "half": np.array([0.5, 2.0], np.float16),
    "scalar": np.float32(0.5),
    "flag": np.bool_(True),
    7: "a number as a name",
}


def test_json_has_nested_lists_and_null_for_nan() -> None:
    assert json.loads(encode(VALUE, "json")) == {
        "text": "µV",
        "none": None,
        "array": [[1.5, None], [3.0, -4.25], [0.0, 7.0]],
        "transposed": [[0, 3], [1, 4], [2, 5]],
        "half": [0.5, 2.0],
        "scalar": 0.5,
        "flag": True,
        "7": "a number as a name",
    }


@pytest.mark.parametrize(
    "value",
    [VALUE["array"], VALUE["transposed"], VALUE["half"], np.array([1.0, 2.0], ">f8")],
    ids=["array", "transposed", "half", "big-endian"],
)
def test_msgpack_has_little_endian_bytes(value: np.ndarray) -> None:
    packed = msgpack.unpackb(encode({"x": value}, "msgpack"))["x"]
    assert set(packed) == {"dtype", "shape", "data"}
    assert packed["dtype"][0] == "<"
    assert packed["shape"] == list(value.shape)
    restored = np.frombuffer(packed["data"], packed["dtype"]).reshape(packed["shape"])
    np.testing.assert_array_equal(restored, value)


def test_msgpack_has_scalars_as_numbers() -> None:
    packed = msgpack.unpackb(encode({"a": np.float32(0.5), "b": np.int64(-3)}, "msgpack"))
    assert packed == {"a": 0.5, "b": -3}


@pytest.mark.parametrize("wire", ["json", "msgpack"])
def test_another_type_is_a_bug(wire: WireFormat) -> None:
    with pytest.raises(TypeError, match=r"contains a set|not JSON serializable"):
        encode({"a": {1, 2}}, wire)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_results_are_joined_as_encoded(count: int) -> None:
    values = [{"id": number, "x": [number] * 20} for number in range(count)]
    as_json = [encode(value, "json") for value in values]
    assert json.loads(join_results(as_json, "json")) == {"results": values}
    as_msgpack = [encode(value, "msgpack") for value in values]
    assert msgpack.unpackb(join_results(as_msgpack, "msgpack")) == {"results": values}
    bundle = json.loads(join_results(as_json, "fhir"))
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    assert bundle["entry"] == [{"resource": value} for value in values]


def test_many_results_in_msgpack() -> None:
    """More than 15 entries have another header in msgpack."""
    values = [{"id": number} for number in range(70)]
    joined = join_results([encode(value, "msgpack") for value in values], "msgpack")
    assert msgpack.unpackb(joined) == {"results": values}


def test_a_line_begins_with_its_index() -> None:
    assert with_index(b'{"a":1}', 12) == b'{"index":12,"a":1}\n'
    assert with_index(b"{}", 0) == b'{"index":0}\n'


def embedding(index: int, array: np.ndarray) -> Result:
    return Result(index, index, array.tobytes(), shape=array.shape, dtype=array.dtype.str)


def failed(index: int) -> Result:
    return Result(index, index, error=BadShape("no shape"))


def test_embeddings_of_many_are_padded_with_nan() -> None:
    first = np.arange(6, dtype=np.float16).reshape(2, 3)
    second = np.arange(12, dtype=np.float16).reshape(4, 3) + 100
    joined = npy_of_many([embedding(0, first), failed(1), embedding(2, second)], width=3)
    assert (joined.shape, joined.dtype) == ((3, 4, 3), np.float16)
    np.testing.assert_array_equal(joined[0, :2], first)
    assert np.isnan(joined[0, 2:]).all()
    assert np.isnan(joined[1]).all()
    np.testing.assert_array_equal(joined[2], second)


def test_where_all_failed_the_rows_have_the_encoders_width() -> None:
    joined = npy_of_many([failed(0), failed(1)], width=5)
    assert (joined.shape, joined.dtype) == ((2, 5), np.float32)
    assert np.isnan(joined).all()


def test_npy_bytes_are_a_npy_file() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(np.load(io.BytesIO(npy_bytes(array)), allow_pickle=False), array)


def test_every_wire_format_has_its_media_type() -> None:
    assert ANSWER_TYPES == {
        "json": "application/json",
        "msgpack": "application/msgpack",
        "npy": "application/x-npy",
        "fhir": "application/fhir+json",
        "pdf": "application/pdf",
        "png": "image/png",
        "dicom": "application/dicom",
    }
