"""The measured features that the pacemaker's training reads.

A row has the features of one recording of PTB-XL at 100 Hz. Recordings of 500 Hz, from LUDB and
from a packed PTB-XL, also have their spikes judged.
"""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.pacing import spikes_and_pacing
from heads.paced_beats import features, why_unjudged
from heads.pacemaker import stable_log_ratio
from intervals.measure import measure
from signals.leads import LEADS, twelve_leads
from signals.r_peaks import find_r_peaks
from signals.record import EcgRecord
from training.datasets.ludb import read_ludb
from training.datasets.ptbxl import (
    MICROVOLTS_PER_MV,
    RATE_HZ,
    PtbXl,
    in_standard_order,
    read_file,
    read_signals,
)

PROGRESS_EVERY: Final = 1000  # recordings
LUDB_FOLD: Final = 0  # PTB-XL's folds are 1 to 10


@dataclass(frozen=True, eq=False)
class SpikeRecording:
    """One recording of 500 Hz.

    fold       PTB-XL's, LUDB_FOLD for a recording of LUDB
    row        (features,), None where its beats cannot be judged
    visible    whether it can show spikes
    chamber    what its spikes pace, None where too few are at a stable distance from beats
    log_ratio  log likelihood ratio of its spikes, without limits
    """

    name: str
    paced: bool
    fold: int
    row: NDArray[np.float32] | None
    visible: bool
    chamber: str | None
    log_ratio: float


def ptbxl_rows(table: PtbXl, keep: Path | None) -> NDArray[np.float32]:
    """Return the features of PTB-XL's recordings, (recordings, features).

    A row is NaN where the beats cannot be judged.

    keep  a file that the rows are read from, or written to if it is missing; None for no file
    """
    if keep is not None and keep.is_file():
        return np.asarray(np.load(keep, allow_pickle=False), np.float32)
    began = time.monotonic()
    judged: list[NDArray[np.float32] | None] = []
    for signal in read_signals(table):
        millivolts = (signal / MICROVOLTS_PER_MV).astype(np.float32)
        judged.append(row_of(EcgRecord(millivolts, RATE_HZ, LEADS)))
        if len(judged) % PROGRESS_EVERY == 0:
            print(
                f"{len(judged)} recordings measured, {time.monotonic() - began:.0f} s", flush=True
            )
    width = next(row.size for row in judged if row is not None)
    unjudged = np.full(width, np.nan, np.float32)
    rows = np.stack([unjudged if row is None else row for row in judged])
    if keep is not None:
        np.save(keep, rows, allow_pickle=False)
    return rows


def row_of(record: EcgRecord) -> NDArray[np.float32] | None:
    """Return a recording's features, (features,); None where its beats cannot be judged."""
    leads = twelve_leads(record)
    measurements = measure(leads, record.fs)
    if why_unjudged(measurements):
        return None
    return features(measurements, leads.signal, record.fs)


def measured(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows (recordings, features) have features."""
    return np.asarray(~np.isnan(rows).any(axis=1))


def spike_recordings(table: PtbXl, paced: NDArray[np.bool_], ludb: Path) -> list[SpikeRecording]:
    """Return LUDB's recordings, and the 500 Hz recordings of a packed PTB-XL.

    paced  (recordings of the table,)
    """
    recordings = [
        _judged(name, is_paced, LUDB_FOLD, EcgRecord(signal.astype(np.float32), fs, LEADS))
        for name, is_paced, signal, fs in _ludb_recordings(ludb)
    ]
    if not table.packed:
        return recordings
    for path, is_paced, fold in zip(
        table.files[500], paced.tolist(), table.fold.tolist(), strict=True
    ):
        if path is None:
            continue
        stored = read_file(path)
        record = EcgRecord(in_standard_order(stored), stored.fs, LEADS)
        recordings.append(_judged(path.name, is_paced, fold, record))
    return recordings


def _ludb_recordings(folder: Path) -> list[tuple[str, bool, NDArray[np.float64], float]]:
    """Return name, whether paced, signal (12, samples) in mV, and rate of each recording."""
    with (folder / "ludb.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    paced = {row["ID"].strip(): bool((row["Cardiac pacing"] or "").strip()) for row in table}
    return [
        (record.name, paced[record.name], record.signal, record.fs) for record in read_ludb(folder)
    ]


def _judged(name: str, paced: bool, fold: int, record: EcgRecord) -> SpikeRecording:
    leads = twelve_leads(record)
    r_peaks = find_r_peaks(leads.signal, record.fs)
    spikes, pacing = spikes_and_pacing(record, leads, r_peaks)
    return SpikeRecording(
        name=name,
        paced=paced,
        fold=fold,
        row=row_of(record),
        visible=spikes.invisible_reason is None,
        chamber=pacing.chamber,
        log_ratio=stable_log_ratio(spikes.times_s.size, pacing, record.duration_s),
    )
