"""Recordings whose beats experts have marked, at the rate of the watch."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.classes import CLASSES
from signals.streams.watch_rate import WATCH_HZ, source_range, to_watch_rate
from training.datasets.ds1 import flutter_s, read_ds1
from training.datasets.packed import loader_of

# Which annotations of MIT-BIH's are which class of ANSI/AAMI EC57.
MEMBERS: Final = {"N": "NLRejB", "S": "AaJSn", "V": "VEr", "F": "F", "Q": "/fQ?"}
CLASS_OF: Final = {
    symbol: CLASSES.index(name) for name, symbols in MEMBERS.items() for symbol in symbols
}

Signal = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording, which is one patient.

    leads    (leads, samples) mV at WATCH_HZ, NaN for gaps
    time_s   (beats,) marked R peaks
    label    (beats,) index into CLASSES
    flutter  (first second, last second) of each stretch of ventricular flutter, which has no beats
    """

    name: str
    leads: Signal
    time_s: NDArray[np.float64]
    label: NDArray[np.intp]
    flutter: tuple[tuple[float, float], ...] = ()


def read_recordings(data: Path) -> Iterator[Recording]:
    """Yield the recordings that the models are fitted to and scored on.

    data  a folder with mitbih_ds1 and svdb
    Raises FileNotFoundError if one is missing.
    """
    for name, record, annotation in read_ds1(data / "mitbih_ds1"):
        leads = at_watch_rate(record.p_signal.T, float(record.fs))
        time_s, label = _beats(annotation.sample / record.fs, annotation.symbol, leads)
        yield Recording(name, leads, time_s, label, flutter_s(annotation))
    yield from _svdb(data / "svdb")


def _svdb(folder: Path) -> Iterator[Recording]:
    marks = defaultdict(list)
    with (folder / "annotations.csv").open(newline="", encoding="utf-8") as file:
        for mark in csv.DictReader(file):
            marks[mark["record"]].append((int(mark["sample"]), mark["symbol"]))
    for row, signal in loader_of(folder).records():
        fs = float(row["fs"])
        leads = at_watch_rate(signal, fs)
        samples, symbols = zip(*marks[row["record"]], strict=True)
        time_s, label = _beats(np.array(samples) / fs, symbols, leads)
        yield Recording(row["record"], leads, time_s, label)


def _beats(
    time_s: NDArray[np.float64], symbols: Any, leads: Signal
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the times and the classes of the annotations that are beats."""
    is_beat = np.array([symbol in CLASS_OF for symbol in symbols])
    is_beat &= time_s < leads.shape[1] / WATCH_HZ
    label = [CLASS_OF[symbol] for symbol, flag in zip(symbols, is_beat, strict=True) if flag]
    return time_s[is_beat], np.array(label, np.intp)


def at_watch_rate(signal: NDArray[np.floating[Any]], fs: float) -> Signal:
    """Return (leads, whole seconds at WATCH_HZ) of (leads, samples) at `fs`, as the watch does."""
    stop = int(signal.shape[1] / fs) * WATCH_HZ
    start, end = source_range(fs, 0, stop)
    pad = ((0, 0), (-start, max(end - signal.shape[1], 0)))
    padded = np.pad(signal[:, : max(end, 0)], pad, constant_values=np.nan)
    return to_watch_rate(padded.astype(np.float32), fs, 0, stop)
