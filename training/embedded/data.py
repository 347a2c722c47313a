"""The embedded model's examples: PTB-XL as the server's preprocessing would hand it over, and what is true of each recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signals.band import Band, resample_in_band
from signals.segments import Millivolt, Preprocessing
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

# The usual filters leave 0.5-40 Hz. Up to 40 Hz the database's 100 Hz and 500 Hz releases agree (ratio 0.998); at 50 Hz is mains hum.
BAND: Final = Band(low=0.5, flat=34.0, high=42.0)
CLIP_MV: Final = (
    5.0  # beyond any QRS in one lead but the very largest; electrode artefacts are larger
)
SEGMENT_S: Final = SAMPLES / RATE_HZ
SHORTEST_S: Final = 5.0  # the interface's: less, and the model parts are null
HELD_BACK: Final = 10  # the fold that others judge by: never trained on, chosen by or looked at


@dataclass(frozen=True, eq=False)
class Examples:
    """What is learned from, one row for each recording of folds 1-9.

    raw      (records, 12, 1000) microvolts as released
    signals  (records, 12, 1000) mV, band-limited and clipped
    usual    (records,) factors that make each one's QRS of usual height
    truth    (records, labels) 0 or 1, columns as `labels`; helping (records, n) 0 or 1
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
        """What the network is to be served with."""
        millivolt = Millivolt(BAND, CLIP_MV, self.usual_height_mv)
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
    """Folds 1-9 of PTB-XL in either layout (training/datasets/ptbxl.py); `limit` takes evenly spaced recordings, to try it."""
    table = read_table(folder)
    targets = targets_of(table)
    rows = np.flatnonzero(table.fold != HELD_BACK)
    if limit is not None:
        rows = rows[:: max(1, len(rows) // limit)][:limit]
    raw = read_signals(table)[rows]
    signals = np.empty(raw.shape, np.float16)
    heights = np.full(len(rows), np.nan)
    for index, signal in enumerate(raw):
        limited = resample_in_band(signal / MICROVOLTS_PER_MV, RATE_HZ, RATE_HZ, BAND)
        found = qrs_heights(limited, RATE_HZ)
        heights[index] = np.median(found) if found.size else np.nan
        signals[index] = np.clip(limited, -CLIP_MV, CLIP_MV)
    usual_height_mv = round(float(np.nanmedian(heights)), 3)
    usual = np.nan_to_num(usual_height_mv / heights, nan=1.0).clip(0.1, 10.0).astype(np.float32)
    truth, helping = (
        targets.truth[rows].astype(np.float32),
        targets.helping[rows].astype(np.float32),
    )
    return Examples(
        table, rows, targets.labels, raw, signals, usual, usual_height_mv, truth, helping
    )
