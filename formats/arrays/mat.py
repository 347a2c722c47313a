"""Read MATLAB files of versions 4 to 7 with scipy, after a check of the sizes they declare.

Version 7.3 (HDF5) is refused. Source of the outer layout: MathWorks, MAT-File Format,
https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
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
from formats.arrays.named_arrays import decode_arrays
from formats.channels import record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord

# Ten minutes of twelve leads at 2000 Hz as doubles are 110 MiB.
MAX_INFLATED_BYTES: Final = 128 << 20
MAX_RATIO: Final = 200  # as for zips: samples shrink by a factor of 2 to 20, a bomb by 1000
RATIO_FROM_BYTES: Final = 1 << 20
MAX_VARIABLES: Final = 256
MAX_VALUES: Final = 16_000_000
_HEADER_BYTES: Final = 128
_ENDIAN_MARK: Final = slice(126, 128)
_ELEMENT_HEADER_BYTES: Final = 8
_COMPRESSED: Final = 15
_CHUNK_BYTES: Final = 1 << 16
_V5: Final = b"MATLAB 5.0"
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HDF5_AT: Final = slice(512, 520)  # after the text block that MATLAB writes first
_V73: Final = (b"MATLAB 7.3", _HDF5)
# Version 4: bytes of a value, by the type number whose last digit, the kind of matrix, is 0 (full).
_V4_ITEM_BYTES: Final = {0: 8, 10: 4, 20: 4, 30: 2, 40: 2, 50: 1}
_V4_HEAD: Final = struct.Struct("<iiiii")  # type, rows, columns, imaginary, length of the name
_MAX_V4_NAME: Final = 64
# The exceptions of scipy for damaged files, found by fuzzing.
_DAMAGED: Final = (
    ValueError,
    TypeError,
    LookupError,
    OSError,
    EOFError,
    struct.error,
    zlib.error,
    NotImplementedError,
    AttributeError,
    OverflowError,
    RecursionError,
    MemoryError,
    scipy.io.matlab.MatReadError,
)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the variables of a MATLAB file as one record.

    Raises UnknownFormat (version 7.3), UnsafeFile (a decompression bomb), CorruptFile, and the
    errors of `named_arrays.decode_arrays`.
    """
    data = head.data
    if data.startswith(_V73) or data[_HDF5_AT] == _HDF5:
        raise UnknownFormat("a MATLAB file of version 7.3 (HDF5); save it with -v7")
    if data.startswith(_V5):
        _check_inflated_size(data)
    return record_from_channels(decode_arrays(_load(data), "MATLAB", hints), hints)


def _load(data: bytes) -> dict[str, Any]:
    """Return the variables by name; structures are dictionaries. Raises UnsafeFile, CorruptFile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scipy's warnings quote the file's content
            variables = scipy.io.whosmat(io.BytesIO(data))
            # The product of declared sizes may overflow an integer of 64 bits.
            values = sum(int(np.prod(shape, dtype=float)) for _, shape, _ in variables)
            if len(variables) > MAX_VARIABLES or values > MAX_VALUES:
                raise UnsafeFile(
                    f"the MATLAB file has more than {MAX_VARIABLES} variables or "
                    f"{MAX_VALUES} values"
                )
            loaded = scipy.io.loadmat(io.BytesIO(data), simplify_cells=True)
    except _DAMAGED:
        raise CorruptFile("the MATLAB file is damaged") from None
    return {name: value for name, value in loaded.items() if not name.startswith("__")}


def _check_inflated_size(data: bytes) -> None:
    """Raise UnsafeFile if the compressed elements unpack to too many bytes.

    Inflates each element in small chunks and discards them, so that the size is known before scipy
    allocates it.
    """
    order = "<" if data[_ENDIAN_MARK] == b"IM" else ">"
    at = _HEADER_BYTES
    total = 0
    while at + _ELEMENT_HEADER_BYTES <= len(data):
        kind, size = struct.unpack_from(order + "II", data, at)
        start = at + _ELEMENT_HEADER_BYTES
        if kind == _COMPRESSED:
            total += _inflated_size(data[start : start + size])
        if total > MAX_INFLATED_BYTES:
            raise UnsafeFile(f"the MATLAB file unpacks to more than {MAX_INFLATED_BYTES} bytes")
        at = start + size


def _inflated_size(body: bytes) -> int:
    """Return the size of a compressed element after inflation. Raises UnsafeFile, CorruptFile."""
    stream = zlib.decompressobj()
    allowed = max(RATIO_FROM_BYTES, MAX_RATIO * len(body))
    size = 0
    remaining = body
    try:
        while remaining and not stream.eof:
            size += len(stream.decompress(remaining, _CHUNK_BYTES))
            remaining = stream.unconsumed_tail
            if size > allowed:
                raise UnsafeFile(
                    f"the MATLAB file would unpack to more than {MAX_RATIO} times its size"
                )
    except zlib.error:
        raise CorruptFile("the MATLAB file is damaged") from None
    return size


def _is_v4(data: bytes) -> bool:
    """Return whether the data start with a variable of version 4, which has no magic number.

    Its type, sizes and name must be consistent, and it must fit into the file.
    """
    if len(data) < _V4_HEAD.size + 2:
        return False
    kind, rows, columns, imaginary, name_length = _V4_HEAD.unpack_from(data)
    if kind not in _V4_ITEM_BYTES or imaginary not in (0, 1) or rows < 0 or columns < 0:
        return False
    if not 2 <= name_length <= _MAX_V4_NAME:
        return False
    values_at = _V4_HEAD.size + name_length
    name = data[_V4_HEAD.size : values_at]
    if not name.endswith(b"\0") or not name[:-1].decode("latin-1").isidentifier():
        return False
    size = rows * columns * _V4_ITEM_BYTES[kind] * (1 + imaginary)
    return bool(values_at + size <= len(data))


def _detect(part: Part) -> bool:
    data = part.data
    return data.startswith((_V5, *_V73)) or data[_HDF5_AT] == _HDF5 or _is_v4(data)


FORMAT = Format(
    name="MATLAB .mat",
    detect=_detect,
    read=read,
    about=About(
        variants="versions 4 to 7; PhysioNet's val, fairseq-signals' feats, any table called "
        "signal, ecg or data, a variable for each lead, structures of them",
        parser="scipy.io.loadmat, after a check of the unpacked size",
        metadata="sampling rate, lead names, unit, gain, age, sex and date if variables state them",
        ignored="other variables; version 7.3 (HDF5) is refused; val and feats state no unit, so "
        "the request must state it",
        sample_files=(
            "mat/A0002.mat: a real file of CPSC 2018",
            "mat/made_struct_v5.mat: made from a real recording",
        ),
    ),
)
