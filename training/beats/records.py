"""The recordings whose beats are annotated one by one: MIT-BIH's DS1, and four of svdb.

DS1 are the training patients of de Chazal et al. 2004. Records 201 and 202 of MIT-BIH are of one
person; 202 is not among them, so each record is a patient.
"""

from __future__ import annotations

import csv
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import wfdb
from numpy.typing import NDArray

from signals.streams.watch_rate import WATCH_HZ, source_range, to_watch_rate
from training.datasets.packed import loader_of

# The classes of ANSI/AAMI EC57 and the annotations of MIT-BIH that belong to them.
SYMBOLS: Final = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
CLASS_OF: Final = {symbol: name for name, symbols in SYMBOLS.items() for symbol in symbols}
FLUTTER_BEGINS, FLUTTER_ENDS = "[", "]"
SVDB_HZ: Final = 128.0
LEADS: Final = 2


@dataclass(frozen=True, eq=False)
class Record:
    """One patient's half hour.

    seconds  (seconds, LEADS, WATCH_HZ) float32, mV
    beat_s   (beats,) when each annotated beat is, s
    classes  (beats,) letters
    flutter  when ventricular flutter or fibrillation begins and ends, s: no beats are annotated
    """

    name: str
    seconds: NDArray[np.float32]
    beat_s: NDArray[np.float64]
    classes: NDArray[np.str_]
    flutter: tuple[tuple[float, float], ...]


def read_records(folder: Path) -> list[Record]:
    """Return the records of `folder`/mitbih_ds1 and `folder`/svdb.

    Raises FileNotFoundError if one of them is not there.
    """
    return [*_mitbih(folder / "mitbih_ds1" / "ds1.tar.xz"), *_svdb(folder / "svdb")]


def _mitbih(archive: Path) -> Iterator[Record]:
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(archive) as tar:
            tar.extractall(name, filter="data")
        for header in sorted(Path(name).rglob("*.hea")):
            yield wfdb_record(header.with_suffix(""))


def wfdb_record(path: Path) -> Record:
    """Return a record in WFDB's format, named by its path without a suffix."""
    record: Any = wfdb.rdrecord(str(path))
    annotation: Any = wfdb.rdann(str(path), "atr")
    return record_of(path.name, record.p_signal.T, record.fs, annotation.sample, annotation.symbol)


def _svdb(folder: Path) -> Iterator[Record]:
    annotations: dict[str, list[tuple[int, str]]] = {}
    with (folder / "annotations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            annotations.setdefault(row["record"], []).append((int(row["sample"]), row["symbol"]))
    for row, signal in loader_of(folder).records():
        samples, symbols = zip(*annotations[row["record"]], strict=True)
        yield record_of(row["record"], signal, SVDB_HZ, samples, symbols)


def record_of(
    name: str,
    signal: NDArray[np.floating[Any]],
    fs: float,
    samples: Sequence[int],
    symbols: Sequence[str],
) -> Record:
    """Return a record of a signal (LEADS, samples) in mV, and of its annotations."""
    seconds = int(signal.shape[1] / fs)
    start, stop = source_range(fs, 0, seconds * WATCH_HZ)
    padded = np.pad(
        signal[:, : max(stop, 0)].astype(np.float32),
        ((0, 0), (-start, max(stop - signal.shape[1], 0))),
        constant_values=np.nan,
    )
    watched = to_watch_rate(padded, fs, 0, seconds * WATCH_HZ)
    beats = [
        (sample / fs, CLASS_OF[symbol])
        for sample, symbol in zip(samples, symbols, strict=True)
        if symbol in CLASS_OF and sample / fs < seconds
    ]
    return Record(
        name=name,
        seconds=np.ascontiguousarray(watched.reshape(LEADS, seconds, WATCH_HZ).transpose(1, 0, 2)),
        beat_s=np.array([time_s for time_s, _ in beats]),
        classes=np.array([letter for _, letter in beats]),
        flutter=tuple(_flutter(samples, symbols, fs)),
    )


def _flutter(
    samples: Sequence[int], symbols: Sequence[str], fs: float
) -> Iterator[tuple[float, float]]:
    began = None
    for sample, symbol in zip(samples, symbols, strict=True):
        if symbol == FLUTTER_BEGINS:
            began = sample / fs
        elif symbol == FLUTTER_ENDS and began is not None:
            yield began, sample / fs
            began = None
