"""A recording whose beats experts have marked, whatever collection it is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FIDUCIALS: Final = (
    "p_onset",
    "p_offset",
    "qrs_onset",
    "qrs_offset",
    "t_onset",
    "t_offset",
    "p_peak",
)
P_ON, P_OFF, QRS_ON, QRS_OFF, T_ON, T_OFF, P_PEAK = range(7)


@dataclass(frozen=True, eq=False)
class AnnotatedRecord:
    """One recording with its annotations.

    signal   (12, samples) mV, leads as LEADS
    marks    (beats, 12, 7) seconds: FIDUCIALS of each annotated beat and lead, NaN where none is
             annotated
    peaks    (beats,) seconds: median QRS peak over leads
    lead_two_peaks  (QRS complexes,) seconds: the QRS peaks of lead II
    no_pr    fibrillation, flutter, third-degree block or paced: P waves are not annotated, and PR
             has no meaning
    is_regular  without pacing, fibrillation, flutter and extrasystoles
    """

    name: str
    signal: NDArray[np.float64]
    fs: float
    marks: NDArray[np.float64]
    peaks: NDArray[np.float64]
    lead_two_peaks: NDArray[np.float64]
    no_pr: bool
    is_regular: bool = False
