"""Attacks on the readers of MATLAB's and NumPy's files.

python -m tests.attacks.array_bodies prints what each costs at its largest.
"""

from __future__ import annotations

import struct
import sys

import numpy as np

from tests.attacks.attack import attack, registered, zipped
from tests.attacks.cost import MIB, Upload, cost_of
from tests.formats.arrays.matlab import writer
from tests.formats.arrays.matlab.writer import Writer

_WRITE = Writer()
_EMPTY = _WRITE.element(writer.MATRIX, b"")


def npy(dtype: str, shape: str, data: bytes) -> bytes:
    """Return a .npy file of version 1."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + data


@attack(
    "MATLAB",
    count=14,
    largest=28,
    was="200 bytes end two workers: scipy looks up the type in a table without a check",
    now="corrupt_file",
)
def mat_type_number(count: int) -> Upload:
    content = _WRITE.element(count, bytes(8))
    return Upload(_WRITE.file(_WRITE.array(writer.DOUBLES, (1, 1), content, name=b"val")))


@attack(
    "MATLAB",
    count=100_000_000,
    largest=500_000_000,
    was="232 bytes take 4 GB: scipy allocates the cells that the file claims",
    now="missing_field",
)
def mat_claimed_cells(count: int) -> Upload:
    inner = _WRITE.array(writer.CELL, (1, count))
    return Upload(_WRITE.file(_WRITE.array(writer.CELL, (1, 1), inner, name=b"val")))


@attack(
    "MATLAB",
    count=1_000_000,
    largest=64_000_000,
    was="60,000 names take 30 s: scipy compares each with all before it",
    now="unsafe_file",
)
def mat_field_names(count: int) -> Upload:
    names = _WRITE.names([b"a" * count], 1)
    return Upload(_WRITE.file(_WRITE.array(writer.STRUCTURE, (1, 1), names, name=b"val")))


@attack("MATLAB", count=4_000, largest=9_999, now="missing_field")
def mat_fields(count: int) -> Upload:
    names = [b"%07d" % number for number in range(count)]
    fields = [_WRITE.names(names, 8), _EMPTY * count]
    return Upload(_WRITE.file(_WRITE.array(writer.STRUCTURE, (1, 1), *fields, name=b"val")))


@attack(
    "MATLAB",
    count=100_000,
    largest=7_000_000,
    was="scipy makes an array for each cell of 8 bytes",
    now="missing_field",
)
def mat_cells(count: int) -> Upload:
    cells = _WRITE.array(writer.CELL, (1, count), _EMPTY * count, name=b"val")
    return Upload(_WRITE.file(cells))


@attack("MATLAB", count=250_000, largest=1_333_333, now="read recording_too_long")
def mat_bytes_with_a_baseline(count: int) -> Upload:
    content = _WRITE.element(writer.UINT8, bytes(12 * count))
    signal = _WRITE.array(writer.DOUBLES, (12, count), content, name=b"signal")
    gain = _WRITE.numbers(100, "u1", b"gain")
    return Upload(_WRITE.file(signal, gain, _WRITE.numbers(7, "u1", b"baseline")))


@attack(
    "npy",
    count=28,
    largest=1_000,
    was="28 digits in the shape take a worker for good: the pattern tries every way to divide them",
    now="corrupt_file",
)
def npy_digits(count: int) -> Upload:
    return Upload(npy("<f4", f"({'1' * count}x)", b""))


@attack("npz", count=250_000, largest=1_333_333, now="read recording_too_long")
def npz_bytes_with_a_baseline(count: int) -> Upload:
    noise = np.random.default_rng(0).integers(0, 256, 12 * count, np.uint8).tobytes()
    members = {
        "signal": npy("|u1", f"(12, {count})", noise),
        "gain": npy("|u1", "()", b"d"),
        "baseline": npy("|u1", "()", b"\7"),
    }
    return zipped((f"{name}.npy", content) for name, content in members.items())


def mat_compressed(count: int) -> Upload:
    """Doubles that shrink by a factor of almost 200, the limit.

    Not registered: memory is bounded by the unpacked size, which `cost_of` does not know.
    """
    noise = np.random.default_rng(0).bytes(count // 25 + 5000)
    content = _WRITE.element(writer.DOUBLE, noise + bytes(8 * count - len(noise)))
    array = _WRITE.array(writer.DOUBLES, (1, count), content, name=b"val")
    return Upload(_WRITE.file(_WRITE.compressed(array)))


def _print_costs() -> None:
    bodies = [(body.name, body.make, body.largest) for body in registered()]
    for name, make, count in [*bodies, ("mat_compressed", mat_compressed, 15_990_000)]:
        cost = cost_of(lambda make=make, count=count: make(count))  # type: ignore[misc]
        sys.stdout.write(
            f"{name:26} {cost.body_bytes / MIB:8.3f} MiB: {cost.cpu_s:5.2f} s "
            f"{cost.peak_bytes / MIB:5.0f} MiB {cost.outcome}\n"
        )


if __name__ == "__main__":
    _print_costs()
