"""Volts: samples as sent to millivolt, and whether what claims to be millivolt can be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from errors import BadOption
from signals.order import median
from signals.record import EcgRecord, Units

MAX_QRS_MV: Final = 20.0  # peak to peak; docs/api.md, "A record"
MIN_QRS_MV: Final = 0.02  # the same place

# "µ" is the micro sign or the Greek letter, by keyboard; casefold() turns the one into the other.
_MILLIVOLT_IN: Final = {"mv": 1.0, "uv": 1000.0, "μv": 1000.0, "v": 0.001}
_ALLOWED: Final = "mV, uV, V or unknown"
_MAX_UNIT_CHARS: Final = 16
_WINDOW_S: Final = 1.0  # holds a QRS complex from 60 /min on, and little baseline wander


def to_millivolt(
    signal: NDArray[np.floating | np.signedinteger], units: str, gain: float | None = None
) -> tuple[NDArray[np.float32], Units]:
    """Samples of any type and layout -> float32 in C order, in mV; as they are where the units are unknown.

    gain  ADC units per mV: mV = value / gain, whatever `units` says of mV or unknown
    Raises BadOption (another unit; a gain that is not positive, or beside uV or V, which it contradicts). What
    overflows float32 becomes infinite, for `signals.checks` to refuse.
    """
    unit = _unit(units)
    if gain is not None:
        divisor = _gain(gain, unit)
    elif unit == "unknown":
        return np.ascontiguousarray(signal, np.float32), "unknown"
    else:
        divisor = _MILLIVOLT_IN[unit]
    with np.errstate(over="ignore", invalid="ignore"):
        if divisor == 1.0:
            return np.ascontiguousarray(signal, np.float32), "mV"
        return np.ascontiguousarray(
            np.true_divide(signal, divisor, dtype=np.float64), np.float32
        ), "mV"


def check_millivolt(record: EcgRecord) -> EcgRecord:
    """The record, with units "unknown" and a warning where its mV cannot be: the QRS beyond 20 mV or under 0.02 mV.

    A slip in the units moves all leads alike, a broken electrode only its own. So the record is too large where its
    middle lead is, and too small where every lead is; constant leads say nothing.
    """
    if record.units != "mV":
        return record
    heights = qrs_heights(record.signal, record.fs)
    if heights.size == 0:
        return record
    if median(heights) > MAX_QRS_MV:
        found = f"over {MAX_QRS_MV:g} mV"
    elif heights.max() < MIN_QRS_MV:
        found = f"under {MIN_QRS_MV:g} mV"
    else:
        return record
    warning = f"units: QRS complexes of {found} peak to peak cannot be; the units are taken as unknown, and what needs volts is null"
    return replace(record, units="unknown", warnings=(*record.warnings, warning))


def qrs_heights(signal: NDArray[np.float32], fs: float) -> NDArray[np.float32]:
    """About the QRS complex's peak-to-peak height in each lead that is not constant, in the signal's units.

    signal  (leads, samples), NaN for gaps -> (leads that vary,). The median over windows of 1 s of each one's peak to
    peak, which needs no R peaks, and takes no harm from artefacts in under half of the windows.
    """
    width = min(max(round(_WINDOW_S * fs), 1), max(signal.shape[1], 1))
    count = signal.shape[1] // width
    if count == 0:
        return np.zeros(0, np.float32)
    windows = signal[:, : count * width].reshape(len(signal), count, width)
    ranges = np.fmax.reduce(windows, axis=2) - np.fmin.reduce(windows, axis=2)
    if not np.isnan(ranges).any():
        return np.asarray(median(ranges[ranges.max(axis=1) > 0]), np.float32)
    known = [row[~np.isnan(row)] for row in ranges]
    return np.array([median(row) for row in known if row.size and row.max() > 0], np.float32)


def _unit(units: str) -> str:
    unit = units.strip().casefold()
    if unit not in _MILLIVOLT_IN and unit != "unknown":
        shown = ascii(units[:_MAX_UNIT_CHARS])
        raise BadOption(f"units: {shown}; {_ALLOWED} is needed", loc=("units",))
    return unit


def _gain(gain: float, unit: str) -> float:
    if not (math.isfinite(gain) and gain > 0):
        raise BadOption("gain: a positive number of ADC units per mV is needed", loc=("gain",))
    if unit not in ("mv", "unknown"):
        raise BadOption(
            "units: contradicts gain, which turns ADC units into mV; leave one of them out",
            loc=("units",),
        )
    return gain
