"""Samples as they were sent -> (leads, samples): lists, objects of leads, raw arrays; which axis is the leads.

Gaps are NaN from here on. Nothing is scaled here (`signals.units` does).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Sized
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape, BadType, CorruptFile, MissingField, RaggedSignal, UnsafeFile
from formats.fields import Loc, dotted, kind_of
from signals.leads import LEADS, parse_lead_names

Array = NDArray[np.floating | np.signedinteger]

MAX_AXES: Final = 3
MAX_EMPTY_AXIS: Final = 2_000_000  # no records of 12 x 5000 are an empty list of records; no recording is longer than this
# API.md: float16/32/64 or int16, any byte order.
_TYPES: Final = {
    "f2": "f2",
    "f4": "f4",
    "f8": "f8",
    "i2": "i2",
    "float16": "f2",
    "float32": "f4",
    "float64": "f8",
    "int16": "i2",
}
_NUMBERS: Final = frozenset({int, float, type(None)})


def array_of(
    value: object, names: tuple[str, ...] | None, loc: Loc
) -> tuple[Array, tuple[str, ...]]:
    """A record's `signal` in any of its forms -> (leads, samples) and the canonical lead names.

    value   lists leads x samples or samples x leads, one list of one lead, an object lead name -> samples, or
            {"dtype", "shape", "data"} with binary data; or arrays of numbers in place of the lists
    Raises BadType (with the place of the first wrong element), BadShape, RaggedSignal, UnknownLead, DuplicateLead, MissingField.
    """
    if isinstance(value, Mapping):
        if "data" in value and "dtype" in value:
            return oriented(raw_array(value, loc), names, loc)
        return _from_object(value, names, loc)
    if isinstance(value, np.ndarray):
        return oriented(value, names, loc)
    if not isinstance(value, list):
        raise BadType(f"{dotted(loc)}: {kind_of(value)} where lists of samples are needed", loc=loc)
    if not value:
        raise BadShape(f"{dotted(loc)}: an empty list; at least one lead is needed", loc=loc)
    if isinstance(value[0], list):
        return oriented(_matrix(value, names, loc), names, loc)
    return oriented(_row(value, loc), names, loc)


def oriented(
    array: Array, names: tuple[str, ...] | None, loc: Loc
) -> tuple[Array, tuple[str, ...]]:
    """Leads to the first axis: an array of 1 or 2 axes, or of 3 with the records' axis in front, which stays there.

    With `names` the axis of that length is the leads (the first when both are); without, the one axis of length 12, in the
    standard order. One axis alone is a single lead that `names` must name. Raises BadShape, MissingField.
    """
    if array.ndim == 1:
        if names is None:
            raise MissingField(
                f"lead_names: one name is needed for {dotted(loc)} with one axis",
                loc=(*loc[:-1], "lead_names"),
            )
        array = array[np.newaxis, :]
    rows, columns = array.shape[-2:]
    wanted = len(LEADS) if names is None else len(names)
    if names is None and rows == columns == wanted:
        raise BadShape(
            f"{dotted(loc)}: {rows} x {columns} without lead_names could be either way round",
            loc=loc,
        )
    if rows == wanted:
        return array, names or LEADS
    if columns == wanted:
        return array.swapaxes(-1, -2), names or LEADS
    needed = (
        "an axis of 12 without lead_names"
        if names is None
        else f"an axis of {wanted}, as lead_names has"
    )
    raise BadShape(f"{dotted(loc)}: {rows} x {columns}; {needed} is needed", loc=loc)


def raw_array(value: Mapping[object, object], loc: Loc) -> Array:
    """{"dtype": "<f4", "shape": [12, 5000], "data": bytes} -> the array, without a copy. Raises BadType, BadShape, UnsafeFile."""
    descr, shape, data = value.get("dtype"), value.get("shape"), value.get("data")
    if not isinstance(descr, str):
        raise BadType(
            f"{dotted((*loc, 'dtype'))}: {kind_of(descr)} where a text is needed",
            loc=(*loc, "dtype"),
        )
    if not isinstance(data, bytes):
        raise BadType(
            f"{dotted((*loc, 'data'))}: {kind_of(data)} where binary data is needed",
            loc=(*loc, "data"),
        )
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise BadType(
            f"{dotted((*loc, 'shape'))}: a list of whole numbers is needed", loc=(*loc, "shape")
        )
    if not 1 <= len(shape) <= 2:
        raise BadShape(
            f"{dotted(loc)}: {len(shape)} axes; one record has 1 or 2", loc=(*loc, "shape")
        )
    dtype = sample_type(descr, (*loc, "dtype"))
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(data):
        raise BadShape(
            f"{dotted(loc)}: {len(data)} bytes; dtype and shape need {needed}", loc=(*loc, "data")
        )
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def sample_type(descr: str, loc: Loc) -> np.dtype[np.floating | np.signedinteger]:
    """The type that a .npy header or a msgpack array names: float16/32/64 or int16. Raises UnsafeFile (objects), BadType."""
    order = descr[0] if descr[:1] in ("<", ">", "=", "|") else ""
    name = descr.removeprefix(order) if order else descr
    if name.startswith(("O", "object")):
        raise UnsafeFile(
            "an array of objects is a pickle, which could run anything; float16, float32, float64 or int16 is needed",
            loc=loc,
        )
    if name not in _TYPES:
        raise BadType(
            f"{dotted(loc)}: a type that is not read; float16, float32, float64 or int16 is needed",
            loc=loc,
        )
    byte_order = ">" if order == ">" else "<"
    return np.dtype(byte_order + _TYPES[name])


def array_in(
    body: bytes,
    offset: int,
    dtype: np.dtype[np.floating | np.signedinteger],
    shape: Sequence[int],
    *,
    fortran: bool,
) -> Array:
    """The array that lies in `body` from `offset` to its end, without a copy. Raises BadShape, CorruptFile before allocating."""
    if not 1 <= len(shape) <= MAX_AXES:
        raise BadShape(f"signal: {len(shape)} axes; 1 to {MAX_AXES} are read", loc=("signal",))
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(body) - offset:
        raise CorruptFile(f"the array needs {needed} bytes, {len(body) - offset} are there")
    if needed == 0:
        return (
            np.zeros(tuple(shape), np.float32) if max(shape) <= MAX_EMPTY_AXIS else _no_such_shape()
        )
    return np.frombuffer(body, dtype=dtype, offset=offset).reshape(
        tuple(shape), order="F" if fortran else "C"
    )


def _no_such_shape() -> Array:
    raise BadShape("signal: an axis without length beside one of great length", loc=("signal",))


def _from_object(
    value: Mapping[object, object], names: tuple[str, ...] | None, loc: Loc
) -> tuple[Array, tuple[str, ...]]:
    keys = list(value)
    if not keys:
        raise BadShape(f"{dotted(loc)}: an empty object; at least one lead is needed", loc=loc)
    found = parse_lead_names(keys, loc=loc)
    if names is not None and set(names) != set(found):
        raise BadShape(
            "lead_names: other leads than the signal's own names; leave it out",
            loc=(*loc[:-1], "lead_names"),
        )
    rows: list[object] = list(value.values())
    for key, row in zip(keys, rows, strict=True):
        if not isinstance(row, list | np.ndarray):
            raise BadType(
                f"{dotted(loc)}: {kind_of(row)} where a list of samples is needed",
                loc=(*loc, str(key)[:32]),
            )
    arrays = [row for row in rows if isinstance(row, np.ndarray)]
    lists = [row for row in rows if isinstance(row, list)]
    _check_lengths([*arrays, *lists], found, loc)
    if not lists:
        return np.stack(arrays), found
    return _numbers(lists, loc, [str(key)[:32] for key in keys]), found


def _matrix(rows: list[object], names: tuple[str, ...] | None, loc: Loc) -> Array:
    lists = [row for row in rows if isinstance(row, list)]
    if len(lists) != len(rows):
        place = next(index for index, row in enumerate(rows) if not isinstance(row, list))
        raise BadType(
            f"{dotted((*loc, place))}: {kind_of(rows[place])} where a list of samples is needed",
            loc=(*loc, place),
        )
    leads_first = len(lists) == (len(LEADS) if names is None else len(names))
    _check_lengths(lists, (names or LEADS) if leads_first else None, loc)
    return _numbers(lists, loc, range(len(lists)))


def _row(values: list[object], loc: Loc) -> Array:
    _check_types([values], loc, None)
    return np.fromiter(values, np.float64, len(values))


def _numbers(rows: list[list[object]], loc: Loc, keys: Sequence[str | int]) -> Array:
    """(rows, columns) float64. One pass for the types, one for the values: numpy alone would read "1.5" and True as numbers."""
    _check_types(rows, loc, keys)
    width = len(rows[0])
    return np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * width).reshape(
        len(rows), width
    )


def _check_types(rows: list[list[object]], loc: Loc, keys: Sequence[str | int] | None) -> None:
    if _NUMBERS.issuperset(map(type, chain.from_iterable(rows))):
        return
    for row, place in zip(
        rows, [loc] if keys is None else [(*loc, key) for key in keys], strict=True
    ):
        for index, value in enumerate(row):
            if type(value) not in _NUMBERS:
                wrong = (*place, index)
                raise BadType(
                    f"{dotted(wrong)}: {kind_of(value)} where a number or null is needed", loc=wrong
                )


def _check_lengths(rows: Sequence[Sized], leads: Sequence[str] | None, loc: Loc) -> None:
    lengths = [len(row) for row in rows]
    if len(set(lengths)) == 1:
        return
    if leads is not None:
        found = ", ".join(f"{lead} {length}" for lead, length in zip(leads, lengths, strict=True))
        raise RaggedSignal(f"{dotted(loc)}: leads of unequal length ({found})", loc=loc)
    place = next(index for index, length in enumerate(lengths) if length != lengths[0])
    raise RaggedSignal(
        f"{dotted((*loc, place))}: {lengths[place]} values where the rows before have {lengths[0]}",
        loc=(*loc, place),
    )
