"""Detection of the calibration pulse, a rectangle of 1 mV in all leads at once.

Some electrocardiographs write it into the samples (Philips at the end, in an eleventh second). No
heart moves I, II and V1-V6 by the same step.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from signals.leads import INDEPENDENT_LEADS
from signals.record import EcgRecord

Pulse: TypeAlias = tuple[float, float] | None
"""Start and end in seconds; None if there is no pulse."""

MIN_LEADS: Final = 4
# The edge of a pulse, after the device's own low-pass filter.
EDGE_S: Final = 0.02
# 1 mV, with a margin for the ECG below the pulse.
STEP_MV: Final = (0.8, 1.2)
# Largest difference of an edge between leads, for the same reason.
ALIKE_MV: Final = 0.25
# Usually 0.2 s. A pulse may be cut by the end of the recording.
LENGTH_S: Final = (0.04, 0.6)


def find_pulse(record: EcgRecord) -> Pulse:
    """Return the first calibration pulse of a recording.

    It is recognised by its height in mV, so there is none if the units are unknown.
    """
    samples = record.samples
    reach = max(round(EDGE_S * record.fs / 2), 1)
    if record.units != "mV" or samples < 4 * reach:
        return None
    # In the other limb leads, which follow from I and II, the pulse may be 0, -1 or 0.5 mV.
    independent = [row for row, lead in enumerate(record.lead_names) if lead in INDEPENDENT_LEADS]
    varying = (row for row in independent if _is_varying(record.signal[row]))
    first = next(varying, None)
    if first is None:
        return None
    smallest, largest = STEP_MV
    # Most recordings have no such step in their first lead, and the others need not be read.
    first_steps = _steps(record.signal[first], reach)
    if not ((first_steps > smallest) & (first_steps < largest)).any():
        return None
    rows = [first, *varying]
    if len(rows) < MIN_LEADS:
        return None
    steps = _steps(record.signal[rows], reach)
    # (samples,) over the leads
    lowest = steps.min(axis=0)
    highest = steps.max(axis=0)
    is_alike = highest - lowest < ALIKE_MV
    is_up = (lowest > smallest) & (highest < largest) & is_alike
    is_down = (highest < -smallest) & (lowest > -largest) & is_alike
    # The first step is that of sample `reach`.
    ups = _middles_of_runs(is_up) + reach
    downs = _middles_of_runs(is_down) + reach
    return _first_pulse(ups, downs, samples, record.fs)


def _first_pulse(ups: NDArray[np.intp], downs: NDArray[np.intp], samples: int, fs: float) -> Pulse:
    """Return the first edge up with an edge down, or the recording's end, at a fitting distance.

    ups, downs  (edges,) samples of the edges
    samples     the recording's length
    """
    shortest, longest = LENGTH_S
    for up in ups:
        start_s = float(up / fs)
        later_downs = downs[downs > up]
        lengths_s = (later_downs - up) / fs
        is_fitting = (lengths_s >= shortest) & (lengths_s <= longest)
        if is_fitting.any():
            length_s = lengths_s[is_fitting][0]
            end_s = float(up / fs + length_s)
            return start_s, end_s
        until_end_s = (samples - up) / fs
        if later_downs.size == 0 and shortest <= until_end_s <= longest:
            return start_s, samples / fs
    return None


def _is_varying(lead: NDArray[np.float32]) -> bool:
    """Return whether a lead (samples,) was recorded: one that is constant or empty was not."""
    # fmax and fmin ignore NaN.
    return bool(np.fmax.reduce(lead) > np.fmin.reduce(lead))


def _steps(signal: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return (..., samples - 2 x reach) the rise about each sample.

    It is the difference of the samples `reach` after it and `reach` before it.
    """
    after = signal[..., 2 * reach :]
    before = signal[..., : -2 * reach]
    return after - before


def _middles_of_runs(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the middle of each run of True in (samples,)."""
    # False at both ends, so that every run has two edges.
    bounded = np.concatenate([[False], mask, [False]])
    edges = np.diff(bounded.astype(np.int8))
    starts = np.flatnonzero(edges == 1)
    stops = np.flatnonzero(edges == -1)
    middles: NDArray[np.intp] = (starts + stops) // 2
    return middles
