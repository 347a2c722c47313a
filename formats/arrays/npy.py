"""NumPy's .npy (format versions 1-3), read without numpy.load: that allocates what the header states and knows pickles.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import (
    BadOption,
    BadType,
    CorruptFile,
    MissingField,
    SeveralRecordings,
    TooManyRecords,
    UnsafeFile,
)
from formats import fields
from formats.hints import Hints
from formats.mapping import scaled
from formats.parts import About, Format, Part
from formats.samples import MAX_AXES, Array, array_in, oriented, sample_type
from signals.record import EcgRecord, Patient

MAGIC: Final = b"\x93NUMPY"
MAX_HEADER_BYTES: Final = 10_000  # numpy's own bound for a header that is to be trusted
MAX_RECORDS: Final = 256  # ECG_MAX_RECORDS, API.md

# The header is a Python literal; three patterns take what is needed, so that nothing of it is evaluated.
_DESCR: Final = re.compile(r"""['"]descr['"]\s*:\s*(?:['"]([^'"]{1,16})['"]|(\[))""")
_FORTRAN: Final = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)\b""")
_SHAPE: Final = re.compile(r"""['"]shape['"]\s*:\s*\(((?:\s*\d{1,18}L?\s*,?){0,32})\s*\)""")
_PLAIN_TYPE: Final = re.compile(r"[<>=|]?(?:[iuf][1248]|b1|[US]\d{1,4})")


def records_from_npy(
    body: bytes, hints: Hints, max_records: int = MAX_RECORDS
) -> tuple[list[EcgRecord], bool]:
    """A .npy body -> its records, and whether they are many (an array of 3 axes, even of one record).

    Array (leads, samples), (samples, leads), (samples,) of one named lead, or (records, ...) of the first two. Views into `body`
    (read-only) where its type allows. Raises CorruptFile, UnsafeFile, BadType, BadShape, MissingField, TooManyRecords, BadOption, ...
    """
    array, leads = oriented(_array(body), hints.lead_names, ("signal",))
    if hints.fs is None:
        raise MissingField(
            "fs: missing; a .npy has no sampling rate, send it as a parameter", loc=("fs",)
        )
    many = array.ndim == 3
    arrays: Sequence[Array] = list(array[: max_records + 1]) if many else [array]
    if len(arrays) > max_records:
        raise TooManyRecords(f"{array.shape[0]} records; at most {max_records} are allowed")
    if len(hints.id) not in (0, len(arrays)):
        raise BadOption(f"id: {len(hints.id)} given for {len(arrays)} records", loc=("id",))
    fields.check_duration(
        hints.recording_duration, array.shape[-1], hints.fs, ("recording_duration",)
    )
    ids: Sequence[str | None] = hints.id or [None] * len(arrays)
    return [
        _record(one, leads, hints, hints.fs, name) for one, name in zip(arrays, ids, strict=True)
    ], many


def _record(
    array: Array, leads: tuple[str, ...], hints: Hints, fs: float, name: str | None
) -> EcgRecord:
    signal, units = scaled(array, hints.units, hints.gain)
    return EcgRecord(
        signal=signal,
        fs=fs,
        lead_names=leads,
        units=units,
        patient=Patient(hints.age, hints.sex),
        recording_date=hints.recording_date,
        id=name,
    )


def any_array(body: bytes) -> NDArray[Any]:
    """One array of numbers or texts, of any size of number: what stands beside a signal in a .npz. Raises CorruptFile, UnsafeFile."""
    found, fortran, sizes, offset = _described(body)
    if found.lstrip("<>=|").startswith("O"):
        raise UnsafeFile(
            "an array of objects is a pickle, which could run anything; numbers and texts are read"
        )
    if not _PLAIN_TYPE.fullmatch(found):
        raise BadType("an array of a type that is not read; numbers and texts are")
    dtype = np.dtype(found)
    if (
        len(sizes) > MAX_AXES
        or math.prod(sizes) * dtype.itemsize != len(body) - offset
        or dtype.itemsize == 0
    ):
        raise CorruptFile(
            f"an array of the .npz needs other than the {len(body) - offset} bytes that are there"
        )
    return np.frombuffer(body, dtype, offset=offset).reshape(sizes, order="F" if fortran else "C")


def _array(body: bytes) -> Array:
    descr, fortran, sizes, offset = _described(body)
    return array_in(body, offset, sample_type(descr, ("signal",)), sizes, fortran=fortran)


def _described(body: bytes) -> tuple[str, bool, list[int], int]:
    """Type, order and shape as the header has them, and where the samples begin."""
    header, offset = _header(body)
    descr, fortran, shape = _DESCR.search(header), _FORTRAN.search(header), _SHAPE.search(header)
    if descr is None or fortran is None or shape is None:
        raise CorruptFile(
            "the .npy header does not name a type, an order and a shape of whole numbers"
        )
    if descr[2]:
        raise BadType(
            "signal: an array of structures; float16, float32, float64 or int16 is needed",
            loc=("signal",),
        )
    return (
        descr[1],
        fortran[1] == "True",
        [int(size) for size in re.findall(r"\d+", shape[1])],
        offset,
    )


def _header(body: bytes) -> tuple[str, int]:
    """The header's text and where the samples begin."""
    if len(body) < 10 or not body.startswith(MAGIC):
        raise CorruptFile("the .npy is cut short in its header")
    if body[6] not in (1, 2, 3):
        raise CorruptFile(f"the .npy is of format version {body[6]}; 1 to 3 are read")
    start = 10 if body[6] == 1 else 12
    length = int.from_bytes(body[8:start], "little")
    if length > MAX_HEADER_BYTES:
        raise CorruptFile(
            f"the .npy header states {length} bytes; at most {MAX_HEADER_BYTES} are read"
        )
    if start + length > len(body):
        raise CorruptFile("the .npy is cut short in its header")
    return body[start : start + length].decode("latin-1"), start + length


def _detect(part: Part) -> bool:
    return part.data.startswith(MAGIC)


def _read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    records, _ = records_from_npy(head.data, hints)
    if len(records) != 1:
        raise SeveralRecordings(
            f"the .npy holds {len(records)} recordings; one a file is read here, many as a body of their own"
        )
    return records[0]


FORMAT = Format(
    name="npy",
    detect=_detect,
    read=_read,
    about=About(
        variants="float16, float32, float64, int16; either byte order, C and Fortran order; leads x samples or samples x leads",
        parser="our own, after NumPy's description of the format: nothing is allocated by what the header says",
        metadata="nothing; a .npy has samples only",
        ignored="object arrays (pickles) are refused",
        sample_files=(
            "npy/12x1000_float32_mV.npy: made from a real recording",
            "npy/1000x12_float64_mV_fortran.npy: made from a real recording",
            "npy/12x1000_int16_uV.npy: made from a real recording",
            "npy/12x1000_bigendian_f4_mV.npy: made from a real recording",
        ),
    ),
)
