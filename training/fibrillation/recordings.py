"""Recordings with their episodes of ventricular fibrillation, at the rate of the watch."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from heads.fibrillation.signal_input import WATCH_HZ, Rows, constant_runs
from training.datasets.ds1 import flutter_s, read_ds1
from training.datasets.packed import loader_of

# The Creighton University database's mark of a saturated amplifier, -32768 steps of 2.5 uV.
SATURATED_MV: Final = -80.0
CUDB: Final = "CUDB"
SVDB: Final = "SVDB"
DS1: Final = "MIT-BIH DS1"
ALARMS: Final = "Challenge 2015"
DEVICES: Final = "Challenge 2017"
# Its borders of fibrillation are not marked.
UNMARKED: Final = frozenset({"cu02"})
VF_ALARM: Final = "Ventricular_Flutter_Fib"
VT_ALARM: Final = "Ventricular_Tachycardia"


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording, which counts as one patient.

    leads     (leads, samples) mV at WATCH_HZ, NaN for gaps
    episodes  (first second, last second) of each episode of fibrillation or flutter
    alarm     of the Challenge 2015: what the monitor announced at the recording's end
    is_true   whether that alarm was true
    """

    source: str
    name: str
    leads: Rows
    episodes: tuple[tuple[float, float], ...] = ()
    alarm: str = ""
    is_true: bool = False

    @property
    def seconds(self) -> int:
        return int(self.leads.shape[1] / WATCH_HZ)

    @property
    def has_marks(self) -> bool:
        """Whether it is known when the patient fibrillates."""
        return self.name not in UNMARKED and self.alarm != VF_ALARM


def read_recordings(data: Path) -> Iterator[Recording]:
    """Yield what the model is fitted to and scored on.

    data  a folder with cudb, svdb, mitbih_ds1 and cinc2015
    Raises FileNotFoundError if one is missing.
    """
    yield from _cudb(data / "cudb")
    for row, signal in loader_of(data / "svdb").records():
        yield Recording(SVDB, row["record"], at_watch_rate(signal, int(row["fs"])))
    yield from _ds1(data / "mitbih_ds1")
    for row, signal in loader_of(data / "cinc2015").records():
        leads = at_watch_rate(signal, int(row["fs"]))
        yield Recording(ALARMS, row["record"], leads, (), row["alarm"], row["true"] == "1")


def read_devices(data: Path) -> Iterator[Recording]:
    """Yield recordings without fibrillation that nothing is fitted to: the Challenge 2017's.

    The recording's alarm is its label.
    """
    for row, signal in loader_of(data / "cinc2017").records():
        leads = at_watch_rate(signal, int(row["fs"]))
        yield Recording(DEVICES, row["record"], leads, (), row["label"])


def _cudb(folder: Path) -> Iterator[Recording]:
    episodes = defaultdict(list)
    rows = loader_of(folder).records()
    with (folder / "vf.csv").open(newline="", encoding="utf-8") as file:
        for episode in csv.DictReader(file):
            ends = (int(episode["start_sample"]), int(episode["end_sample"]))
            episodes[episode["record"]].append(ends)
    for row, signal in rows:
        fs = int(row["fs"])
        seconds = tuple((start / fs, stop / fs) for start, stop in episodes[row["record"]])
        known = np.where(signal < SATURATED_MV, np.float32(np.nan), signal)
        yield Recording(CUDB, row["record"], at_watch_rate(known, fs), seconds)


def _ds1(folder: Path) -> Iterator[Recording]:
    for name, record, annotation in read_ds1(folder):
        leads = at_watch_rate(record.p_signal.T, int(record.fs))
        yield Recording(DS1, name, leads, flutter_s(annotation))


def at_watch_rate(signal: NDArray[np.floating], fs: int) -> Rows:
    """Return (leads, n) at WATCH_HZ of (leads, samples) at `fs`, with NaN for gaps."""
    ratio = Fraction(int(WATCH_HZ), fs)
    missing = np.isnan(signal) | constant_runs(signal, fs)
    resampled = []
    for lead, gaps in zip(signal.astype(np.float64), missing, strict=True):
        places = np.flatnonzero(~gaps)
        whole = np.interp(np.arange(lead.size), places, lead[places]) if places.size else lead
        level = whole[0]  # subtracted: before the first sample the filter assumes 0
        values = resample_poly(whole - level, ratio.numerator, ratio.denominator) + level
        source = np.minimum(np.arange(values.size) * fs // int(WATCH_HZ), lead.size - 1)
        values[gaps[source]] = np.nan
        resampled.append(values)
    return np.array(resampled, np.float32)
