"""The embedded model's examples: PTB-XL as the server preprocesses it, and its truths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.band import Band, resample_in_band
from signals.segments import MillivoltSteps, Preprocessing
from signals.units import qrs_heights
from training.datasets.ptbxl import (
    MICROVOLTS_PER_MV,
    RATE_HZ,
    SAMPLES,
    PtbXl,
    read_signals,
    read_table,
)
from training.embedded.targets import Target, targets_of

# Usual ECG filters pass 0.5-40 Hz. Up to 40 Hz the database's 100 Hz and 500 Hz releases agree
# (ratio 0.998); mains hum is at 50 Hz.
BAND: Final = Band(low=0.5, flat=34.0, high=42.0)
CLIP_MV: Final = 5.0  # only the very largest QRS exceed it; electrode artefacts are larger
SEGMENT_S: Final = SAMPLES / RATE_HZ
SHORTEST_S: Final = 5.0  # of a recording for which the server runs the model
HELD_BACK: Final = 10  # the test fold of other work: never used here, not even to choose settings


@dataclass(frozen=True, eq=False)
class Examples:
    """One row for each recording of folds 1-9.

    raw      (records, 12, 1000) microvolts as released
    signals  (records, 12, 1000) mV, band-limited and clipped
    usual    (records,) factor that gives each recording's QRS the usual height
    truth    (records, labels) of 0 and 1, columns as `labels`
    helping  (records, n) of 0 and 1
    rows     (records,) of the table
    """

    table: PtbXl
    rows: NDArray[np.intp]
    labels: tuple[Target, ...]
    raw: NDArray[np.int16]
    signals: NDArray[np.float16]
    usual: NDArray[np.float32]
    usual_height_mv: float
    truth: NDArray[np.float32]
    helping: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def fold(self) -> NDArray[np.int64]:
        return self.table.fold[self.rows]

    @property
    def patient(self) -> NDArray[np.int64]:
        return self.table.patient_id[self.rows]

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing that the network must be served with."""
        millivolt = MillivoltSteps(BAND, CLIP_MV, self.usual_height_mv)
        return Preprocessing(
            RATE_HZ,
            SEGMENT_S,
            "band",
            "millivolt",
            tail=True,
            millivolt=millivolt,
            shortest_seconds=SHORTEST_S,
        )


def read_examples(folder: Path, limit: int | None = None) -> Examples:
    """Return folds 1-9 of PTB-XL, in either layout of training/datasets/ptbxl.py.

    limit  at most this many recordings, the first ones, for a trial run
    """
    table = read_table(folder)
    targets = targets_of(table)
    rows = np.flatnonzero(table.fold != HELD_BACK)
    rows = rows[:limit]
    raw = read_signals(table, rows[-1] + 1)[rows]
    signals = np.empty(raw.shape, np.float16)
    heights = np.full(len(rows), np.nan)
    for index, signal in enumerate(raw):
        limited = resample_in_band(signal / MICROVOLTS_PER_MV, RATE_HZ, RATE_HZ, BAND)
        lead_heights = qrs_heights(limited, RATE_HZ)
        if lead_heights.size:
            heights[index] = np.median(lead_heights)
        signals[index] = np.clip(limited, -CLIP_MV, CLIP_MV)
    usual_height_mv = round(float(np.nanmedian(heights)), 3)
    usual = np.nan_to_num(usual_height_mv / heights, nan=1.0).clip(0.1, 10.0)
    return Examples(
        table=table,
        rows=rows,
        labels=targets.labels,
        raw=raw,
        signals=signals,
        usual=usual.astype(np.float32),
        usual_height_mv=usual_height_mv,
        truth=targets.truth[rows].astype(np.float32),
        helping=targets.helping[rows].astype(np.float32),
    )
