"""Damaged .mat, .npz and .npy files give a record or a client error, within a bound of memory.

Each damage has a number, which is its seed; a failure names it.
"""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from zlib import crc32

import numpy as np
import pytest
import scipy.io

from errors import EcgError
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS
from tests.formats.arrays.matlab import writer
from tests.formats.arrays.matlab.writer import Writer
from tests.formats.mutations import Mutator

TIMES = 600
PEAK_BYTES = 4 << 20  # a file has 10 kB; what unpacks to less than 1 MiB may have any ratio
SIGNAL = np.random.default_rng(0).normal(size=(12, 40)).round(3).astype(np.float32)
HINTS = (Hints(), Hints(fs=500.0, gain=1000.0))


def variables(write: Writer) -> list[bytes]:
    """The variables of a file with every kind of array."""
    names = write.array(writer.CELL, (1, 12), *(write.text(lead) for lead in LEADS))
    info = {
        b"fs": write.numbers(500, "i2"),
        b"unit": write.text("mV", writer.UINT16),
        b"leads": names,
        b"age": write.text("63"),
        b"sex": write.text("Female", writer.UTF16),
    }
    return [
        write.numbers(SIGNAL, "f4", b"signal"),
        write.structure(info, b"info"),
        write.numbers(np.full(12, 200), "u1", b"gain"),
        write.numbers(np.full(12, 7), "i2", b"baseline"),
        write.array(writer.SPARSE, (3, 3), write.numbers(1.0), name=b"sparse"),
    ]


def level5(seed: int, order: str) -> bytes:
    write = Writer(order)
    return Mutator(seed)(write.file(*variables(write)))


def compressed(seed: int) -> bytes:
    """Damage within an array, before it is compressed."""
    write = Writer()
    arrays = variables(write)
    at = seed % len(arrays)
    arrays[at] = Mutator(seed)(arrays[at])
    return write.file(*map(write.compressed, arrays))


def level4(seed: int) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, {"val": SIGNAL, "fs": 500.0, "unit": "mV", "age": 63.0}, format="4")
    return Mutator(seed)(file.getvalue())


def npy(array: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    return file.getvalue()


def npz(seed: int) -> bytes:
    """Damage within an array, before it is put into the zip."""
    values = {
        "signal": SIGNAL,
        "fs": 500.0,
        "leads": np.array(LEADS),
        "units": np.array([b"mV"] * 12),
        "baseline": np.full(12, 7),
        "gain": np.full(12, 200.0),
        "sex": "Female",
    }
    members = {name: npy(value) for name, value in values.items()}
    damaged = list(members)[seed % len(members)]
    members[damaged] = Mutator(seed)(members[damaged])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


FILES: dict[str, Callable[[int], bytes]] = {
    "little-endian": lambda seed: level5(seed, "<"),
    "big-endian": lambda seed: level5(seed, ">"),
    "compressed": compressed,
    "level 4": level4,
    "npz": npz,
    "npy": lambda seed: Mutator(seed)(npy(SIGNAL)),
}


def outcome(data: bytes, hints: Hints) -> str:
    """Read a file. Return "read" or the code of the error."""
    try:
        record = read([Part("upload", data)], hints)
    except EcgError as error:
        assert 400 <= error.status < 500
        error.detail.encode()  # a surrogate from the file would break the answer
        return error.code
    assert record.signal.dtype == np.float32
    assert record.signal.shape[0] == len(record.lead_names)
    assert not np.isinf(record.signal).any()
    for warning in record.warnings:
        warning.encode()
    return "read"


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_a_record_or_an_error(name: str) -> None:
    outcomes: set[str] = set()
    outcome(FILES[name](0), HINTS[0])  # imports the formats, which are no file's memory
    tracemalloc.start()
    try:
        for number in range(TIMES):
            data = FILES[name](crc32(f"{name} {number}".encode()))
            try:
                outcomes.add(outcome(data, HINTS[number % len(HINTS)]))
            except Exception as error:
                error.add_note(f"{name}, damage number {number}")
                raise
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < PEAK_BYTES
    assert {"read", "corrupt_file"} <= outcomes  # the damage is neither too little nor too much
