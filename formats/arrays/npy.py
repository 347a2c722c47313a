"""Read NumPy's .npy files (format versions 1 to 3) without `numpy.load`.

`numpy.load` allocates the size that the header states, and it can load pickles.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
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
from formats.mapping import scale_to_millivolt
from formats.parts import About, Format, Part
from formats.samples import (
    MAX_AXES,
    Array,
    array_from_buffer,
    leads_first,
    sample_dtype,
    without_left_out,
)
from signals.filler import INT16_LIMITS, without_extremes
from signals.record import EcgRecord, Patient

MAGIC: Final = b"\x93NUMPY"
_PREFIX_BYTES: Final = 10  # magic string, version and length of the header, in version 1
MAX_HEADER_BYTES: Final = 10_000  # numpy's own limit for the header of an untrusted file
MAX_RECORDS: Final = 256  # the default of ECG_MAX_RECORDS, docs/api.md

# The header is the text of a Python dict. Three patterns extract its fields, so nothing is
# evaluated. The value of "descr" is a string, or a list if the array is one of structures; Python 2
# wrote an L after a long integer of the shape.
_DESCR: Final = re.compile(r"""['"]descr['"]\s*:\s*(?:['"]([^'"]{1,16})['"]|(\[))""")
_FORTRAN: Final = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)\b""")
_SHAPE: Final = re.compile(r"""['"]shape['"]\s*:\s*\(([^()]{0,1000})\)""")
_SIZE: Final = re.compile(r"\d{1,18}L?", re.ASCII)
_MAX_SHAPE_AXES: Final = 32  # numpy's limit is 64; one recording needs 3
# Integers, floats, booleans and strings; neither objects nor structures.
_PLAIN_DTYPE: Final = re.compile(r"[<>=|]?(?:[iu][1248]|f[248]|b1|[US]\d{1,4})")


@dataclass(frozen=True)
class Header:
    """What the header of a .npy file states, and where the samples begin.

    dtype    NumPy's description of the type, such as "<f4"
    fortran  whether the first axis varies fastest in memory (Fortran order)
    shape    length of each axis
    offset   position of the first sample in the file, in bytes
    """

    dtype: str
    fortran: bool
    shape: list[int]
    offset: int


def records_from_npy(
    body: bytes, hints: Hints, max_records: int = MAX_RECORDS
) -> tuple[list[EcgRecord], bool]:
    """Return the records of a .npy body, and whether the array has an axis of records.

    The array is (leads, samples), (samples, leads), or (samples,) of one named lead. With 3 axes,
    the first is the axis of records, even if its length is 1.

    hints        sampling rate (required), lead names, units and other values of all records
    max_records  the largest number of records allowed

    The signals are float32 in mV (or in unknown units). They are read-only views into `body` if
    type, unit and memory layout need no conversion.

    Raises CorruptFile, UnsafeFile, BadType, BadShape, MissingField, TooManyRecords, BadOption,
    DurationMismatch.
    """
    rows, names = leads_first(_sample_array(body), hints.lead_names.of_rows(), ("signal",))
    array, leads = without_left_out(rows, names)
    if hints.fs is None:
        raise MissingField(
            "fs: missing; a .npy file has no sampling rate, send it as a parameter", loc=("fs",)
        )
    has_record_axis = array.ndim == 3
    # The slice has one record more than allowed, which is enough to detect too many. The whole list
    # could be huge: the header of an array without samples may state millions of records.
    arrays: Sequence[Array] = list(array[: max_records + 1]) if has_record_axis else [array]
    if len(arrays) > max_records:
        raise TooManyRecords(f"{array.shape[0]} records; at most {max_records} are allowed")
    if len(hints.id) not in (0, len(arrays)):
        raise BadOption(f"id: {len(hints.id)} given for {len(arrays)} records", loc=("id",))
    fields.check_duration(
        hints.recording_duration, array.shape[-1], hints.fs, ("recording_duration",)
    )
    ids: Sequence[str | None] = hints.id or [None] * len(arrays)
    records: list[EcgRecord] = []
    for samples, record_id in zip(arrays, ids, strict=True):
        signal, units = scale_to_millivolt(samples, hints.units, hints.gain)
        limits = [INT16_LIMITS] * len(leads)
        signal, warnings = without_extremes(signal, list(samples), limits, hints.fs)
        record = EcgRecord(
            signal=signal,
            fs=hints.fs,
            lead_names=leads,
            units=units,
            patient=Patient(hints.age, hints.sex),
            recording_date=hints.recording_date,
            id=record_id,
            warnings=warnings,
        )
        records.append(record)
    return records, has_record_axis


