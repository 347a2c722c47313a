"""MATLAB files give the values that scipy reads, in both byte orders, compressed or not."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.io.matlab
import scipy.sparse

from errors import CorruptFile, EcgError
from formats.arrays.matlab.level4 import read_level4, starts_like_level4
from formats.arrays.matlab.level5 import read_level5
from formats.arrays.named_arrays import decode_arrays
from formats.channels import record_from_channels
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from tests.data import SHARED, requires_shared
from tests.formats.arrays.matlab import writer
from tests.formats.arrays.matlab.writer import Writer

# Files of MATLAB 4 to 7.4 on three systems that scipy's wheel carries for its own tests.
SCIPYS_FILES = sorted((Path(scipy.io.matlab.__file__).parent / "tests" / "data").glob("*.mat"))
requires_scipys_files = pytest.mark.skipif(
    not SCIPYS_FILES, reason="SCIPY'S MATLAB FILES NOT FOUND: this scipy has no tests/data"
)
# Level 4 in big-endian and HDF5 were never read. scipy refuses a name in UTF-8 in one of them.
NOT_COMPARED = ("4.2c_SOL2", "hdf5", "bad_miutf8_array_name")
ORDERS = pytest.mark.parametrize("order", ["<", ">"])
SIGNAL = np.random.default_rng(0).normal(size=(12, 40)).round(3)


def ours(data: bytes) -> dict[str, Any] | None:
    """The variables that we read, or None for a damaged file."""
    reader = read_level4 if starts_like_level4(data) else read_level5
    try:
        variables: dict[str, Any] = reader(data)
    except EcgError:
        return None
    return {name: value for name, value in variables.items() if name and name[:2] != "__"}


def scipys(data: bytes) -> dict[str, Any] | None:
    """The variables that scipy reads, or None for a damaged file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            variables = scipy.io.loadmat(io.BytesIO(data), simplify_cells=True)
        except Exception:  # noqa: BLE001 - scipy raises many kinds for a damaged file
            return None
    return {name: value for name, value in variables.items() if name[:2] != "__"}


def assert_same(value: Any, expected: Any, path: str = "") -> None:
    """Compare values; None stands for those of scipy that no recording needs."""
    if value is None:
        assert not isinstance(expected, str | float), path
        assert scipy.sparse.issparse(expected) or not is_table(expected), path
    elif isinstance(value, dict):
        assert list(value) == list(expected), path
        for name, field in value.items():
            assert_same(field, expected[name], f"{path}.{name}")
    elif isinstance(value, np.ndarray) and value.dtype == object:
        assert value.shape == np.shape(expected), path
        for cell, expected_cell in zip(value.ravel(), np.ravel(expected), strict=True):
            assert_same(cell, expected_cell, path)
    elif isinstance(value, np.ndarray) and value.size == 0:
        assert (expected.size, expected.ndim) == (0, 1), path
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "c":
            expected = expected.astype(np.complex64)
        assert (value.dtype, value.shape) == (expected.dtype, expected.shape), path
        np.testing.assert_array_equal(value, expected, path)
    elif isinstance(value, complex):
        assert value == pytest.approx(expected), path
    else:
        assert type(value) is type(expected), path
        np.testing.assert_equal(value, expected, path)


