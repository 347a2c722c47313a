"""The QT Database: two leads of Holter recordings with an expert's marks of P, QRS and T.

PhysioNet qtdb 1.0.0 (Laguna et al., Computers in Cardiology 1997), ODC-BY 1.0. The expert saw both
leads at once and made one set of marks.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np

from signals.leads import LEADS, canonical_lead
from training.datasets.annotated import (
    FIDUCIALS,
    P_OFF,
    P_ON,
    P_PEAK,
    QRS_OFF,
    QRS_ON,
    T_OFF,
    AnnotatedRecord,
)

EXPERT: Final = "q1c"  # the first; the second marked a part of the records
# Where a lead has no standard name ("ECG1", "CM5"), its recording is put in these rows: leads with
# P, QRS and T upright, as electrodes of Holter recorders are chosen.
_ROWS_WITHOUT_NAME: Final = (LEADS.index("II"), LEADS.index("V5"))
_COLUMNS: Final = {
    P_ON: "p_on",
    P_PEAK: "p_peak",
    P_OFF: "p_off",
    QRS_ON: "qrs_on",
    QRS_OFF: "qrs_off",
    T_OFF: "t_off",
}


def read_qtdb(folder: Path) -> list[AnnotatedRecord]:
    """Read every record of `folder`, with the first expert's marks in `folder`/beats.csv."""
    beats: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (folder / "beats.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["annotator"] == EXPERT:
                beats[row["record"]].append(row)
    return [_read(folder / name, beats[name]) for name in sorted(beats)]


def _read(path: Path, beats: list[dict[str, str]]) -> AnnotatedRecord:
    import wfdb

    record = wfdb.rdrecord(str(path))
    fs = float(record.fs)
    rows = _rows(record.sig_name)
    signal = np.full((len(LEADS), record.sig_len), np.nan)
    signal[rows] = record.p_signal.T

    marks = np.full((len(beats), len(LEADS), len(FIDUCIALS)), np.nan)
    for beat, columns in zip(marks, beats, strict=True):
        for index, name in _COLUMNS.items():
            if columns[name]:
                beat[rows, index] = float(columns[name]) / fs
    peaks = np.array([float(columns["r"]) / fs for columns in beats])
    has_p = np.isfinite(marks[:, rows[0], P_ON]).mean() >= 0.5
    return AnnotatedRecord(
        name=path.name,
        signal=signal,
        fs=fs,
        marks=marks,
        peaks=peaks,
        lead_two_peaks=peaks,
        no_pr=not has_p,
    )


def _rows(names: list[str]) -> list[int]:
    """Return the rows of two leads among LEADS: by their names, or those without a name."""
    leads = [canonical_lead(name) for name in names]
    if None in leads or len(set(leads)) < len(leads):
        return list(_ROWS_WITHOUT_NAME)
    return [LEADS.index(lead) for lead in leads if lead is not None]
