"""Convert samples to millivolt, and check whether values in millivolt are plausible."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadOption
from signals.order import median
from signals.record import EcgRecord, Units

# Limits of a QRS complex's plausible peak-to-peak value; docs/api.md, "A record", states them.
MAX_QRS_MV: Final = 20.0
MIN_QRS_MV: Final = 0.02

# "µ" is the micro sign or the Greek letter, depending on the keyboard; casefold() turns the former
# into the latter. The values are how many of the unit make 1 mV.
_PER_MILLIVOLT: Final = {"mv": 1.0, "uv": 1000.0, "μv": 1000.0, "v": 0.001}
_ALLOWED: Final = "mV, uV, V or unknown"
_MAX_UNIT_CHARS: Final = 16  # of a client's unit that an error message shows
# A window of this length contains a QRS complex at 60 beats per minute and more, and little
# baseline wander.
_WINDOW_S: Final = 1.0


def to_millivolt(
    signal: NDArray[np.floating | np.signedinteger], units: str, gain: float | None = None
) -> tuple[NDArray[np.float32], Units]:
    """Convert samples of any type and memory layout to float32 in mV, in C order.

    Samples in unknown units keep their values if there is no gain.

    units  mV, uV, V or unknown, in upper or lower case
    gain   ADC units per mV: mV = value / gain, with units mV or unknown
    Returns (samples, "mV" or "unknown"). Values too large for float32 become infinite;
    `signals.checks` refuses them.
    Raises BadOption for any other unit, for a gain that is not positive, and for a gain together
    with uV or V, which it contradicts.
    """
    unit = _checked_unit(units)
    if gain is not None:
        divisor = _checked_gain(gain, unit)
    elif unit == "unknown":
        return np.ascontiguousarray(signal, np.float32), "unknown"
    else:
        divisor = _PER_MILLIVOLT[unit]
    with np.errstate(over="ignore", invalid="ignore"):
        if divisor == 1.0:
            return np.ascontiguousarray(signal, np.float32), "mV"
        # The division is in double precision, so that a value is rounded only once.
        millivolt = np.true_divide(signal, divisor, dtype=np.float64)
        return np.ascontiguousarray(millivolt, np.float32), "mV"


def check_millivolt(record: EcgRecord) -> EcgRecord:
    """Return the record, with units "unknown" and a warning if its values in mV are implausible.

    Values are implausible if the QRS complexes are higher than 20 mV or lower than 0.02 mV. A wrong
    unit scales all leads alike, but a broken electrode changes only its own leads. The complexes
    are therefore too high if the median height over leads is above the limit, and too low if the
    height in every lead is below it. Constant leads are not counted.
    """
    if record.units != "mV":
        return record
    heights = qrs_heights(record.signal, record.fs)
    if heights.size == 0:
        return record
    if median(heights) > MAX_QRS_MV:
        height = f"more than {MAX_QRS_MV:g} mV"
    elif heights.max() < MIN_QRS_MV:
        height = f"less than {MIN_QRS_MV:g} mV"
    else:
        return record
    warning = (
        f"units: QRS complexes of {height} peak to peak are implausible; the units are treated as"
        " unknown, and everything that needs volts is null"
    )
    return replace(record, units="unknown", warnings=(*record.warnings, warning))


def qrs_heights(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """Estimate the QRS complex's peak-to-peak height in each lead that is not constant.

    The estimate is the median of the peak-to-peak values in windows of 1 s. It needs no R peaks,
    and artefacts in fewer than half of the windows do not change it much.

    signal  (leads, samples) at `fs` Hz, NaN for gaps
    Returns (leads that are not constant,) in the signal's units.
    """
    window_samples = min(max(round(_WINDOW_S * fs), 1), max(signal.shape[1], 1))
    window_count = signal.shape[1] // window_samples
    if window_count == 0:
        return np.zeros(0, np.float32)
    windows = signal[:, : window_count * window_samples].reshape(
        len(signal), window_count, window_samples
    )
    # fmax and fmin ignore NaN. The range is NaN only if every sample of the window is missing.
    ranges = np.fmax.reduce(windows, axis=2) - np.fmin.reduce(windows, axis=2)
    if not np.isnan(ranges).any():
        return np.asarray(median(ranges[ranges.max(axis=1) > 0]), np.float32)
    heights = []
    for lead_ranges in ranges:
        known_ranges = lead_ranges[~np.isnan(lead_ranges)]
        if known_ranges.size and known_ranges.max() > 0:
            heights.append(median(known_ranges))
    return np.array(heights, np.float32)


def _checked_unit(units: str) -> str:
    """Return the unit in lower case. Raises BadOption for an unknown one."""
    unit = units.strip().casefold()
    if unit not in _PER_MILLIVOLT and unit != "unknown":
        shown = ascii(units[:_MAX_UNIT_CHARS])
        raise BadOption(f"units: {shown}; allowed are {_ALLOWED}", loc=("units",))
    return unit


def _checked_gain(gain: float, unit: str) -> float:
    """Return the gain. Raises BadOption if it is not positive or contradicts the unit."""
    if not (math.isfinite(gain) and gain > 0):
        raise BadOption(
            f"gain: {gain:g}; a positive number of ADC units per mV is required", loc=("gain",)
        )
    if unit not in ("mv", "unknown"):
        raise BadOption(
            "units: contradicts gain, which turns ADC units into mV; send only one of the two",
            loc=("units",),
        )
    return gain
