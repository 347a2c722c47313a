"""Read MATLAB files of versions 4 to 7. Version 7.3 (HDF5) is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from errors import UnknownFormat
from formats.arrays.matlab.level4 import read_level4, starts_like_level4
from formats.arrays.matlab.level5 import read_level5
from formats.arrays.named_arrays import decode_arrays
from formats.channels import record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord

_LEVEL5: Final = b"MATLAB 5.0"
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HDF5_AT: Final = slice(512, 520)  # after the text block that MATLAB writes first
_V73: Final = (b"MATLAB 7.3", _HDF5)


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the variables of a MATLAB file as one record.

    Raises UnknownFormat (version 7.3), UnsafeFile (a limit of the file's arrays), CorruptFile, and
    the errors of `named_arrays.decode_arrays`.
    """
    data = head.data
    if _is_v73(data):
        raise UnknownFormat("a MATLAB file of version 7.3 (HDF5); save it with -v7")
    variables = read_level5(data) if data.startswith(_LEVEL5) else read_level4(data)
    # The array without a name holds the workspaces of function handles.
    named = {name: value for name, value in variables.items() if name and name[:2] != "__"}
    return record_from_channels(decode_arrays(named, "MATLAB", hints), hints)


def _is_v73(data: bytes) -> bool:
    return data.startswith(_V73) or data[_HDF5_AT] == _HDF5


def _detect(part: Part) -> bool:
    data = part.data
    return data.startswith(_LEVEL5) or _is_v73(data) or starts_like_level4(data)


FORMAT = Format(
    name="MATLAB .mat",
    detect=_detect,
    read=read,
    about=About(
        variants="versions 4 to 7; PhysioNet's val, fairseq-signals' feats, any table called "
        "signal, ecg or data, a variable for each lead, structures of them",
        parser="our own, from MathWorks' description of the format; never trusts a size that the "
        "file declares",
        metadata="sampling rate, lead names, unit, gain, age, sex and date if variables state them",
        ignored="other variables; version 7.3 (HDF5) is refused; val and feats state no unit, so "
        "the request must state it",
        sample_files=(
            "mat/A0002.mat: a real file of CPSC 2018",
            "mat/made_struct_v5.mat: made from a real recording",
        ),
    ),
)
