"""Intervals hardly depend on gain, sampling rate, the recording's start, and small disturbances.

On a few recordings of LUDB by default, on all of them with `scripts/test --long`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.stability import SMALL_CHANGES, measure_signal, moved_ms
from intervals.measurements import Measurements
from tests.data import SHARED, requires_shared
from training.datasets.annotated import AnnotatedRecord
from training.datasets.ludb import read_ludb

# Limits of the median over a few records, and of the 90th percentile over all.
LIMITS_MS = {"qrs_ms": 3.0, "pr_ms": 3.0, "qt_ms": 6.0}
# Limits of every record: about the difference between two cardiologists.
WORST_MS = {"qrs_ms": 10.0, "pr_ms": 10.0, "qt_ms": 15.0}
EVERY_TWELFTH = slice(None, None, 12)


@cache
def records() -> tuple[AnnotatedRecord, ...]:
    return tuple(read_ludb(SHARED / "ludb"))


@cache
def unchanged(index: int) -> Measurements:
    return measure_signal(records()[index].signal, records()[index].fs)


def check_stability(change: str, chosen: range, percentile: float) -> None:
    """Check the intervals of the chosen records after a change, and how many are lost."""
    before = [unchanged(index) for index in chosen]
    after = [measure_signal(*SMALL_CHANGES[change](records()[index].signal)) for index in chosen]
    for field, limit in LIMITS_MS.items():
        moved = moved_ms(field, before, after)
        kept = moved[np.isfinite(moved)]
        lost = np.isinf(moved).sum()
        assert lost <= 0.03 * (kept.size + lost), f"{field} was lost in {lost} records"
        assert np.percentile(kept, percentile) <= limit
        worst = int(np.nanargmax(np.where(np.isfinite(moved), moved, np.nan)))
        assert moved[worst] <= WORST_MS[field], (
            f"{field} of record {records()[chosen[worst]].name} moves by {moved[worst]:.1f} ms"
        )


@requires_shared
@pytest.mark.parametrize("change", SMALL_CHANGES)
def test_intervals_of_a_few_recordings_are_stable(change: str) -> None:
    check_stability(change, range(len(records()))[EVERY_TWELFTH], 50)


@requires_shared
@pytest.mark.long
@pytest.mark.parametrize("change", SMALL_CHANGES)
def test_intervals_of_every_recording_are_stable(change: str) -> None:
    check_stability(change, range(len(records())), 90)
