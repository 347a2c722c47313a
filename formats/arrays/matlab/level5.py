"""Read the arrays of a MATLAB file of level 5 (versions 5 to 7): numbers, texts, cells, structures.

Every type, size, number of axes, of cells and of fields is checked against the bytes that the file
has before memory is allocated. Source: MathWorks, MAT-File Format,
https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf, "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import UnsafeFile
from formats.arrays.matlab.elements import MATRIX, Element, Elements, matrices
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

_HEADER_BYTES: Final = 128
_VERSION: Final = slice(124, 126)
_ENDIAN_MARK: Final = slice(126, 128)
_BYTE_ORDERS: Final = {b"IM": "<", b"MI": ">"}
_VERSION_1: Final = {"<": b"\x00\x01", ">": b"\x01\x00"}

# Types of elements.
_INT8: Final = 1
_UINT8: Final = 2
_UINT16: Final = 4
_INT32: Final = 5
_UINT32: Final = 6
_UTF8: Final = 16
_UTF16: Final = 17
_UTF32: Final = 18
# Numbers as stored. MATLAB stores an array of doubles as bytes if all its values fit.
_DTYPES: Final = {
    _INT8: "i1",
    _UINT8: "u1",
    3: "i2",
    _UINT16: "u2",
    _INT32: "i4",
    _UINT32: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_TEXT_CODECS: Final = {
    # Old versions of MATLAB wrote bytes in the encoding of their system, which the file omits.
    _INT8: {"<": "ascii", ">": "ascii"},
    _UINT8: {"<": "ascii", ">": "ascii"},
    _UTF8: {"<": "utf-8", ">": "utf-8"},
    _UTF16: {"<": "utf-16-le", ">": "utf-16-be"},
    _UTF32: {"<": "utf-32-le", ">": "utf-32-be"},
}
_MAX_CHARACTER_BYTES: Final = 4  # in any of these encodings
# Classes of arrays.
_CELL: Final = 1
_STRUCTURE: Final = 2
_OBJECT: Final = 3  # a structure with the name of a class
_CHARACTERS: Final = 4
_SPARSE: Final = 5
_NUMBERS: Final = range(6, 16)
_FUNCTION: Final = 16
_OPAQUE: Final = 17  # an object of a newer class; its header ends after the flags and the name
_NOT_READ: Final = (_SPARSE, _FUNCTION, _OPAQUE)
_CLASS_BITS: Final = 0xFF
_COMPLEX_BIT: Final = 0x800
_FLAGS_BYTES: Final = 8
_INT_BYTES: Final = 4

MAX_AXES: Final = 32  # numpy's limit is 64
# Real files nest up to four levels: a cell in a structure in a cell in a structure.
MAX_DEPTH: Final = 16
# No more names, units or gains describe a recording, so a longer list is not read.
MAX_CELLS: Final = 64


def read_level5(data: bytes) -> dict[str, Value]:
    """Return the variables by name; a structure of one element is a mapping of its fields.

    Numbers are read-only views into `data` or its inflated parts. If a name occurs twice the last
    value counts. Raises CorruptFile, UnsafeFile (a limit of `values` or `elements`).
    """
    byte_order = _BYTE_ORDERS.get(data[_ENDIAN_MARK])
    if byte_order is None or data[_VERSION] != _VERSION_1[byte_order]:
        raise damaged()
    reader = _Reader(byte_order)
    variables: dict[str, Value] = {}
    content = memoryview(data)[_HEADER_BYTES:]
    for count, array in enumerate(matrices(content, byte_order), start=1):
        if count > MAX_VARIABLES:
            raise UnsafeFile(f"the MATLAB file has more than {MAX_VARIABLES} variables")
        name, value = reader.variable(array)
        variables[name] = value
    return variables


@dataclass(frozen=True)
class _Header:
    """The first elements of an array; `kind` is the number of its class."""

    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str

    @property
    def count(self) -> int:
        """Return how many items the array states."""
        return math.prod(self.shape)


class _Reader:
    """Read the arrays of one file."""

    def __init__(self, byte_order: str) -> None:
        self._byte_order = byte_order
        self._allowance = Allowance()

    def variable(self, content: memoryview) -> tuple[str, Value]:
        """Return the name and the value of an outer array."""
        self._allowance.take_arrays(1)
        elements = Elements(content, self._byte_order)
        header = self._header(elements)
        return header.name, self._value(header, elements, depth=0)

    def _inner(self, element: Element, depth: int) -> Value:
        """Return the value of a cell or a field. Raises UnsafeFile beyond MAX_DEPTH."""
        if element.kind != MATRIX:
            raise damaged()
        if depth > MAX_DEPTH:
            raise UnsafeFile(
                f"the MATLAB file nests cells and structures in more than {MAX_DEPTH} levels"
            )
        if not element.data:  # an empty array has no header
            return np.array([])
        elements = Elements(element.data, self._byte_order)
        return self._value(self._header(elements), elements, depth)

    def _header(self, elements: Elements) -> _Header:
        flags = elements.next()
        if len(flags.data) != _FLAGS_BYTES:
            raise damaged()
        bits = int(np.frombuffer(flags.data, self._byte_order + "u4")[0])
        kind = bits & _CLASS_BITS
        shape = () if kind == _OPAQUE else self._shape(elements.next())
        name = str(self._ascii(elements.next()), "latin-1")
        return _Header(kind, bool(bits & _COMPLEX_BIT), shape, name)

    def _shape(self, element: Element) -> tuple[int, ...]:
        sizes = self._integers(element)
        if not 1 <= len(sizes) <= MAX_AXES or min(sizes) < 0:
            raise damaged()
        return tuple(sizes)

    def _integers(self, element: Element) -> list[int]:
        """Return the signed integers of an element. Some writers give their type as unsigned."""
        if element.kind not in (_INT32, _UINT32) or len(element.data) % _INT_BYTES:
            raise damaged()
        # Longer lists than of sizes do not occur, and would be costly as Python objects.
        if len(element.data) > MAX_AXES * _INT_BYTES:
            raise damaged()
        integers: list[int] = np.frombuffer(element.data, self._byte_order + "i4").tolist()
        return integers

    def _ascii(self, element: Element) -> memoryview:
        """Return the bytes of a name. Some writers give their type as UTF-8."""
        if element.kind not in (_INT8, _UTF8):
            raise damaged()
        return element.data

    def _value(self, header: _Header, elements: Elements, depth: int) -> Value:
        """Return what follows the header."""
        if header.kind in _NUMBERS:
            return self._numbers(header, elements)
        if header.kind == _CHARACTERS:
            return self._text(header, elements)
        if header.kind == _CELL:
            return self._cells(header, elements, depth)
        if header.kind == _STRUCTURE:
            return self._structure(header, elements, depth)
        if header.kind == _OBJECT:
            self._ascii(elements.next())  # the name of the class
            return self._structure(header, elements, depth)
        if header.kind in _NOT_READ:
            return None
        raise damaged()

    def _numbers(self, header: _Header, elements: Elements) -> Value:
        count = header.count
        if count == 0:
            return np.array([])
        self._allowance.take_values(count)
        numbers = self._stored_numbers(elements.next(), count)
        if header.is_complex:
            imaginary = self._stored_numbers(elements.next(), count)
            numbers = complex_numbers(numbers, imaginary)
        return shaped(numbers, header.shape)

    def _stored_numbers(self, element: Element, count: int) -> NDArray[Any]:
        """Return (count,) numbers in the type in which they are stored, without a copy."""
        if element.kind not in _DTYPES:
            raise damaged()
        dtype = np.dtype(self._byte_order + _DTYPES[element.kind])
        if len(element.data) != count * dtype.itemsize:
            raise damaged()
        return np.frombuffer(element.data, dtype)

    def _text(self, header: _Header, elements: Elements) -> Value:
        element = elements.next()
        if header.count == 0:
            return np.array([], np.str_)
        if is_long_text(header.shape):
            return None
        # Some writers give a blank text no bytes, whatever its size.
        if not element.data:
            return " "
        return text(self._characters(element, header.count), header.shape)

    def _characters(self, element: Element, count: int) -> NDArray[Any]:
        """Return the numbers in Unicode of the characters; of `count` at least, if they exist."""
        data = element.data[: count * _MAX_CHARACTER_BYTES]
        if element.kind == _UINT16:
            return np.frombuffer(data[: len(data) // 2 * 2], self._byte_order + "u2")
        if element.kind not in _TEXT_CODECS:
            raise damaged()
        characters = str(data, _TEXT_CODECS[element.kind][self._byte_order], "replace")
        return np.frombuffer(characters.encode("utf-32-le"), "<u4")

    def _cells(self, header: _Header, elements: Elements, depth: int) -> Value:
        """Return the value of a single cell, an array of a few cells, or None of more."""
        count = header.count
        if count > MAX_CELLS:
            return None
        self._allowance.take_arrays(count)
        cells = np.empty(count, object)
        for index in range(count):
            cells[index] = self._inner(elements.next(), depth + 1)
        return shaped(cells, header.shape)

    def _structure(self, header: _Header, elements: Elements, depth: int) -> Value:
        """Return the fields by name; None for an array of none or several structures."""
        if header.count != 1:
            return None
        names = self._field_names(elements)
        return {name: self._inner(elements.next(), depth + 1) for name in names}

    def _field_names(self, elements: Elements) -> list[str]:
        """Return the names of a structure's fields. A repeated name gets a prefix, "_1_name"."""
        lengths = self._integers(elements.next())
        if len(lengths) != 1 or lengths[0] < 1:
            raise damaged()
        length = lengths[0]
        padded_names = self._ascii(elements.next())
        count = len(padded_names) // length
        self._allowance.take_arrays(count)
        names: list[str] = []
        repetitions: Counter[str] = Counter()
        for start in range(0, count * length, length):
            padded_name = bytes(padded_names[start : start + length])
            name = padded_name.split(b"\0", 1)[0].decode("utf-8", "replace")
            repeated = repetitions[name]
            names.append(f"_{repeated}_{name}" if repeated else name)
            repetitions[name] += 1
        return names
