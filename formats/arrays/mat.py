"""MATLAB files of version 4 to 7 by way of scipy, which is asked only after the sizes were checked; 7.3 (HDF5) is refused by name.

Source of the outer layout: MathWorks, MAT-File Format, https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import scipy.io

from errors import CorruptFile, UnknownFormat, UnsafeFile
from formats.arrays.named_arrays import recording_of
from formats.channels import record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord

MAX_INFLATED_BYTES: Final = (
    128 << 20
)  # ten minutes of twelve leads at 2000 Hz as doubles are 110 MiB
MAX_RATIO: Final = 200  # as for zips: samples shrink by 2 to 20, a bomb by 1000
RATIO_FROM_BYTES: Final = 1 << 20
MAX_VARIABLES: Final = 256
MAX_VALUES: Final = 16_000_000
_HEAD_BYTES: Final = 128
_COMPRESSED: Final = 15
_PIECE_BYTES: Final = 1 << 16
_V5: Final = b"MATLAB 5.0"
_V73: Final = (b"MATLAB 7.3", b"\x89HDF\r\n\x1a\n")
_V4_ITEM_BYTES: Final = {
    0: 8,
    10: 4,
    20: 4,
    30: 2,
    40: 2,
    50: 1,
}  # by its type number without the last digit
_V4_HEAD: Final = struct.Struct("<iiiii")  # type, rows, columns, imaginary, length of the name
_MAX_V4_NAME: Final = 64
# What scipy raises on damaged files, found by fuzzing.
_DAMAGED: Final = (
    ValueError, TypeError, LookupError, OSError, EOFError, struct.error, zlib.error, NotImplementedError, AttributeError, OverflowError,
    RecursionError, MemoryError, scipy.io.matlab.MatReadError,
)  # fmt: skip


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Raises UnknownFormat (7.3), UnsafeFile (a bomb), CorruptFile, and what `named_arrays.recording_of` raises."""
    data = head.data
    if data.startswith(_V73) or data[512:520] == _V73[1]:
        raise UnknownFormat("a MATLAB file of version 7.3 (HDF5); save it with -v7")
    if data.startswith(_V5):
        _check_inflated(data)
    return record_from_channels(recording_of(_load(data), "MATLAB", hints), hints)


def _load(data: bytes) -> dict[str, Any]:
    """Variable -> value; structures as dictionaries."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote the file
            listed = scipy.io.whosmat(io.BytesIO(data))
            if (
                len(listed) > MAX_VARIABLES
                or sum(int(np.prod(shape, dtype=float)) for _, shape, _ in listed) > MAX_VALUES
            ):
                raise UnsafeFile(
                    f"the MATLAB file has more than {MAX_VARIABLES} variables or {MAX_VALUES} values"
                )
            loaded = scipy.io.loadmat(io.BytesIO(data), simplify_cells=True)
    except _DAMAGED:
        raise CorruptFile("the MATLAB file is damaged") from None
    return {name: value for name, value in loaded.items() if not name.startswith("__")}


def _check_inflated(data: bytes) -> None:
    """Inflate every compressed element once, in small pieces that are thrown away: what it unpacks to is known before scipy allocates."""
    order = "<" if data[126:128] == b"IM" else ">"
    at, total = _HEAD_BYTES, 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        body = data[at + 8 : at + 8 + size]
        if kind == _COMPRESSED:
            total += _inflated(body)
        if total > MAX_INFLATED_BYTES:
            raise UnsafeFile(f"the MATLAB file unpacks to more than {MAX_INFLATED_BYTES} bytes")
        at += 8 + size


def _inflated(body: bytes) -> int:
    stream, size, rest = zlib.decompressobj(), 0, body
    try:
        while rest and not stream.eof:
            size += len(stream.decompress(rest, _PIECE_BYTES))
            rest = stream.unconsumed_tail
            if size > max(RATIO_FROM_BYTES, MAX_RATIO * len(body)):
                raise UnsafeFile(
                    f"the MATLAB file would unpack to more than {MAX_RATIO} times its size"
                )
    except zlib.error:
        raise CorruptFile("the MATLAB file is damaged") from None
    return size


def _is_v4(data: bytes) -> bool:
    """The first variable of version 4, which has no mark: a type, sizes and a name that fit together and into the file."""
    if len(data) < _V4_HEAD.size + 2:
        return False
    kind, rows, columns, imaginary, length = _V4_HEAD.unpack_from(data)
    if (
        kind not in _V4_ITEM_BYTES
        or imaginary not in (0, 1)
        or not 2 <= length <= _MAX_V4_NAME
        or rows < 0
        or columns < 0
    ):
        return False
    name = data[_V4_HEAD.size : _V4_HEAD.size + length]
    needed = rows * columns * _V4_ITEM_BYTES[kind] * (1 + imaginary)
    return (
        name[-1:] == b"\0"
        and name[:-1].decode("latin-1").isidentifier()
        and _V4_HEAD.size + length + needed <= len(data)
    )


def _detect(part: Part) -> bool:
    data = part.data
    return data.startswith((_V5, *_V73)) or data[512:520] == _V73[1] or _is_v4(data)


FORMAT = Format(
    name="MATLAB .mat",
    detect=_detect,
    read=read,
    about=About(
        variants="versions 4 to 7; PhysioNet's val, fairseq-signals' feats, any table called signal, ecg or data, a "
        "variable for each lead, structures of them",
        parser="scipy.io.loadmat, after a check of what the file unpacks to",
        metadata="rate, lead names, unit, gain, age, sex and date where variables say them",
        ignored="other variables; version 7.3 (HDF5) is refused by name; val and feats state no unit, so it must be sent",
        sample_files=(
            "mat/A0002.mat: a real file of CPSC 2018",
            "mat/made_struct_v5.mat: made from a real recording",
        ),
    ),
)