def is_table(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "iufc"


def saved(values: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, values, **options)
    return file.getvalue()


def cells(*values: Any) -> np.ndarray:
    array = np.empty(len(values), object)
    for index, value in enumerate(values):
        array[index] = value
    return array


SAVED: dict[str, Any] = {
    **{dtype: (SIGNAL * 100).astype(dtype) for dtype in writer.STORED},
    "bool": SIGNAL > 0,
    "complex": SIGNAL + 1j * SIGNAL[::-1],
    "complex_single": (SIGNAL + 1j * SIGNAL[::-1]).astype(np.complex64),
    "special": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
    "scalar": 500.0,
    "int_scalar": np.int16(-3),
    "one_complex": 1 + 2j,
    "row": SIGNAL[:1],
    "column": SIGNAL[:1].T,
    "three_axes": SIGNAL.reshape(3, 4, 40),
    "empty": np.zeros((0, 5)),
    "string": "mV",
    "no_string": "",
    "accents": "Größe in µV, 心",
    "rows_of_text": np.array(["I", "aVR", "V1  "]),
    "cells": cells("I", "II", 3.5, SIGNAL, cells("a", "b")),
    "one_cell": cells(SIGNAL),
    "cell_of_cell_of_text": cells(cells("mV")),
    "table_of_cells": cells("a", "b", "c", "d").reshape(2, 2),
    "no_cells": np.empty((0, 0), object),
    "structure": {"data": SIGNAL, "info": {"fs": 500.0, "names": cells("I", "II")}, "no": ""},
    "structures": np.array([(1.0, "a"), (2.0, "b")], [("x", object), ("y", object)]),
    "sparse": scipy.sparse.csc_array(SIGNAL > 1),
}


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.parametrize("compressed", [False, True])
def test_what_scipy_writes_is_read_as_scipy_reads_it(name: str, compressed: bool) -> None:
    data = saved({name: SAVED[name], "after": 1.5}, do_compression=compressed)
    expected = scipys(data)
    variables = ours(data)
    assert expected is not None
    assert variables is not None
    assert_same(variables, expected)


def test_all_of_it_in_one_file_is_read_as_scipy_reads_it() -> None:
    data = saved(SAVED, do_compression=True, long_field_names=True)
    variables = ours(data)
    assert variables is not None
    assert len(variables) == len(SAVED)
    assert_same(variables, scipys(data))


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, value in SAVED.items()
        if np.ndim(value) <= 2
        and "cell" not in name
        and not name.startswith("structure")
        and name not in ("accents", "no_string", "sparse")
    ],
)
def test_level_4_is_read_as_scipy_reads_it(name: str) -> None:
    data = saved({"val": SIGNAL, name: SAVED[name], "after": 1.5}, format="4")
    variables = ours(data)
    assert variables is not None
    assert_same(variables, scipys(data))


@requires_scipys_files
@pytest.mark.parametrize("path", SCIPYS_FILES, ids=lambda path: path.name)
def test_files_of_matlab_itself_are_read_as_scipy_reads_them(path: Path) -> None:
    if any(part in path.name for part in NOT_COMPARED):
        pytest.skip("never read, or read more leniently")
    data = path.read_bytes()
    variables, expected = ours(data), scipys(data)
    assert (variables is None) == (expected is None)
    if variables is not None:
        assert_same(variables, expected)


@requires_shared
def test_shared_recordings_give_the_records_that_they_gave_with_scipy() -> None:
    compared = 0
    for path in sorted(SHARED.rglob("*.mat")):
        data = path.read_bytes()
        if "invalid" in path.parts:
            continue
        hints = Hints(fs=500.0, gain=1000.0)
        record = read([Part(path.name, data)], hints)
        expected = record_from_channels(decode_arrays(scipys(data) or {}, "MATLAB", hints), hints)
        np.testing.assert_array_equal(record.signal, expected.signal)
        assert (record.lead_names, record.fs) == (expected.lead_names, expected.fs)
        assert (record.patient, record.warnings) == (expected.patient, expected.warnings)
        compared += 1
    assert compared >= 12


@ORDERS
@pytest.mark.parametrize("dtype", writer.STORED)
@pytest.mark.parametrize("compressed", [False, True])
def test_doubles_stored_in_any_type_are_read_in_either_byte_order(
    order: str, dtype: str, compressed: bool
) -> None:
    write = Writer(order)
    codes = np.arange(24).reshape(4, 6)
    array = write.numbers(codes, dtype, b"val")
    data = write.file(
        write.compressed(array) if compressed else array, write.numbers(7, "f4", b"x")
    )
    variables = ours(data)
    assert variables is not None
    np.testing.assert_array_equal(variables["val"], codes)
    assert variables["val"].dtype == np.dtype(order + dtype)
    assert variables["x"] == 7.0
    assert_same(variables, scipys(data))


@ORDERS
@pytest.mark.parametrize("kind", [writer.UTF8, writer.UTF16, writer.UTF32, writer.UINT16])
def test_text_of_any_encoding_is_read_in_either_byte_order(order: str, kind: int) -> None:
    """scipy reads only the low bytes of UTF-16 units of type 4, which MATLAB itself writes."""
    write = Writer(order)
    assert ours(write.file(write.text("µV, 心", kind, b"unit"))) == {"unit": "µV, 心"}


