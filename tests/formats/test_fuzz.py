"""Any bytes give a valid record or an EcgError with a 4xx status, never another exception."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import msgpack
import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import EcgError
from formats import msgpack_body
from formats.arrays.npy import records_from_npy
from formats.hints import Hints, hints_from_params
from formats.json import body as json_body
from formats.mapping import record_from_mapping
from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.formats.wfdb.writer import Line, encode, header

FUZZING = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
SIGNAL = np.arange(12 * 15, dtype=np.float32).reshape(12, 15) / 16
RECORD = {
    "signal": SIGNAL.tolist(),
    "fs": 500,
    "lead_names": list(LEADS),
    "units": "mV",
    "recording_duration": 0.03,
    "patient": {"age": 63, "sex": "female"},
    "recording_date": "2024-05-01T08:27:32",
    "id": "x",
}
BINARY_RECORD = {**RECORD, "signal": {"dtype": "<f4", "shape": [12, 15], "data": SIGNAL.tobytes()}}
ADC_CODES = list(range(-20, 20))  # the samples of one lead in a WFDB file
# Bytes with a meaning in some format: numbers at the limits, JSON values, WFDB's punctuation.
TOKENS = [
    b"-1",
    b"0",
    b"9999999999",
    b"1e308",
    b"NaN",
    b"Infinity",
    b"null",
    b"{}",
    b"[]",
    b"inf",
    b"/",
    b"(",
    b")",
    b"x3",
    b":2",
    b"+24",
    b"\n",
    b"\0",
    b"\xff",
    b"'",
]


def header_bytes(storage: str) -> bytes:
    """Return a WFDB header of two leads in one file of this storage format."""
    lines = [
        Line("rec.dat", storage, "200(3)/mV", ADC_CODES, "I"),
        Line("rec.dat", storage, "200/uV", ADC_CODES, "V1"),
    ]
    return header(lines, when="8:26:04 26/10/1994", comments="# Age: 63\n# Sex: F")


def npy_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zip_bytes() -> bytes:
    """Return a ZIP archive of a WFDB record."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rec.hea", header_bytes("212"))
        archive.writestr("rec.dat", encode([value for value in ADC_CODES for _ in range(2)], 212))
    return file.getvalue()


def check_record(record: EcgRecord) -> None:
    assert record.signal.ndim == 2
    assert record.signal.dtype == np.float32
    assert record.signal.flags.c_contiguous
    assert len(record.lead_names) == len(set(record.lead_names)) == record.signal.shape[0] > 0
    assert set(record.lead_names) <= set(LEADS)
    assert np.isfinite(record.fs)
    assert record.fs > 0


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """Draw a damaged copy of a good file.

    Up to four times, a few bytes are replaced, inserted or removed. Some copies are also truncated.
    """
    body = bytearray(good)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        width = draw(st.sampled_from([0, 1, 1, 2, 8]))
        body[start : start + width] = draw(
            st.one_of(st.binary(max_size=4), st.sampled_from(TOKENS))
        )
    # The repeated length leaves most copies whole.
    end = draw(st.sampled_from([len(body), len(body), len(body), draw(st.integers(0, len(body)))]))
    return bytes(body[:end])


def assert_record_or_error(read_record: Callable[[], EcgRecord]) -> None:
    """Fail if the function returns an invalid record or raises anything but a 4xx EcgError."""
    try:
        check_record(read_record())
    except EcgError as error:
        assert 400 <= error.status < 500


@FUZZING
@given(damaged(orjson.dumps(RECORD)))
def test_json_is_a_record_or_an_error(body: bytes) -> None:
    assert_record_or_error(lambda: record_from_mapping(json_body.loads(body)))
    assert_record_or_error(lambda: read([Part("a.json", body)], Hints(fs=100.0)))


@FUZZING
@given(st.one_of(damaged(msgpack.packb(RECORD)), damaged(msgpack.packb(BINARY_RECORD))))
def test_msgpack_is_a_record_or_an_error(body: bytes) -> None:
    assert_record_or_error(lambda: record_from_mapping(msgpack_body.loads(body)))


@FUZZING
@given(
    st.sampled_from(["<f2", ">f4", "<f8", "<i2"]).flatmap(
        lambda dtype: damaged(npy_bytes(SIGNAL.astype(dtype)))
    )
)
def test_npy_is_records_or_an_error(body: bytes) -> None:
    assert_record_or_error(lambda: records_from_npy(body, Hints(fs=500.0, units="uV"))[0][0])


@pytest.mark.parametrize("storage", [8, 16, 24, 32, 61, 80, 160, 212, 310, 311])
@settings(FUZZING, max_examples=60)
@given(drawn=st.data())
def test_wfdb_is_a_record_or_an_error(storage: int, drawn: st.DataObject) -> None:
    head = drawn.draw(damaged(header_bytes(str(storage))))
    # `encode` has no format 8. Like format 80, it stores each sample in one byte.
    data = encode([value for value in ADC_CODES for _ in range(2)], storage if storage != 8 else 80)
    assert_record_or_error(
        lambda: read([Part("rec.hea", head), Part("rec.dat", drawn.draw(damaged(data)))])
    )


@FUZZING
@given(damaged(zip_bytes()))
def test_a_zip_is_a_record_or_an_error(body: bytes) -> None:
    assert_record_or_error(lambda: read([Part("a.zip", body)]))


@FUZZING
@given(st.lists(st.binary(max_size=60), max_size=3))
def test_any_bytes_are_a_record_or_an_error(bodies: list[bytes]) -> None:
    assert_record_or_error(lambda: read([Part("a", body) for body in bodies], Hints(fs=500.0)))


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*LEADS, "dtype", "shape", "data", "age", "sex"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@FUZZING
@given(st.sampled_from(sorted(RECORD)), _VALUES)
def test_any_value_in_any_field_is_a_record_or_an_error(field: str, value: object) -> None:
    assert_record_or_error(lambda: record_from_mapping({**RECORD, field: value}))


@FUZZING
@given(
    st.dictionaries(
        st.sampled_from([*Hints.__dataclass_fields__, "leads"]),
        st.lists(st.text(max_size=6), max_size=2),
    )
)
def test_any_parameters_are_hints_or_an_error(params: dict[str, list[str]]) -> None:
    try:
        hints_from_params(params)
    except EcgError as error:
        assert error.errors
