"""A calibration pulse within the recording: the rectangle of 1 mV that electrocardiographs draw in all leads at once.

Some write it into the samples (Philips at the end, in an eleventh second). No heart moves I, II and V1-V6 by the same step.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from signals.leads import INDEPENDENT_ROWS, TwelveLeads

Pulse: TypeAlias = tuple[float, float] | None
"""Start and end in seconds, None where there is none."""

MIN_LEADS: Final = 4
EDGE_S: Final = 0.02  # the edge of a pulse, through the device's own low-pass
STEP_MV: Final = (0.8, 1.2)  # 1 mV, less what the ECG below it adds
ALIKE_MV: Final = 0.25  # largest difference of the edges between leads, the same
LENGTH_S: Final = (0.04, 0.6)  # 0.2 s by habit; cut short where the recording ends


def find_pulse(leads: TwelveLeads, fs: float) -> Pulse:
    """The first pulse; `leads` in mV."""
    rows = [
        row for row in INDEPENDENT_ROWS if leads.present[row]
    ]  # in derived leads the pulse is 0, -1 or 0.5 mV
    reach = max(round(EDGE_S * fs / 2), 1)
    if len(rows) < MIN_LEADS or leads.signal.shape[1] < 4 * reach:
        return None
    first = _steps(leads.signal[rows[0]], reach)
    if not ((first > STEP_MV[0]) & (first < STEP_MV[1])).any():
        return None  # as most: the other leads need not be looked at
    signal = leads.signal[rows]
    steps = _steps(signal, reach)
    lowest, highest = steps.min(axis=0), steps.max(axis=0)
    ups = (
        _middles((lowest > STEP_MV[0]) & (highest < STEP_MV[1]) & (highest - lowest < ALIKE_MV))
        + reach
    )
    if ups.size == 0:
        return None
    downs = (
        _middles((highest < -STEP_MV[0]) & (lowest > -STEP_MV[1]) & (highest - lowest < ALIKE_MV))
        + reach
    )
    for up in ups:
        length_s = (downs[downs > up] - up) / fs
        fitting = length_s[(length_s >= LENGTH_S[0]) & (length_s <= LENGTH_S[1])]
        if fitting.size:
            return float(up / fs), float(up / fs + fitting[0])
        left_s = (signal.shape[1] - up) / fs
        if downs[downs > up].size == 0 and LENGTH_S[0] <= left_s <= LENGTH_S[1]:
            return float(up / fs), signal.shape[1] / fs
    return None


def _steps(signal: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """(..., samples) -> (..., samples - 2 x reach): how far each sample's neighbours on either side lie apart."""
    return signal[..., 2 * reach :] - signal[..., : -2 * reach]


def _middles(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The middle of each run of True."""
    edges = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
    middles: NDArray[np.intp] = (np.flatnonzero(edges == 1) + np.flatnonzero(edges == -1)) // 2
    return middles
