"""The values that variables of MATLAB files become, and how much of them one file may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import CorruptFile, UnsafeFile
from formats.arrays.text import valid_characters
from formats.limits import MAX_VALUES

# A structure of one element is a mapping. None is a value that is not read: of a class without
# samples or names (sparse, function handle, object), or too large to describe a recording.
Value = NDArray[Any] | Mapping[str, Any] | str | float | complex | None

MAX_VARIABLES: Final = 256
MAX_ARRAYS: Final = 10_000  # variables, cells and fields
MAX_TEXT_CHARS: Final = 4096  # of one text; 64 names of 64 characters, padded to a matrix


@dataclass
class Allowance:
    """How much more a file may hold.

    Each `take` counts and raises UnsafeFile beyond the limit, before memory is allocated.
    """

    arrays: int = MAX_ARRAYS
    values: int = MAX_VALUES

    def take_arrays(self, count: int) -> None:
        """Count variables, cells or fields."""
        self.arrays -= count
        if self.arrays < 0:
            raise UnsafeFile(
                f"the MATLAB file has more than {MAX_ARRAYS} variables, cells and fields"
            )

    def take_values(self, count: int) -> None:
        """Count the numbers of an array."""
        self.values -= count
        if self.values < 0:
            raise UnsafeFile(f"the MATLAB file has more than {MAX_VALUES} values")


def damaged() -> CorruptFile:
    """Return the error for content that contradicts the format."""
    return CorruptFile("the MATLAB file is damaged")


def shaped(items: NDArray[Any], shape: Sequence[int]) -> Value:
    """Return items in MATLAB's order (first axis fastest) as an array without axes of length 1.

    A single item is returned itself, and no items as an empty array of one axis, whatever `shape`.
    """
    if items.size == 0:
        return items
    array = np.squeeze(items.reshape(tuple(shape), order="F"))
    single: Value = array.item() if array.ndim == 0 else array
    return single


def complex_numbers(real: NDArray[Any], imaginary: NDArray[Any]) -> NDArray[np.complex64]:
    """Return complex numbers in single precision: they are refused as a signal, never computed."""
    numbers = np.empty(real.size, np.complex64)
    with np.errstate(over="ignore", invalid="ignore"):
        numbers.real = real
        numbers.imag = imaginary
    return numbers


def is_long_text(shape: Sequence[int]) -> bool:
    """Return whether a matrix of characters is too large to be a name, a unit or a date."""
    return math.prod(shape) > MAX_TEXT_CHARS


def text(codes: NDArray[Any], shape: Sequence[int]) -> Value:
    """Return a string, or an array of strings if a matrix of characters has several rows.

    codes  the characters' numbers in Unicode, in MATLAB's order; more than the matrix has are
           ignored
    shape  of the matrix of characters; each row is a string

    A number that is no character becomes U+FFFD. Raises CorruptFile if there are too few.
    """
    count = math.prod(shape)
    if codes.size < count:
        raise damaged()
    if count == 0:
        return np.array([], np.str_)
    characters = valid_characters(codes[:count]).reshape(tuple(shape), order="F")
    rows = np.ascontiguousarray(characters)
    strings = np.squeeze(rows.view(f"U{shape[-1]}"))
    single: Value = strings.item() if strings.ndim == 0 else strings
    return single
