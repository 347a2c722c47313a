"""Nothing is measured on signals that are no ECG.

The families include others than those that the limits were chosen on.
"""

from __future__ import annotations

import numpy as np
import pytest

from intervals.measure import measure
from intervals.measurements import NUMBERS
from tests.data import requires_shared
from tests.intervals.no_ecg import FAMILIES, no_ecg
from tests.intervals.synthetic import Made, synthetic, twelve
from tests.ptbxl import RECORDINGS, first_of_ptbxl, ptbxl_table
from training.datasets.ptbxl import MICROVOLTS_PER_MV, read_signals
from training.embedded.targets import targets_of


def test_nothing_is_measured_on_what_is_no_ecg() -> None:
    """A pulse may look like a QRS complex by chance: one in fifty at most."""
    signals = [(family, seed) for family in FAMILIES for seed in range(3)]
    measured = []
    for family, seed in signals:
        measurements = measure(twelve(no_ecg(family, seed)), 500.0)
        if measurements.unmeasured is None:
            measured.append((family, seed))
            continue
        assert all(getattr(measurements, name) is None for name in NUMBERS)
        assert (
            measurements.fiducials,
            measurements.representative,
            measurements.uncertainty_ms,
        ) == ((), None, {})
        (warning,) = measurements.warnings
        assert warning.startswith("measurements: ") and warning.endswith("; nothing is measured")
    assert len(measured) <= 0.02 * len(signals), measured


@pytest.mark.parametrize("seed", [19, 22, 31, 37, 43, 52])
def test_fast_square_waves_are_no_wide_complexes(seed: int) -> None:
    """They alternate at 160 to 220 per minute, and each takes more than half of the cycle."""
    measurements = measure(twelve(no_ecg("square", seed)), 500.0)
    assert measurements.unmeasured is not None
    assert "more than half of the cycle" in measurements.unmeasured


@pytest.mark.long
@pytest.mark.parametrize("fs", [100.0, 250.0, 500.0, 1000.0])
def test_hardly_anything_is_at_any_rate(fs: float) -> None:
    """A pulse may look like a QRS complex by chance: one in fifty at most."""
    measured = [
        (family, seed)
        for family in FAMILIES
        for seed in range(20)
        if any(
            getattr(measure(twelve(no_ecg(family, seed, fs)), fs), name) is not None
            for name in NUMBERS
        )
    ]
    assert len(measured) <= 0.02 * 20 * len(FAMILIES), measured


@pytest.mark.parametrize("fs", [50.0, 100.0, 128.0, 250.0, 360.0, 500.0, 1000.0, 2000.0])
def test_an_ecg_is_measured_at_any_rate(fs: float) -> None:
    """At 50 Hz the samples are 20 ms apart, and a width is hardly known more closely."""
    measurements = measure(twelve(synthetic(Made(qrs_ms=100.0), fs)), fs)
    assert measurements.warnings == ()
    assert measurements.rr_ms == pytest.approx(850.0, abs=2.0)
    assert measurements.qrs_ms == pytest.approx(100.0, abs=max(20.0, 1100.0 / fs))
    assert measurements.qt_ms == pytest.approx(400.0, abs=30.0)


@requires_shared
@pytest.mark.parametrize(
    "recordings",
    [RECORDINGS, pytest.param(None, marks=pytest.mark.long)],  # long: it decodes all of PTB-XL
    ids=["first", "all"],
)
@pytest.mark.parametrize(("paced", "lost"), [(True, 0.08), (False, 0.01)])
def test_what_is_an_ecg_is_measured_paced_or_not(
    recordings: int | None, paced: bool, lost: float
) -> None:
    """At 100 Hz a pacing spike is smeared over three samples.

    It is steeper than the paced complex after it, which is no reason to measure nothing.
    """
    table = ptbxl_table()
    targets = targets_of(table)
    column = [target.name for target in targets.labels].index("Electronic pacemaker")
    chosen = (targets.truth[:, column] == paced) & (table.fold == 9)
    rows = np.flatnonzero(chosen[:recordings])[:100]
    signals = (first_of_ptbxl() if recordings else read_signals(table) / MICROVOLTS_PER_MV)[rows]
    unmeasured = sum(measure(twelve(signal), 100.0).rr_ms is None for signal in signals)
    assert unmeasured <= max(1, lost * len(rows))
