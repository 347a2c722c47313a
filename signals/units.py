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

# How many of a unit make 1 mV.
_PER_MILLIVOLT: Final = {"V": 1e-3, "mV": 1.0, "uV": 1e3, "nV": 1e6}
# "µ" is the micro sign or the Greek letter, depending on the keyboard; casefold() turns the former
# into the latter. "mcV" is what Health Auto Export writes (github.com/Lybron/health-auto-export,
# issue 69); the Cyrillic symbols are those of GOST 8.417; the words are English, German and French,
# Spanish, Portuguese and Italian, Russian.
_PREFIXES: Final = {
    "V": ("",),
    "mV": ("m", "milli", "mili", "м", "милли"),
    "uV": ("u", "μ", "mc", "mk", "micro", "mikro", "мк", "микро"),
    "nV": ("n", "nano", "н", "нано"),
}
_VOLTS: Final = ("v", "volt", "volts", "voltio", "voltios", "в", "вольт")
_UNIT_OF_SPELLING: Final = {
    prefix + volt: unit
    for unit, prefixes in _PREFIXES.items()
    for prefix in prefixes
    for volt in _VOLTS
}
UNKNOWN: Final = "unknown"
_ALLOWED: Final = "mV, uV, V or unknown"
_MAX_UNIT_CHARS: Final = 16  # of a client's unit that an error message shows
# A window of this length contains a QRS complex at 60 beats per minute and more, and little
# baseline wander.
_WINDOW_S: Final = 1.0


def voltage_unit(unit: str) -> str | None:
    """Return V, mV, uV or nV for any usual spelling of it, or None if it is not one of these."""
    return _UNIT_OF_SPELLING.get(unit.strip().casefold())


def millivolt_per_unit(unit: str) -> float | None:
    """Return how many mV one of a unit is; None if the unit is not a voltage."""
    known = voltage_unit(unit)
    return None if known is None else 1.0 / _PER_MILLIVOLT[known]


def is_known_unit(unit: str) -> bool:
    """Return whether a unit is a voltage, or the word unknown."""
    return voltage_unit(unit) is not None or unit.strip().casefold() == UNKNOWN


def to_millivolt(
    signal: NDArray[np.floating | np.signedinteger], units: str, gain: float | None = None
) -> tuple[NDArray[np.float32], Units]:
    """Convert samples of any type and memory layout to float32 in mV, in C order.

    Samples in unknown units keep their values if there is no gain.

    units  mV, uV, V or unknown, in any spelling that `voltage_unit` knows
    gain   ADC units per mV: mV = value / gain, with units mV or unknown
    Returns (samples, "mV" or "unknown"). Values too large for float32 become infinite;
    `signals.checks` refuses them.
    Raises BadOption for any other unit, for a gain that is not positive, and for a gain together
    with another unit than mV, which it contradicts.
    """
    unit = _checked_unit(units)
    if gain is not None:
        divisor = _checked_gain(gain, unit)
    elif unit == UNKNOWN:
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
    """Return V, mV, uV, nV or "unknown". Raises BadOption for any other unit."""
    unit = UNKNOWN if units.strip().casefold() == UNKNOWN else voltage_unit(units)
    if unit is None:
        shown = ascii(units[:_MAX_UNIT_CHARS])
        raise BadOption(f"units: {shown}; allowed are {_ALLOWED}", loc=("units",))
    return unit


def _checked_gain(gain: float, unit: str) -> float:
    """Return the gain. Raises BadOption if it is not positive or contradicts the unit."""
    if not (math.isfinite(gain) and gain > 0):
        raise BadOption(
            f"gain: {gain:g}; a positive number of ADC units per mV is required", loc=("gain",)
        )
    if unit not in ("mV", UNKNOWN):
        raise BadOption(
            f"units: {unit} contradicts gain, which turns ADC units into mV; send only one of the "
            "two",
            loc=("units",),
        )
    return gain
