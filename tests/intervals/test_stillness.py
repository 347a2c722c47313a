"""What should not matter to an interval does not: gain, rate, when the recording begins, and small disturbances.

On a few recordings of LUDB by default, on all of them with `scripts/test --long`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.signal import butter, resample_poly, sosfilt

from intervals.measure import measure
from intervals.measurements import Measurements
from tests.data import SHARED, requires_shared
from tests.intervals.synthetic import twelve
from training.ludb import LudbRecord, read_ludb

Change = Callable[[np.ndarray], tuple[np.ndarray, float]]

LIMITS_MS = {"qrs_ms": 3.0, "pr_ms": 3.0, "qt_ms": 6.0}  # of the median over records, and of nine records in ten
WORST_MS = {"qrs_ms": 10.0, "pr_ms": 10.0, "qt_ms": 15.0}  # about what two cardiologists differ by; no record may jump
FEW = slice(None, None, 12)  # records 2 to 200, of every kind


def _sine(hertz: float, height_mv: float) -> np.ndarray:
    return height_mv * np.sin(2 * np.pi * hertz * np.arange(5000) / 500.0)


def _muscle(signal: np.ndarray) -> np.ndarray:
    """0.03 mV rms between 20 and 150 Hz, other noise in every electrode's lead."""
    noise = np.random.default_rng(0).normal(size=(12, signal.shape[1] + 500))
    noise = sosfilt(butter(2, [20.0, 150.0], "bandpass", fs=500.0, output="sos"), noise, axis=1)[:, 500:]
    return np.asarray(signal + 0.03 * noise / noise.std())


CHANGES: dict[str, Change] = {
    "a fifth of the gain": lambda signal: (signal * 0.2, 500.0),
    "five times the gain": lambda signal: (signal * 5.0, 500.0),
    "250 Hz": lambda signal: (resample_poly(signal, 1, 2, axis=1, padtype="line"), 250.0),
    "1000 Hz": lambda signal: (resample_poly(signal, 2, 1, axis=1, padtype="line"), 1000.0),
    "begins 2 ms later": lambda signal: (signal[:, 1:], 500.0),
    "begins 270 ms later": lambda signal: (signal[:, 135:], 500.0),
    "begins 1 s later": lambda signal: (signal[:, 500:], 500.0),
    "ends 300 ms sooner": lambda signal: (signal[:, :-150], 500.0),
    "wander": lambda signal: (signal + _sine(0.3, 0.5), 500.0),
    "50 Hz": lambda signal: (signal + _sine(50.0, 0.05), 500.0),
    "60 Hz": lambda signal: (signal + _sine(60.0, 0.05), 500.0),
    "muscle": lambda signal: (_muscle(signal), 500.0),
}


@cache
def records() -> tuple[LudbRecord, ...]:
    return tuple(read_ludb(SHARED / "ludb"))


@cache
def unchanged(name: str) -> Measurements:
    record = next(record for record in records() if record.name == name)
    return measure(twelve(record.signal), record.fs)


def moved_ms(change: Change, field: str, found: dict[str, Measurements]) -> dict[str, float]:
    """By how much each record's interval moved; those that have it before and after."""
    pairs = {name: (getattr(unchanged(name), field), getattr(after, field)) for name, after in found.items()}
    return {name: abs(after - before) for name, (before, after) in pairs.items() if before is not None and after is not None}


def check(change: Change, chosen: tuple[LudbRecord, ...]) -> None:
    found = {record.name: measure(twelve(signal), fs) for record in chosen for signal, fs in [change(record.signal)]}
    for field, limit in LIMITS_MS.items():
        moved = moved_ms(change, field, found)
        before = sum(getattr(unchanged(name), field) is not None for name in found)
        assert len(moved) >= 0.97 * before, f"{field} was lost in {before - len(moved)} records"
        assert np.percentile(list(moved.values()), 90) <= limit
        worst = max(moved, key=lambda name: moved[name])
        assert moved[worst] <= WORST_MS[field], f"{field} of record {worst} moves by {moved[worst]:.1f} ms"


@requires_shared
@pytest.mark.parametrize("name", CHANGES)
def test_intervals_of_a_few_recordings_hold_still(name: str) -> None:
    check(CHANGES[name], records()[FEW])


@requires_shared
@pytest.mark.long
@pytest.mark.parametrize("name", CHANGES)
def test_intervals_of_every_recording_hold_still(name: str) -> None:
    check(CHANGES[name], records())
