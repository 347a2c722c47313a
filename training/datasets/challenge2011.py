"""PhysioNet/CinC Challenge 2011, set-a: its labelled recordings.

Read from a packed copy (load.py) or as PhysioNet distributes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from formats.parts import Part
from formats.registry import read
from signals.lead_lists import parse_lead_names
from signals.record import EcgRecord
from training.datasets.packed import loader_of

# Each listing of recordings, and whether they are acceptable.
LISTINGS = {"RECORDS-acceptable": True, "RECORDS-unacceptable": False}
LABELS = {"acceptable": True, "unacceptable": False}  # of the packed copy


def labelled_records(folder: Path) -> Iterator[tuple[EcgRecord, bool]]:
    """Yield each recording in mV, and whether it is acceptable.

    The two recordings that the annotators did not agree on are left out.
    """
    if (folder / "load.py").is_file():
        return _packed(folder)
    return _downloaded(folder)


def _packed(folder: Path) -> Iterator[tuple[EcgRecord, bool]]:
    loader = loader_of(folder)
    for name, fs, lead_names, signal, label in loader.records(str(folder)):
        if label in LABELS:
            record = EcgRecord(
                np.ascontiguousarray(signal, np.float32),
                float(fs),
                parse_lead_names(list(lead_names)),
                id=name,
            )
            yield record, LABELS[label]


def _downloaded(folder: Path) -> Iterator[tuple[EcgRecord, bool]]:
    """Read the WFDB pairs that RECORDS-acceptable and RECORDS-unacceptable list."""
    for listing, acceptable in LISTINGS.items():
        names = (folder / listing).read_text().split()
        for name in names:
            header = _part(folder / f"{name}.hea")
            signal = _part(folder / f"{name}.dat")
            yield read([header, signal]), acceptable


def _part(path: Path) -> Part:
    return Part(path.name, path.read_bytes())
