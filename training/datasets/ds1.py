"""The 22 whole records of the MIT-BIH Arrhythmia Database's training patients (DS1), packed."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import wfdb

ARCHIVE: Final = "ds1.tar.xz"


def read_ds1(folder: Path) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, wfdb record, its annotation) of each record, by name.

    Raises FileNotFoundError if the folder has no archive.
    """
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(folder / ARCHIVE) as packed:
            packed.extractall(unpacked, filter="data")
        for header in sorted(Path(unpacked).rglob("*.hea")):
            path = str(header.with_suffix(""))
            yield header.stem, wfdb.rdrecord(path), wfdb.rdann(path, "atr")


def flutter_s(annotation: Any) -> tuple[tuple[float, float], ...]:
    """Return (first, last) second of each stretch between [ and ]: ventricular flutter."""
    seconds = annotation.sample / annotation.fs
    symbols = np.array(annotation.symbol)
    starts, stops = seconds[symbols == "["], seconds[symbols == "]"]
    return tuple(zip(starts.tolist(), stops.tolist(), strict=True))
