"""Read a MATLAB file of level 4: matrices of numbers and texts, without a header of the file.

Source: MathWorks, MAT-File Format,
https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf, "Level 4 MAT-File Format".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import UnsafeFile
from formats.arrays.matlab.values import (
    MAX_VARIABLES,
    Allowance,
    Value,
    complex_numbers,
    damaged,
    is_long_text,
    shaped,
    text,
)

# The tens digit of a matrix's type states how its numbers are stored, the last digit its kind.
# The thousands digit is 0 for little-endian, the only byte order that is read.
_DTYPES: Final = ("<f8", "<f4", "<i4", "<i2", "<u2", "<u1")
_NUMBERS: Final = 0
_CHARACTERS: Final = 1
_SPARSE: Final = 2
_HEAD: Final = struct.Struct("<iiiii")  # type, rows, columns, imaginary, length of the name
_MAX_NAME_BYTES: Final = 64  # 63 characters, MATLAB's limit, and a NUL


@dataclass(frozen=True)
class _Matrix:
    """The head of a matrix that the file holds completely."""

    name: str
    kind: int
    dtype: np.dtype[Any]
    shape: tuple[int, int]
    is_complex: bool
    numbers_at: int

    @property
    def count(self) -> int:
        """Return how many numbers or characters it has."""
        return self.shape[0] * self.shape[1]

    @property
    def end(self) -> int:
        """Return the offset of the first byte after it."""
        # The columns of a sparse matrix hold the imaginary parts.
        parts = 2 if self.is_complex and self.kind != _SPARSE else 1
        return self.numbers_at + parts * self.count * self.dtype.itemsize


def starts_like_level4(data: bytes) -> bool:
    """Return whether the data start with a matrix of numbers that fits into them.

    Level 4 has no magic number, so the name must be one of MATLAB's.
    """
    matrix = _matrix_at(data, 0)
    if matrix is None or matrix.kind != _NUMBERS:
        return False
    name = data[_HEAD.size : matrix.numbers_at]
    return name.endswith(b"\0") and name[:-1].decode("latin-1").isidentifier()


def read_level4(data: bytes) -> dict[str, Value]:
    """Return the variables by name. Numbers are read-only views into `data`.

    If a name occurs twice the last value counts. Raises CorruptFile, UnsafeFile (a limit of
    `values`).
    """
    allowance = Allowance()
    variables: dict[str, Value] = {}
    at = 0
    count = 0
    while at < len(data):
        matrix = _matrix_at(data, at)
        if matrix is None:
            raise damaged()
        count += 1
        if count > MAX_VARIABLES:
            raise UnsafeFile(f"the MATLAB file has more than {MAX_VARIABLES} variables")
        variables[matrix.name] = _value(data, matrix, allowance)
        at = matrix.end
    return variables


def _matrix_at(data: bytes, at: int) -> _Matrix | None:
    """Return the matrix at an offset, or None if its head is wrong or it exceeds the data."""
    if at + _HEAD.size > len(data):
        return None
    type_number, rows, columns, imaginary, name_length = _HEAD.unpack_from(data, at)
    storage, kind = divmod(type_number, 10)
    if not 0 <= storage < len(_DTYPES) or kind not in (_NUMBERS, _CHARACTERS, _SPARSE):
        return None
    if min(rows, columns) < 0 or imaginary not in (0, 1) or not 0 <= name_length <= _MAX_NAME_BYTES:
        return None
    numbers_at = at + _HEAD.size + name_length
    name = data[at + _HEAD.size : numbers_at].strip(b"\0").decode("latin-1")
    dtype = np.dtype(_DTYPES[storage])
    matrix = _Matrix(name, kind, dtype, (rows, columns), imaginary == 1, numbers_at)
    return matrix if matrix.end <= len(data) else None


def _value(data: bytes, matrix: _Matrix, allowance: Allowance) -> Value:
    count = matrix.count
    if matrix.kind == _SPARSE:
        return None
    if matrix.kind == _CHARACTERS and is_long_text(matrix.shape):
        return None
    if count == 0:
        return np.array([], np.str_ if matrix.kind == _CHARACTERS else np.float64)
    numbers = _stored_numbers(data, matrix, matrix.numbers_at)
    if matrix.kind == _CHARACTERS:
        # Characters are stored as numbers, even as doubles.
        return text(numbers, matrix.shape)
    allowance.take_values(count)
    if matrix.is_complex:
        imaginary_at = matrix.numbers_at + count * matrix.dtype.itemsize
        numbers = complex_numbers(numbers, _stored_numbers(data, matrix, imaginary_at))
    return shaped(numbers, matrix.shape)


def _stored_numbers(data: bytes, matrix: _Matrix, offset: int) -> NDArray[Any]:
    """Return (count,) numbers in the type in which they are stored, without a copy."""
    return np.frombuffer(data, matrix.dtype, matrix.count, offset)
