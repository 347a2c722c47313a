"""Rows for the pacemaker's training: what the head sees of each recording of PTB-XL at 100 Hz and of those of 500 Hz beside it."""

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
from training.datasets.ptbxl import PtbXl, in_standard_order, read_file, read_signals

FS: Final = 100.0
_MILLIVOLT: Final = 1000.0


@dataclass(frozen=True, eq=False)
class Spiked:
    """One recording of 500 Hz: its row (None where its beats cannot be judged), and its spikes.

    fold  PTB-XL's, 0 for a recording of LUDB
    """

    name: str
    paced: bool
    fold: int
    row: NDArray[np.float32] | None
    visible: bool
    chamber: str | None
    log_ratio: float


def ptbxl_rows(table: PtbXl, keep: Path | None) -> NDArray[np.float32]:
    """(recordings, features), a row of NaN where beats cannot be judged; read from `keep` where it is, and left there."""
    if keep is not None and keep.is_file():
        return np.asarray(np.load(keep, allow_pickle=False), np.float32)
    began = time.monotonic()
    found: list[NDArray[np.float32] | None] = []
    for number, signal in enumerate(read_signals(table)):
        found.append(row_of(EcgRecord((signal / _MILLIVOLT).astype(np.float32), FS, LEADS)))
        if number % 1000 == 999:
            print(f"{number + 1} recordings measured, {time.monotonic() - began:.0f} s", flush=True)
    width = next(row.size for row in found if row is not None)
    rows = np.stack([np.full(width, np.nan, np.float32) if row is None else row for row in found])
    if keep is not None:
        np.save(keep, rows, allow_pickle=False)
    return rows


def row_of(record: EcgRecord) -> NDArray[np.float32] | None:
    leads = twelve_leads(record)
    found = measure(leads, record.fs)
    return None if why_unjudged(found) else features(found, leads.signal, record.fs)


def spiked_recordings(table: PtbXl, paced: NDArray[np.bool_], ludb: Path) -> list[Spiked]:
    """LUDB's recordings, and those of PTB-XL at 500 Hz that lie in a packed copy."""
    found = [
        _spiked(name, is_paced, 0, EcgRecord(signal.astype(np.float32), fs, LEADS))
        for name, is_paced, signal, fs in ludb_recordings(ludb)
    ]
    if not table.packed:
        return found
    for path, is_paced, fold in zip(
        table.files[500], paced.tolist(), table.fold.tolist(), strict=True
    ):
        if path is not None:
            record = read_file(path)
            found.append(
                _spiked(
                    path.name,
                    is_paced,
                    fold,
                    EcgRecord(in_standard_order(record), record.fs, LEADS),
                )
            )
    return found


def ludb_recordings(folder: Path) -> list[tuple[str, bool, NDArray[np.float64], float]]:
    """(name, paced, (12, samples) mV, rate) of each."""
    with (folder / "ludb.csv").open(newline="") as file:
        paced = {
            row["ID"].strip(): bool((row["Cardiac pacing"] or "").strip())
            for row in csv.DictReader(file)
        }
    return [
        (record.name, paced[record.name], record.signal, record.fs) for record in read_ludb(folder)
    ]


def _spiked(name: str, paced: bool, fold: int, record: EcgRecord) -> Spiked:
    leads = twelve_leads(record)
    spikes, found = spikes_and_pacing(record, leads, find_r_peaks(leads.signal, record.fs))
    ratio = stable_log_ratio(spikes.times_s.size, found, record.duration_s)
    return Spiked(
        name, paced, fold, row_of(record), spikes.invisible_reason is None, found.chamber, ratio
    )


def usable(rows: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(rows).any(axis=1))
