"""The measurements that a device wrote into its file: the one place through which all pass.

Devices write a number for what they did not measure: 0, the largest or lowest number that the field
can hold, or a code (29999 in SCP-ECG, 999 for an axis). No list of such numbers is complete, and
readers add offsets to them. So what is no measurement of a human heart in a recording of this
length counts as not measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from formats.numbers import parse_number
from signals.checks import MIN_SECONDS
from signals.record import Reported

# The fastest ventricular rate that was published (Chhabra et al., Indian Pacing Electrophysiol J
# 2012;12:32); a ventricle's refractory period usually allows 300 per minute.
MAX_RATE_PER_MIN: Final = 600.0
# A choice, far below the 50 ms from which on a QRS complex of the newborn is normal (Rijnbeek et
# al., Eur Heart J 2001;22:702). It leaves out what a file states in another unit than it says.
MIN_INTERVAL_MS: Final = 10.0
# Every interval of a beat is shorter than the time between two beats. A choice: that of 20 beats
# per minute, the slowest that ventricular escape rhythms usually are.
MAX_INTERVAL_MS: Final = 3000.0
# Writers count from -180, -90 or 0 degrees on.
MAX_AXIS_DEG: Final = 360.0
_RATE: Final = "heart_rate_bpm"
_BETWEEN_BEATS: Final = "rr_ms"
# How many of our units make one of the file's. A unit that is not here leaves the number as it is.
_FACTORS: Final = {
    "_ms": {"s": 1000.0, "sec": 1000.0, "us": 1e-3},
    "_bpm": {"hz": 60.0, "/s": 60.0},
    "_deg": {"rad": 57.29577951308232},
}


def parse_measurements(stated: Iterable[tuple[str, object]]) -> dict[str, float]:
    """Return the measurements among what a file states; the first of each name counts.

    stated  pairs of our name and a number or its text, the best first
    """
    measurements: dict[str, float] = {}
    for name, value in stated:
        number = parse_number(value)
        measured = None if number is None else _measured(name, number)
        if measured is not None:
            measurements.setdefault(name, measured)
    return measurements


def in_usual_unit(name: str, value: object, unit: str | None) -> float | None:
    """Return a number in the unit of a measurement's name: 420.0 for ("qt_ms", "0.42", "s")."""
    number = parse_number(value)
    if number is None:
        return None
    _, _, suffix = name.rpartition("_")
    return number * _FACTORS[f"_{suffix}"].get((unit or "").strip().lower(), 1.0)


def of_recording(reported: Reported | None, seconds: float) -> Reported | None:
    """Return what a device reported, without measurements that no recording of this length has.

    An interval is shorter than the recording, and a rate needs two beats in it. A file shorter than
    MIN_SECONDS may be an excerpt of what was measured.
    """
    if reported is None or not reported.measurements or seconds < MIN_SECONDS:
        return reported
    measured = {
        name: number
        for name, number in parse_measurements(reported.measurements.items()).items()
        if _fits(name, number, seconds)
    }
    return replace(reported, measurements=measured)


def _measured(name: str, number: float) -> float | None:
    """Return the measurement, an axis from -180 to 180 degrees; None if it is no human heart's."""
    if name.endswith("_deg"):
        if abs(number) > MAX_AXIS_DEG:
            return None
        # 270 degrees are -90; -180 and 180 stay as they are.
        return number - 360.0 if number > 180 else number + 360.0 if number < -180 else number
    if name == _RATE:
        return number if 0 < number <= MAX_RATE_PER_MIN else None
    if name == _BETWEEN_BEATS:
        return number if number >= 60_000 / MAX_RATE_PER_MIN else None
    return number if MIN_INTERVAL_MS <= number <= MAX_INTERVAL_MS else None


def _fits(name: str, number: float, seconds: float) -> bool:
    if name == _RATE:
        return number * seconds >= 60
    return not name.endswith("_ms") or number <= 1000 * seconds
