"""NumPy's .npz: the arrays of one zip, a signal and what is said of it. Arrays of objects (pickles) are refused."""

from __future__ import annotations

from collections.abc import Sequence

from formats.arrays.named_arrays import recording_of
from formats.arrays.npy import any_array
from formats.channels import record_from_channels
from formats.hints import Hints
from formats.parts import About, Format, Part
from signals.record import EcgRecord


def read(head: Part, parts: Sequence[Part], hints: Hints) -> EcgRecord:
    """Raises CorruptFile, UnsafeFile, and what `named_arrays.recording_of` raises."""
    arrays = {
        member.basename.removesuffix(".npy"): any_array(member.data) for member in head.members
    }
    return record_from_channels(recording_of(arrays, "npz", hints), hints)


FORMAT = Format(
    name="npz",
    detect=lambda part: bool(part.members),
    read=read,
    about=About(
        variants="a table called signal, ecg or data (or the only one), leads x samples or samples x leads; or an array for each lead",
        parser="our own zip and .npy readers, which allocate nothing by what a header says",
        metadata="rate, lead names, unit, gain, age, sex and date where arrays say them",
        ignored="other arrays; object arrays (pickles) are refused",
        sample_files=("npy/signal_fs_leads.npz: made from a real recording",),
    ),
)
