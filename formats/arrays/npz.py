"""Read NumPy's .npz files: a zip of arrays, one of which is the signal."""

from __future__ import annotations

from collections.abc import Sequence

from formats.arrays.named_arrays import decode_arrays
from formats.arrays.npy import parse_array
from formats.channels import record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Read the arrays of a .npz file as one record.

    Raises CorruptFile, UnsafeFile (arrays of objects), and the errors of
    `named_arrays.decode_arrays`.
    """
    arrays = {
        member.basename.removesuffix(".npy"): parse_array(member.data) for member in head.members
    }
    return record_from_channels(decode_arrays(arrays, "npz", hints), hints)


FORMAT = Format(
    name="npz",
    detect=lambda part: bool(part.members),
    read=read,
    about=About(
        variants="a table called signal, ecg or data (or the only one), leads x samples or samples "
        "x leads; or an array for each lead",
        parser="our own zip and .npy parsers, which never trust a size that a header declares",
        metadata="sampling rate, lead names, unit, gain, age, sex and date if arrays state them",
        ignored="other arrays; arrays of objects (pickles) are refused",
        sample_files=("npy/signal_fs_leads.npz: made from a real recording",),
    ),
)
