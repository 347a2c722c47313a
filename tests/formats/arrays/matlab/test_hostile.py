"""Hostile MATLAB files: what each did to scipy, and what it may cost now."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from errors import CorruptFile, EcgError, MissingField, UnsafeFile
from formats.arrays.matlab.elements import MAX_INFLATED_BYTES
from formats.arrays.matlab.level4 import read_level4
from formats.arrays.matlab.level5 import MAX_AXES, MAX_CELLS, MAX_DEPTH, read_level5
from formats.arrays.matlab.values import MAX_ARRAYS, MAX_TEXT_CHARS, MAX_VARIABLES
from formats.hints import Hints
from formats.limits import MAX_VALUES
from formats.parts import Part
from formats.registry import read
from tests.data import SHARED
from tests.formats.arrays.matlab import writer
from tests.formats.arrays.matlab.writer import Writer

SAMPLES = SHARED.parent / "tools" / "attacks" / "samples"
WRITE = Writer()
EMPTY = WRITE.element(writer.MATRIX, b"")
ONE = WRITE.numbers(1.0)
DAMAGED = "the MATLAB file is damaged"


def peak_bytes(act: Callable[[], Any]) -> int:
    """Return the most memory that Python and numpy allocate meanwhile."""
    tracemalloc.start()
    try:
        act()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def cpu_s(act: Callable[[], Any]) -> float:
    """Return the CPU seconds of the fastest of three runs."""
    durations = []
    for _ in range(3):
        start = time.process_time()
        act()
        durations.append(time.process_time() - start)
    return min(durations)


def refused(data: bytes, kind: type[EcgError] = CorruptFile) -> EcgError:
    with pytest.raises(kind) as caught:
        read_level5(data)
    return caught.value


@pytest.mark.parametrize("kind", [*range(40), 255, 5000, 0xFFFF])
def test_a_type_number_indexes_no_table(kind: int) -> None:
    """scipy looks a type up in 20 pointers without a check: 200 bytes end the process."""
    data = WRITE.file(
        WRITE.array(writer.DOUBLES, (1, 1), WRITE.element(kind, bytes(8)), name=b"val")
    )
    if kind in (writer.DOUBLE, writer.INT64, writer.UINT64):
        assert read_level5(data) == {"val": 0}
    else:
        assert refused(data).detail == DAMAGED
    text = WRITE.array(writer.CHARACTERS, (1, 2), WRITE.element(kind, b"abababab"), name=b"val")
    if kind in (writer.INT8, writer.UINT8, writer.UTF8):
        assert read_level5(WRITE.file(text)) == {"val": "ab"}
    elif kind not in (writer.UINT16, writer.UTF16, writer.UTF32):
        refused(WRITE.file(text))


@pytest.mark.parametrize("kind", [*range(40), 255])
def test_a_class_number_is_known_or_the_file_is_damaged(kind: int) -> None:
    """scipy fails with an error of its own (a variable without a value) for an unknown class."""
    array = WRITE.array(kind, (1, 1), name=b"val")
    if kind in (writer.SPARSE, writer.FUNCTION):
        assert read_level5(WRITE.file(array)) == {"val": None}
    else:
        refused(WRITE.file(array))


@pytest.mark.parametrize("kind", [writer.CELL, writer.STRUCTURE, writer.DOUBLES, writer.CHARACTERS])
@pytest.mark.parametrize(
    "shape", [(1, 100_000_000), (2**31 - 1, 2**31 - 1), (2**31 - 1,) * MAX_AXES]
)
@pytest.mark.parametrize("inner", [False, True])
def test_claimed_items_allocate_nothing(kind: int, shape: tuple[int, ...], inner: bool) -> None:
    """scipy allocates eight bytes for each claimed cell: 232 bytes take 4 GB."""
    field_name = WRITE.names([b"a"]) if kind == writer.STRUCTURE else b""
    array = WRITE.array(kind, shape, field_name, WRITE.element(writer.DOUBLE, bytes(8)), name=b"v")
    data = WRITE.file(WRITE.array(writer.CELL, (1, 1), array, name=b"c") if inner else array)

    def act() -> None:
        try:
            assert set(read_level5(data).values()) == {None}
        except EcgError as error:
            assert isinstance(error, CorruptFile | UnsafeFile)

    assert peak_bytes(act) < 100_000


@pytest.mark.parametrize("sizes", [(), (1,) * (MAX_AXES + 1), (-1, -1), (1, -1), (1,) * 1000])
def test_odd_shapes_are_refused(sizes: tuple[int, ...]) -> None:
    content = WRITE.element(writer.DOUBLE, bytes(8))
    refused(WRITE.file(WRITE.array(writer.DOUBLES, sizes, content, name=b"v")))
    assert read_level5(WRITE.file(WRITE.array(writer.DOUBLES, (1,) * MAX_AXES, content))) == {"": 0}


@pytest.mark.parametrize("length", [0, -1, -(2**31)])
def test_field_names_of_no_length_are_refused(length: int) -> None:
    """scipy divides by the length."""
    names = WRITE.element(writer.INT32, WRITE.words(length)) + WRITE.element(writer.INT8, b"a" * 8)
    refused(WRITE.file(WRITE.array(writer.STRUCTURE, (1, 1), names, ONE, name=b"s")))


def fields_file(count: int) -> bytes:
    """A structure of `count` distinct names of 8 bytes, each with an empty field."""
    names = WRITE.names([b"%07d" % number for number in range(count)], 8)
    return WRITE.file(WRITE.array(writer.STRUCTURE, (1, 1), names, EMPTY * count, name=b"s"))


def nameless_fields_file(count: int) -> bytes:
    """A structure of `count` fields of the same name."""
    names = WRITE.names([b""] * count, 1)
    return WRITE.file(WRITE.array(writer.STRUCTURE, (1, 1), names, EMPTY * count, name=b"s"))


def structures_file(count: int) -> bytes:
    """A structure of as many plain fields as structures, whose fields are sought by name."""
    inner = WRITE.structure({b"a": EMPTY})
    fields = {b"%07d" % number: inner if number % 2 else EMPTY for number in range(count)}
    return WRITE.file(WRITE.structure(fields, b"s"))


@pytest.mark.parametrize("file_of", [fields_file, nameless_fields_file, structures_file])
def test_names_cost_linear_time(file_of: Callable[[int], bytes]) -> None:
    """scipy compares each name with all before it, to the end of all: 60 kB take 30 s."""

    def act(data: bytes) -> None:
        with pytest.raises(MissingField):
            read([Part("a.mat", data)])

    quarter, whole = file_of(1500), file_of(6000)
    assert cpu_s(lambda: act(whole)) < 8 * cpu_s(lambda: act(quarter))


def test_more_names_than_arrays_are_refused_before_they_are_split() -> None:
    names = WRITE.names([b"a" * 10_000_000], 1)
    data = WRITE.file(WRITE.array(writer.STRUCTURE, (1, 1), names, name=b"s"))
    assert peak_bytes(lambda: refused(data, UnsafeFile)) < 100_000


def test_the_number_of_arrays_is_limited() -> None:
    assert len(read_level5(fields_file(MAX_ARRAYS - 1))["s"]) == MAX_ARRAYS - 1  # type: ignore[arg-type]
    assert refused(fields_file(MAX_ARRAYS), UnsafeFile).detail == (
        f"the MATLAB file has more than {MAX_ARRAYS} variables, cells and fields"
    )


def test_the_number_of_variables_is_limited() -> None:
    variables = [WRITE.numbers(1.0, name=b"v%d" % number) for number in range(MAX_VARIABLES)]
    assert len(read_level5(WRITE.file(*variables))) == MAX_VARIABLES
    assert refused(WRITE.file(*variables, ONE), UnsafeFile).detail == (
        f"the MATLAB file has more than {MAX_VARIABLES} variables"
    )
    one = struct.pack("<iiiii", 50, 1, 1, 0, 2) + b"v\0" + b"\x01"
    assert read_level4(one * MAX_VARIABLES) == {"v": 1}
    with pytest.raises(UnsafeFile):
        read_level4(one * (MAX_VARIABLES + 1))


def test_the_number_of_values_is_limited() -> None:
    def of(count: int) -> bytes:
        content = WRITE.element(writer.UINT8, bytes(count))
        return WRITE.file(WRITE.array(writer.DOUBLES, (1, count), content, name=b"v"))

    assert np.size(read_level5(of(MAX_VALUES))["v"]) == MAX_VALUES
    assert refused(of(MAX_VALUES + 1), UnsafeFile).detail == (
        f"the MATLAB file has more than {MAX_VALUES} values"
    )


def test_long_lists_and_texts_are_not_read() -> None:
    for count, is_read in ((MAX_CELLS, True), (MAX_CELLS + 1, False)):
        data = WRITE.file(WRITE.array(writer.CELL, (1, count), ONE * count, name=b"v"))
        assert (read_level5(data)["v"] is not None) == is_read
    for count, is_read in ((MAX_TEXT_CHARS, True), (MAX_TEXT_CHARS + 1, False)):
        data = WRITE.file(WRITE.text("a" * count, name=b"v"))
        assert read_level5(data) == {"v": "a" * count if is_read else None}


def nested(levels: int) -> bytes:
    array = ONE
    for level in range(levels):
        if level % 2:
            array = WRITE.structure({b"a": array})
        else:
            array = WRITE.array(writer.CELL, (1, 1), array)
    return WRITE.file(WRITE.array(writer.CELL, (1, 1), array, name=b"v"))


def test_the_depth_is_limited() -> None:
    assert read_level5(nested(MAX_DEPTH - 1))
    for levels in (MAX_DEPTH, 3000):
        assert refused(nested(levels), UnsafeFile).detail == (
            f"the MATLAB file nests cells and structures in more than {MAX_DEPTH} levels"
        )


def compressed_zeros(size: int) -> bytes:
    array = WRITE.array(
        writer.DOUBLES, (1, size), WRITE.element(writer.UINT8, bytes(size)), name=b"v"
    )
    return WRITE.file(WRITE.compressed(array))


def test_what_unpacks_is_limited_by_the_files_size() -> None:
    # The array's own elements take 64 bytes. Zeros shrink by a factor of about 1000.
    mebibyte = 1 << 20
    assert np.size(read_level5(compressed_zeros(mebibyte - 64))["v"]) == mebibyte - 64
    refused(compressed_zeros(mebibyte), UnsafeFile)
    many = compressed_zeros(mebibyte // 2)
    data = many + many[128:]  # each of them alone would be allowed
    assert read_level5(many)
    assert refused(data + many[128:], UnsafeFile).detail == (
        f"the MATLAB file would unpack to more than {MAX_INFLATED_BYTES} bytes, "
        "or to more than 200 times its size"
    )


def test_a_bomb_is_refused_before_it_is_inflated() -> None:
    bomb = compressed_zeros(40 << 20)
    assert peak_bytes(lambda: refused(bomb, UnsafeFile)) < 10 * len(bomb)
    start = time.process_time()
    refused(bomb, UnsafeFile)
    assert time.process_time() - start < 0.02  # inflating takes 0.1 s


@pytest.mark.parametrize("stated", [0, 8, 64, 2**20, 2**31])
def test_a_wrong_size_of_what_is_compressed_is_refused(stated: int) -> None:
    array = WRITE.words(writer.MATRIX, stated) + bytes(1 << 19)
    data = zlib.compress(array)
    file = WRITE.file(WRITE.words(writer.COMPRESSED, len(data)) + data)
    assert peak_bytes(lambda: refused(file, EcgError)) < 3 << 20


def test_every_cut_of_a_compressed_file_is_damage() -> None:
    whole = WRITE.file(WRITE.compressed(WRITE.numbers([[1.0, 2.0]], name=b"v")))
    for end in range(128 + 1, len(whole)):
        refused(whole[:end])


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_byte_of_a_file_may_be_any_extreme(order: str) -> None:
    """Each word of a small file becomes each of a few extremes; memory stays near the file's."""
    write = Writer(order)
    names = write.array(writer.CELL, (1, 2), write.text("I"), write.text("V1", writer.UINT16))
    good = write.file(
        write.structure({b"data": write.numbers([[1.0, 2.0]]), b"leads": names}, b"ECG"),
        write.array(
            writer.OBJECT, (1, 1), write.element(writer.INT8, b"c"), write.names([b"a"]), ONE
        ),
    )

    def act() -> None:
        for at in range(124, len(good) - 3, 2):
            for extreme in (0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 0x00040001):
                data = good[:at] + write.words(extreme) + good[at + 4 :]
                try:
                    read_level5(data)
                except EcgError as error:
                    assert isinstance(error, CorruptFile | UnsafeFile)

    assert peak_bytes(act) < 1_000_000


@pytest.mark.parametrize("name_length", [-1, -(2**31), 2**31 - 1])
def test_sizes_of_level_4_are_checked(name_length: int) -> None:
    good = struct.pack("<iiiii", 0, 1, 1, 0, 4) + b"val\0" + bytes(8)
    assert read_level4(good) == {"val": 0.0}
    for at, value in (
        (4, 2**31 - 1),
        (4, -1),
        (8, -1),
        (12, 2),
        (16, name_length),
        (0, 60),
        (0, 3),
    ):
        bad = bytearray(good * 2)
        struct.pack_into("<i", bad, len(good) + at, value)
        with pytest.raises(CorruptFile):
            read_level4(bytes(bad))


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"SAMPLES OF ATTACKS NOT FOUND: {SAMPLES} is not a folder"
)
def test_files_that_ended_a_worker_or_gave_a_500_are_refused() -> None:
    paths = [path for path in SAMPLES.iterdir() if "mat" in path.name and path.suffix != ".json"]
    assert len(paths) >= 4
    for path in paths:
        for hints in (Hints(gain=1000.0), Hints(fs=500.0)):
            try:
                read([Part("a.mat", path.read_bytes())], hints)
            except EcgError as error:
                assert 400 <= error.status < 500
