""".npy bodies: each layout, order and type that docs/api.md allows; hostile headers are refused."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import numpy as np
import pytest

from errors import (
    BadOption,
    BadShape,
    BadType,
    CorruptFile,
    DurationMismatch,
    EcgError,
    MissingField,
    SeveralRecordings,
    TooManyRecords,
    UnsafeFile,
)
from formats.arrays.npy import parse_array, records_from_npy
from formats.hints import Hints
from formats.lead_names import LeadNames
from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS
from tests.data import SHARED, requires_shared

TWELVE = np.arange(12 * 20, dtype=np.float32).reshape(12, 20) / 8
RATE = Hints(fs=500.0)


def npy(array: Any, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version=version)
    return file.getvalue()


def with_header(text: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("turned", [False, True])
def test_every_type_order_and_layout_gives_leads_x_samples(
    dtype: str, order: Any, turned: bool
) -> None:
    array = np.asarray(TWELVE.T if turned else TWELVE, dtype=dtype, order=order)
    (record,), many = records_from_npy(npy(array), RATE)
    assert not many
    assert record.signal.dtype == np.float32
    assert record.signal.flags.c_contiguous
    assert record.lead_names == LEADS
    np.testing.assert_array_equal(record.signal, TWELVE)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_three_header_versions_are_read(version: tuple[int, int]) -> None:
    assert records_from_npy(npy(TWELVE, version), RATE)[0][0].samples == 20


def test_float32_in_its_place_is_not_copied() -> None:
    (record,), _ = records_from_npy(npy(TWELVE), RATE)
    assert not record.signal.flags.owndata


def test_whole_numbers_need_units_or_gain() -> None:
    counts = (TWELVE * 8).astype(">i2")
    with pytest.raises(MissingField, match="units"):
        records_from_npy(npy(counts), RATE)
    np.testing.assert_array_equal(
        records_from_npy(npy(counts), Hints(fs=500.0, gain=8.0))[0][0].signal, TWELVE
    )
    np.testing.assert_allclose(
        records_from_npy(npy(counts), Hints(fs=500.0, units="uV"))[0][0].signal,
        TWELVE / 125,
        rtol=1e-6,
    )


def test_a_leading_axis_is_many_records_even_of_one() -> None:
    records, many = records_from_npy(
        npy(np.stack([TWELVE, -TWELVE])), Hints(fs=500.0, id=("a", "b"))
    )
    assert many
    assert [record.id for record in records] == ["a", "b"]
    np.testing.assert_array_equal(records[1].signal, -TWELVE)
    turned, _ = records_from_npy(npy(np.stack([TWELVE.T, -TWELVE.T])), RATE)
    np.testing.assert_array_equal(turned[1].signal, -TWELVE)
    one, many = records_from_npy(npy(TWELVE[np.newaxis]), RATE)
    assert (len(one), many) == (1, True)
    assert records_from_npy(npy(np.zeros((0, 12, 20), np.float32)), RATE) == ([], True)
    three = npy(np.zeros((3, 12, 2), np.float32))
    assert len(records_from_npy(three, RATE, max_records=3)[0]) == 3
    with pytest.raises(TooManyRecords) as too_many:
        records_from_npy(three, RATE, max_records=2)
    assert too_many.value.detail == "3 records; at most 2 are allowed"
    with pytest.raises(BadOption) as caught:
        records_from_npy(npy(TWELVE), Hints(fs=500.0, id=("a", "b")))
    assert caught.value.detail == "id: 2 given for 1 records"


def test_one_axis_is_one_named_lead() -> None:
    (record,), many = records_from_npy(
        npy(TWELVE[0]), Hints(fs=500.0, lead_names=LeadNames(("V2",)))
    )
    assert (record.lead_names, many) == (("V2",), False)
    with pytest.raises(MissingField, match="lead_names"):
        records_from_npy(npy(TWELVE[0]), RATE)


def test_everything_else_comes_from_the_request() -> None:
    hints = Hints(
        fs=500.0, age=63.0, sex="female", recording_date="today", recording_duration=0.04, id=("x",)
    )
    (record,), _ = records_from_npy(npy(TWELVE), hints)
    assert (record.patient.age_years, record.patient.sex, record.recording_date, record.id) == (
        63.0,
        "female",
        "today",
        "x",
    )
    with pytest.raises(MissingField, match="fs"):
        records_from_npy(npy(TWELVE), Hints())
    with pytest.raises(DurationMismatch):
        records_from_npy(npy(TWELVE), Hints(fs=500.0, recording_duration=10.0))


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array([[None, 1]], dtype=object), UnsafeFile),
        (TWELVE.astype("c8"), BadType),
        (TWELVE.astype("U8"), BadType),
        (TWELVE.astype("i4"), BadType),
        (TWELVE.astype("?"), BadType),
        (TWELVE.astype("M8[s]"), BadType),
        (np.zeros(12, dtype=[("a", "f4")]), BadType),
        (np.zeros((2, 2, 12, 20), np.float32), BadShape),
        (np.float32(1), BadShape),
        (np.zeros((12, 12), np.float32), BadShape),
        (np.zeros((3, 20), np.float32), BadShape),
    ],
)
def test_other_types_and_shapes_are_refused(array: Any, kind: type[EcgError]) -> None:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    with pytest.raises(kind):
        records_from_npy(file.getvalue(), RATE)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-1],
        lambda body: body + b"\0",
        lambda body: body[:100],
        lambda body: body[:9],
    ],
)
def test_a_file_that_is_cut_or_too_long_is_damaged(change: Any) -> None:
    with pytest.raises(CorruptFile):
        records_from_npy(change(npy(TWELVE)), RATE)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-12, 20), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 1000000000000), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1000000000000), }",
        "{'descr': '<f4', 'fortran_order': 1, 'shape': (12, 20), }",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': (12, 20), }",
        "(" * 9000,
    ],
)
def test_lying_and_hostile_headers_are_refused_before_anything_is_allocated(header: str) -> None:
    with pytest.raises(EcgError) as caught:
        records_from_npy(with_header(header), RATE)
    assert caught.value.code in ("corrupt_file", "bad_shape")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (npy(TWELVE)[:9], "the .npy file is truncated in its header"),
        (b"\x93NUMPY\x01\x00\x00\x00", "the .npy header does not state a type"),
        (b"\x93NUMPZ" + npy(TWELVE)[6:], r"the body is no .npy file: it does not start with"),
        (b"", r"the body is no .npy file: it does not start with"),
        (npy(TWELVE)[:40], "the .npy file is truncated in its header"),
        (with_header(" " * 10_001), "the .npy header states 10001 bytes; at most 10000 are"),
    ],
)
def test_a_damaged_head_is_named(body: bytes, detail: str) -> None:
    with pytest.raises(CorruptFile) as caught:
        records_from_npy(body, RATE)
    assert caught.value.detail.startswith(detail)


def test_a_header_of_10000_bytes_is_read() -> None:
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 20), }".ljust(10_000)
    records, _ = records_from_npy(with_header(text, TWELVE.tobytes()), RATE)
    np.testing.assert_array_equal(records[0].signal, TWELVE)


def test_an_array_next_to_the_signal_has_the_size_of_its_header() -> None:
    np.testing.assert_array_equal(parse_array(npy(TWELVE)), TWELVE)
    four_axes = np.zeros((1, 1, 2, 2), np.float32)
    for body in (npy(TWELVE) + b"\0", npy(TWELVE)[:-4], npy(four_axes)):
        with pytest.raises(CorruptFile):
            parse_array(body)


@requires_shared
@pytest.mark.parametrize(
    "name",
    [
        "12x1000_float32_mV.npy",
        "1000x12_float64_mV_fortran.npy",
        "12x1000_int16_uV.npy",
        "12x1000_bigendian_f4_mV.npy",
    ],
)
def test_the_same_recording_is_read_from_every_npy(name: str) -> None:
    truth = json.loads((SHARED / "formats" / "expected.json").read_text())[f"npy/{name}"]
    body = (SHARED / "formats" / "npy" / name).read_bytes()
    record = read([Part(name, body)], Hints(fs=100.0, units=truth.get("unit")))
    assert (list(record.lead_names), record.samples) == (truth["leads"], truth["samples"])
    np.testing.assert_allclose(record.signal[0, :5], truth["first5_mV"]["I"], atol=1e-6)
    for row, (low, high) in zip(record.signal, truth["min_max_mV"].values(), strict=True):
        np.testing.assert_allclose([row.min(), row.max()], [low, high], atol=1e-6)


def test_an_uploaded_npy_is_one_recording() -> None:
    assert read([Part("a", npy(TWELVE[np.newaxis]))], RATE).samples == 20
    with pytest.raises(SeveralRecordings):
        read([Part("a", npy(np.stack([TWELVE, TWELVE])))], RATE)


@pytest.mark.parametrize("shape", ["1" * 1000, "1 " * 400, "1L" * 400, "1," * 33, "1,,1", ",", "x"])
def test_a_shape_that_is_none_costs_no_time(shape: str) -> None:
    """A pattern of repeated numbers tried every way to divide 28 digits: 20 s and no end."""
    start = time.process_time()
    for end in (")", "x)", "", " "):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}{end}, }}"
        with pytest.raises(CorruptFile):
            records_from_npy(with_header(header), RATE)
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("shape", ["(12, 2)", "(12,2,)", "( 12L , 2L )", "(\t12,\n2)"])
def test_a_shape_may_be_spelled_freely(shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    (record,), _ = records_from_npy(with_header(header, bytes(96)), RATE)
    assert record.samples == 2


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f4"])
@pytest.mark.parametrize("level", [-32768, 32767])
def test_samples_at_a_limit_of_16_bits_in_all_leads_are_gaps(dtype: str, level: int) -> None:
    samples = np.arange(12 * 400).reshape(12, 400) % 97
    samples[:, 100:110] = level
    file = io.BytesIO()
    np.save(file, samples.astype(dtype))
    (record,), _ = records_from_npy(file.getvalue(), Hints(fs=100.0, units="uV"))
    assert np.flatnonzero(np.isnan(record.signal).all(axis=0)).tolist() == list(range(100, 110))
    (warning,) = record.warnings
    assert "from 1.00 to 1.10 s" in warning