@ORDERS
def test_text_that_is_no_text_is_replaced(order: str) -> None:
    write = Writer(order)
    for kind, data, expected in (
        (writer.UINT8, b"a\xb5", "a\ufffd"),
        (writer.UTF8, b"a\xff", "a\ufffd"),
        (writer.UTF16, write.words(0xD800D800), "\ufffd\ufffd"),
        (writer.UINT16, write.words(0xD800D800), "\ufffd\ufffd"),
        (writer.UTF32, write.words(ord("a"), 0x110000), "a\ufffd"),
    ):
        content = write.element(kind, data)
        array = write.array(writer.CHARACTERS, (1, 2), content, name=b"t")
        assert ours(write.file(array)) == {"t": expected}


@ORDERS
def test_cells_structures_and_small_elements_are_read_in_either_byte_order(order: str) -> None:
    write = Writer(order)
    names = write.array(writer.CELL, (1, 2), write.text("I"), write.text("V1", writer.UINT16))
    rate = write.array(
        writer.DOUBLES,
        (1, 1),
        write.small(writer.UINT16, np.array(500, order + "u2").tobytes()),
    )
    nested = write.structure(
        {b"fs": rate, b"leads": names, b"none": write.element(writer.MATRIX, b"")}
    )
    data = write.file(write.structure({b"data": write.numbers(SIGNAL), b"info": nested}, b"ECG"))
    variables = ours(data)
    assert variables is not None
    info = variables["ECG"]["info"]
    assert (info["fs"], list(info["leads"]), info["none"].size) == (500, ["I", "V1"], 0)
    np.testing.assert_array_equal(variables["ECG"]["data"], SIGNAL)
    assert_same(variables, scipys(data))


@ORDERS
def test_a_name_that_occurs_twice_is_read_as_scipy_reads_it(order: str) -> None:
    write = Writer(order)
    array = write.array(
        writer.STRUCTURE,
        (1, 1),
        write.names([b"a", b"a", b"b", b"a"]),
        *(write.numbers(value) for value in range(4)),
        name=b"s",
    )
    data = write.file(write.numbers(1, name=b"x"), array, write.numbers(2, name=b"x"))
    assert ours(data) == {"x": 2.0, "s": {"a": 0.0, "_1_a": 1.0, "b": 2.0, "_2_a": 3.0}}
    assert ours(data) == scipys(data)


@ORDERS
@pytest.mark.parametrize("kind", [writer.SPARSE, writer.FUNCTION, writer.OPAQUE])
def test_classes_without_a_signal_are_passed_over(order: str, kind: int) -> None:
    write = Writer(order)
    header = write.header(kind, (3, 3), b"odd")
    if kind == writer.OPAQUE:
        header = write.element(writer.UINT32, write.words(kind, 0)) + write.element(
            writer.INT8, b"odd"
        )
    odd = write.element(writer.MATRIX, header + write.element(writer.INT8, b"MCOS"))
    variables = ours(write.file(odd, write.numbers(3.0, name=b"after")))
    assert variables == {"odd": None, "after": 3.0}


def test_an_object_of_an_old_class_is_read_as_its_fields() -> None:
    write = Writer()
    fields = write.names([b"data"]) + write.numbers(SIGNAL)
    array = write.array(
        writer.OBJECT, (1, 1), write.element(writer.INT8, b"ecg"), fields, name=b"o"
    )
    variables = ours(write.file(array))
    assert variables is not None
    np.testing.assert_array_equal(variables["o"]["data"], SIGNAL)


@ORDERS
def test_missing_padding_at_the_end_of_a_file_is_no_damage(order: str) -> None:
    write = Writer(order)
    data = write.file(write.numbers([[1, 2, 3]], "u1", b"x"))
    assert ours(data[:-5]) is not None
    with pytest.raises(CorruptFile):
        read_level5(data[:-6])


def test_numbers_are_views_of_the_file() -> None:
    data = Writer().file(Writer().numbers(SIGNAL, name=b"x"))
    table = read_level5(data)["x"]
    assert isinstance(table, np.ndarray)
    assert not table.flags.writeable