def parse_array(body: bytes) -> NDArray[Any]:
    """Return an array of numbers or strings, such as the arrays next to a signal in a .npz file.

    body  a whole .npy file; the array has the shape that its header states, at most MAX_AXES axes

    Raises CorruptFile, UnsafeFile, BadType.
    """
    header = parse_header(body)
    if header.dtype.lstrip("<>=|").startswith("O"):
        raise UnsafeFile(
            "an array of objects is a pickle, which can execute code; numbers and strings are "
            "allowed"
        )
    if not _PLAIN_DTYPE.fullmatch(header.dtype):
        raise BadType("an array of an unsupported type; numbers and strings are allowed")
    dtype = np.dtype(header.dtype)
    available = len(body) - header.offset
    required = math.prod(header.shape) * dtype.itemsize
    # Strings of length 0 ("S0") are refused: any number of them fits into 0 bytes, so the size of
    # the file would not limit the shape.
    if len(header.shape) > MAX_AXES or required != available or dtype.itemsize == 0:
        raise CorruptFile(
            f"an array of the .npz file has {available} bytes; its header states another size"
        )
    flat = np.frombuffer(body, dtype, offset=header.offset)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _sample_array(body: bytes) -> Array:
    header = parse_header(body)
    dtype = sample_dtype(header.dtype, ("signal",))
    return array_from_buffer(body, header.offset, dtype, header.shape, fortran=header.fortran)


def parse_header(body: bytes) -> Header:
    """Parse the header. Raises CorruptFile, BadType (structured arrays)."""
    text, offset = _header_text(body)
    descr = _DESCR.search(text)
    fortran = _FORTRAN.search(text)
    shape = _SHAPE.search(text)
    if descr is None or fortran is None or shape is None:
        raise _bad_header()
    if descr[2]:
        raise BadType(
            "signal: an array of structures; float16, float32, float64 or int16 is required",
            loc=("signal",),
        )
    return Header(descr[1], fortran[1] == "True", _sizes(shape[1]), offset)


def _sizes(shape: str) -> list[int]:
    """Return the axes of "12, 5000", which may end with a comma. Raises CorruptFile.

    The text is split instead of matched as a whole: a pattern of repeated numbers would try every
    way to divide a long row of digits.
    """
    texts = [text.strip() for text in shape.split(",")]
    if texts[-1] == "":
        texts.pop()
    if len(texts) > _MAX_SHAPE_AXES or not all(map(_SIZE.fullmatch, texts)):
        raise _bad_header()
    return [int(text.removesuffix("L")) for text in texts]


def _bad_header() -> CorruptFile:
    return CorruptFile(
        "the .npy header does not state a type, an order and a shape of whole numbers"
    )


def _header_text(body: bytes) -> tuple[str, int]:
    """Return the text of the header and the offset of the samples. Raises CorruptFile."""
    if not body.startswith(MAGIC):
        raise CorruptFile(r"the body is no .npy file: it does not start with \x93NUMPY")
    if len(body) < _PREFIX_BYTES:
        raise CorruptFile("the .npy file is truncated in its header")
    version = body[6]
    if version not in (1, 2, 3):
        raise CorruptFile(f"the .npy file has format version {version}; 1 to 3 are supported")
    # The magic string has 6 bytes, the version 2 (major, minor), the length of the header 2 in
    # version 1 and 4 in versions 2 and 3.
    start = 10 if version == 1 else 12
    length = int.from_bytes(body[8:start], "little")
    if length > MAX_HEADER_BYTES:
        raise CorruptFile(
            f"the .npy header states {length} bytes; at most {MAX_HEADER_BYTES} are allowed"
        )
    end = start + length
    if end > len(body):
        raise CorruptFile("the .npy file is truncated in its header")
    return body[start:end].decode("latin-1"), end


def _detect(part: Part) -> bool:
    return part.data.startswith(MAGIC)


def _read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read an uploaded file, which holds one record. Raises SeveralRecordings."""
    records, _ = records_from_npy(head.data, hints)
    if len(records) != 1:
        raise SeveralRecordings(
            f"the .npy file holds {len(records)} records; an uploaded file holds one, send many as "
            "a .npy body"
        )
    return records[0]


FORMAT = Format(
    name="npy",
    detect=_detect,
    read=_read,
    about=About(
        variants="float16, float32, float64, int16; either byte order, C and Fortran order; leads "
        "x samples or samples x leads",
        parser="our own, from NumPy's description of the format; never trusts a size that the "
        "header declares",
        metadata="nothing; a .npy file has samples only",
        ignored="arrays of objects (pickles) are refused",
        sample_files=(
            "npy/12x1000_float32_mV.npy: made from a real recording",
            "npy/1000x12_float64_mV_fortran.npy: made from a real recording",
            "npy/12x1000_int16_uV.npy: made from a real recording",
            "npy/12x1000_bigendian_f4_mV.npy: made from a real recording",
        ),
    ),
)
