"""PhysioNet/CinC 2011, set-a: its labelled recordings, from the packed copy or as PhysioNet has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from formats.parts import Part
from formats.registry import read
from signals.leads import parse_lead_names
from signals.record import EcgRecord
from training.datasets.packed import loader_of

LABELS = {"RECORDS-acceptable": True, "RECORDS-unacceptable": False}


def labelled_records(folder: Path) -> Iterator[tuple[EcgRecord, bool]]:
    """(recording in mV, acceptable); the two that the annotators did not agree on are left out."""
    return _packed(folder) if (folder / "load.py").is_file() else _downloaded(folder)


def _packed(folder: Path) -> Iterator[tuple[EcgRecord, bool]]:
    loader = loader_of(folder)
    for name, fs, leads, signal, label in loader.records(str(folder)):
        if label in ("acceptable", "unacceptable"):
            record = EcgRecord(
                np.ascontiguousarray(signal, np.float32),
                float(fs),
                parse_lead_names(list(leads)),
                id=name,
            )
            yield record, label == "acceptable"


def _downloaded(folder: Path) -> Iterator[tuple[EcgRecord, bool]]:
    """WFDB pairs beside RECORDS-acceptable and RECORDS-unacceptable."""
    for listing, acceptable in LABELS.items():
        for name in (folder / listing).read_text().split():
            yield (
                read(
                    [
                        Part(f"{name}{kind}", (folder / f"{name}{kind}").read_bytes())
                        for kind in (".hea", ".dat")
                    ]
                ),
                acceptable,
            )
