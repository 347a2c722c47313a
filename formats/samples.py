"""Convert samples as sent to an array (leads, samples); find out which axis holds the leads.

Samples arrive as lists, as an object of leads, or as binary arrays. Gaps become NaN. Nothing is
scaled; `signals.units` does that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Sized
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import (
    BadShape,
    BadType,
    CorruptFile,
    MissingField,
    RaggedSignal,
    UnknownLead,
    UnsafeFile,
)
from formats.fields import Loc, dotted, type_name, wrong_type
from formats.heartbeats import check_no_heartbeats
from formats.lead_names import LeadNames, channel_key
from signals.lead_lists import LEFT_OUT, parse_lead_names
from signals.leads import LEADS

Array = NDArray[np.floating | np.signedinteger]

MAX_AXES: Final = 3
# An array of 0 records of 12 x 5000 is an empty list of records. No recording has an axis longer
# than this, so a longer one next to an axis of 0 is an attack on the allocator.
MAX_EMPTY_AXIS: Final = 2_000_000
_MAX_KEY_CHARS: Final = 32  # of a name in an error's path
# docs/api.md: float16/32/64 or int16, either byte order.
_DTYPES: Final = {
    "f2": "f2",
    "f4": "f4",
    "f8": "f8",
    "i2": "i2",
    "float16": "f2",
    "float32": "f4",
    "float64": "f8",
    "int16": "i2",
}
_DTYPE_NAMES: Final = "float16, float32, float64 or int16"
_SAMPLE_TYPES: Final = frozenset({int, float, type(None)})


def signal_array(value: object, lead_names: LeadNames, loc: Loc) -> tuple[Array, tuple[str, ...]]:
    """Convert a record's `signal` to (leads, samples); return it with the canonical lead names.

    Rows that `lead_names` leaves out are not in it.

    value  lists (leads x samples or samples x leads), one list of one lead, an object of lead name
           -> samples, {"dtype", "shape", "data"} with binary data, or numeric arrays instead of the
           lists
    lead_names  the record's

    Raises BadType (with the path of the first wrong element), BadShape, RaggedSignal, UnknownLead,
    DuplicateLead, MissingField, BadOption.
    """
    if isinstance(value, Mapping) and not ("data" in value and "dtype" in value):
        return _from_object(value, lead_names, loc)
    names = lead_names.of_rows((*loc[:-1], "lead_names"))
    array = _unnamed_rows(value, names, loc)
    return without_left_out(*leads_first(array, names, loc))


def _unnamed_rows(value: object, names: tuple[str | None, ...] | None, loc: Loc) -> Array:
    """Convert a signal that does not name its leads to an array of one or two axes."""
    if isinstance(value, Mapping):
        return _binary_array(value, loc)
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, list):
        raise wrong_type(value, loc, "a list or an object of samples")
    if not value:
        raise BadShape(f"{dotted(loc)}: an empty list; at least one lead is required", loc=loc)
    if isinstance(value[0], list):
        return _from_rows(value, names, loc)
    return _from_row(value, loc)


def without_left_out(array: Array, names: tuple[str | None, ...]) -> tuple[Array, tuple[str, ...]]:
    """Return the rows of (..., leads, samples) that have a name, with the names."""
    leads = tuple(name for name in names if name is not None)
    if len(leads) == len(names):
        return array, leads
    kept = [row for row, name in enumerate(names) if name is not None]
    return array[..., kept, :], leads


def leads_first(
    array: Array, names: tuple[str | None, ...] | None, loc: Loc
) -> tuple[Array, tuple[str | None, ...]]:
    """Move the leads to the first axis; return the array with the lead names.

    array  1 or 2 axes, or 3 with the records on the first axis, which stays where it is
    names  the axis of this length holds the leads; the first one if both have it. Without names
           the one axis of length 12 does, in the standard order.

    A single axis is one lead, which `names` must name. Raises BadShape, MissingField.
    """
    check_no_heartbeats(array, loc)
    if array.ndim == 1:
        if names is None:
            raise MissingField(
                f"lead_names: missing; {dotted(loc)} has one axis and needs one name",
                loc=(*loc[:-1], "lead_names"),
            )
        array = array[np.newaxis, :]
    rows, columns = array.shape[-2:]
    lead_count = len(LEADS) if names is None else len(names)
    if names is None and rows == columns == lead_count:
        raise BadShape(
            f"{dotted(loc)}: {rows} x {columns}; without lead_names either axis could be the leads",
            loc=loc,
        )
    if rows == lead_count:
        return array, names or LEADS
    if columns == lead_count:
        return array.swapaxes(-1, -2), names or LEADS
    if names is None:
        required = "one axis must have length 12 if lead_names is missing"
    else:
        required = f"one axis must have length {lead_count}, the number of lead_names"
    raise BadShape(f"{dotted(loc)}: {rows} x {columns}; {required}", loc=loc)


def _binary_array(value: Mapping[object, object], loc: Loc) -> Array:
    """Return the array of {"dtype": "<f4", "shape": [12, 5000], "data": bytes}, without a copy.

    Raises BadType, BadShape, UnsafeFile.
    """
    dtype_name = value.get("dtype")
    shape = value.get("shape")
    data = value.get("data")
    if not isinstance(dtype_name, str):
        raise wrong_type(dtype_name, (*loc, "dtype"), "a string")
    if not isinstance(data, bytes):
        raise wrong_type(data, (*loc, "data"), "binary data")
    shape_loc = (*loc, "shape")
    # isinstance() would accept booleans.
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise BadType(f"{dotted(shape_loc)}: a list of whole numbers is required", loc=shape_loc)
    if not 1 <= len(shape) <= 2:
        raise BadShape(f"{dotted(loc)}: {len(shape)} axes; 1 or 2 are allowed", loc=shape_loc)
    dtype = sample_dtype(dtype_name, (*loc, "dtype"))
    required = math.prod(shape) * dtype.itemsize
    if required != len(data):
        raise BadShape(
            f"{dotted(loc)}: {len(data)} bytes; dtype and shape require {required}",
            loc=(*loc, "data"),
        )
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def sample_dtype(description: str, loc: Loc) -> np.dtype[np.floating | np.signedinteger]:
    """Return the dtype that a .npy header or a msgpack array names: float16/32/64 or int16.

    Raises UnsafeFile for arrays of objects, BadType for other types.
    """
    byte_order = description[0] if description[:1] in ("<", ">", "=", "|") else ""
    name = description.removeprefix(byte_order)
    if name.startswith(("O", "object")):
        raise UnsafeFile(
            f"an array of objects is a pickle, which can execute code; {_DTYPE_NAMES} is required",
            loc=loc,
        )
    if name not in _DTYPES:
        raise BadType(f"{dotted(loc)}: unsupported array type; {_DTYPE_NAMES} is required", loc=loc)
    return np.dtype((">" if byte_order == ">" else "<") + _DTYPES[name])


def array_from_buffer(
    body: bytes,
    offset: int,
    dtype: np.dtype[np.floating | np.signedinteger],
    shape: Sequence[int],
    *,
    fortran: bool,
) -> Array:
    """Return the array that fills `body` from `offset` to the end, without a copy.

    Checks the size before it allocates. Raises BadShape, CorruptFile.
    """
    if not 1 <= len(shape) <= MAX_AXES:
        raise BadShape(f"signal: {len(shape)} axes; 1 to {MAX_AXES} are allowed", loc=("signal",))
    available = len(body) - offset
    required = math.prod(shape) * dtype.itemsize
    if required != available:
        raise CorruptFile(f"the array needs {required} bytes; the file has {available}")
    # numpy.frombuffer does not accept an empty buffer.
    if required == 0:
        if max(shape) > MAX_EMPTY_AXIS:
            raise BadShape(
                f"signal: an empty array with an axis of more than {MAX_EMPTY_AXIS}",
                loc=("signal",),
            )
        return np.zeros(tuple(shape), np.float32)
    flat = np.frombuffer(body, dtype=dtype, offset=offset)
    return flat.reshape(tuple(shape), order="F" if fortran else "C")


def _from_object(
    value: Mapping[object, object], lead_names: LeadNames, loc: Loc
) -> tuple[Array, tuple[str, ...]]:
    """Convert {lead name: samples}; the samples are all lists or all arrays."""
    if not value:
        raise BadShape(f"{dotted(loc)}: an empty object; at least one lead is required", loc=loc)
    leads_by_key = _leads_of_keys(list(value), lead_names, loc)
    keys = list(leads_by_key)
    leads = tuple(leads_by_key.values())
    rows = [value[key] for key in keys]
    for key, row in zip(keys, rows, strict=True):
        if not isinstance(row, list | np.ndarray):
            raise BadType(
                f"{dotted(loc)}: found {type_name(row)}; a list of samples is required",
                loc=(*loc, str(key)[:_MAX_KEY_CHARS]),
            )
    arrays = [row for row in rows if isinstance(row, np.ndarray)]
    lists = [row for row in rows if isinstance(row, list)]
    _check_lengths([*arrays, *lists], leads, loc)
    if not lists:
        return np.stack(arrays), leads
    return _numbers(lists, loc, [str(key)[:_MAX_KEY_CHARS] for key in keys]), leads


def _leads_of_keys(keys: Sequence[object], lead_names: LeadNames, loc: Loc) -> dict[object, str]:
    """Return the lead of each key of a signal's object, without keys that are left out.

    Raises BadType, UnknownLead, DuplicateLead, BadShape if `lead_names` has other leads than the
    keys.
    """
    names_loc = (*loc[:-1], "lead_names")
    if not lead_names.renamed:
        try:
            leads = parse_lead_names(keys, loc=loc)
        except UnknownLead as error:
            detail = (
                f"{error.detail}; lead_names renames keys (ECG1=II) or leaves them out (ECG1=-)"
            )
            raise UnknownLead(detail, errors=error.errors) from None
        if lead_names.in_order is not None and set(lead_names.in_order) != set(leads):
            raise BadShape(
                "lead_names: other leads than the names in signal; leave lead_names out, or "
                "rename keys of signal: NAME=LEAD",
                loc=names_loc,
            )
        return dict(zip(keys, leads, strict=True))
    file_keys = [channel_key(key) if isinstance(key, str) else "" for key in keys]
    unknown = [name for name in lead_names.renamed if name not in file_keys]
    if unknown:
        raise UnknownLead(
            f"{dotted(names_loc)}: {unknown[0][:_MAX_KEY_CHARS]!a} is not among the keys of signal",
            loc=names_loc,
        )
    kept = [
        (key, lead_names.renamed.get(file_key, key))
        for key, file_key in zip(keys, file_keys, strict=True)
    ]
    kept = [(key, name) for key, name in kept if name is not None]
    if not kept:
        raise BadShape(
            f"{dotted(names_loc)}: leaves out every key of signal; at least one lead is required",
            loc=names_loc,
        )
    leads = parse_lead_names([name for _, name in kept], loc=loc)
    return dict(zip([key for key, _ in kept], leads, strict=True))


def _from_rows(rows: list[object], names: tuple[str | None, ...] | None, loc: Loc) -> Array:
    """Convert lists of equal length to (rows, columns)."""
    lists = [row for row in rows if isinstance(row, list)]
    if len(lists) != len(rows):
        index = next(index for index, row in enumerate(rows) if not isinstance(row, list))
        raise wrong_type(rows[index], (*loc, index), "a list of samples")
    lead_count = len(LEADS) if names is None else len(names)
    leads = (names or LEADS) if len(lists) == lead_count else None
    _check_lengths(lists, leads, loc)
    return _numbers(lists, loc, range(len(lists)))


def _from_row(values: list[object], loc: Loc) -> Array:
    """Convert the list of a single lead to (samples,)."""
    if not _are_numbers([values]):
        raise _first_wrong_sample([values], [loc])
    return np.fromiter(values, np.float64, len(values))


def _numbers(rows: list[list[object]], loc: Loc, keys: Sequence[str | int]) -> Array:
    """Convert lists of equal length to (rows, columns) float64; `keys` name the rows in errors.

    Makes one pass for the types and one for the values, because numpy alone accepts "1.5" and
    True as numbers.
    """
    if not _are_numbers(rows):
        raise _first_wrong_sample(rows, [(*loc, key) for key in keys])
    width = len(rows[0])
    flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * width)
    return flat.reshape(len(rows), width)


def _are_numbers(rows: list[list[object]]) -> bool:
    """Return whether all elements are numbers or null."""
    return _SAMPLE_TYPES.issuperset(map(type, chain.from_iterable(rows)))


def _first_wrong_sample(rows: list[list[object]], row_locs: Sequence[Loc]) -> BadType:
    """Return the error for the first element that is neither a number nor null."""
    for row, row_loc in zip(rows, row_locs, strict=True):
        for index, value in enumerate(row):
            if type(value) not in _SAMPLE_TYPES:
                return wrong_type(value, (*row_loc, index), "a number or null")
    raise AssertionError("all elements are numbers or null")


def _check_lengths(rows: Sequence[Sized], leads: Sequence[str | None] | None, loc: Loc) -> None:
    """Raise RaggedSignal if the rows differ in length; `leads` name them if the rows are leads."""
    lengths = [len(row) for row in rows]
    if len(set(lengths)) == 1:
        return
    if leads is not None:
        listing = ", ".join(
            f"{lead or LEFT_OUT} {length}" for lead, length in zip(leads, lengths, strict=True)
        )
        raise RaggedSignal(f"{dotted(loc)}: leads of unequal length ({listing})", loc=loc)
    for index, length in enumerate(lengths):
        if length != lengths[0]:
            row_loc = (*loc, index)
            raise RaggedSignal(
                f"{dotted(row_loc)}: {length} values; the rows before it have {lengths[0]}",
                loc=row_loc,
            )
