"""Nothing is measured on signals that are no ECG, of other families than the limits were looked at with, too."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.fiducials import QRS_OFF, QRS_ON, Fiducials
from intervals.measure import measure
from intervals.measurements import NUMBERS
from intervals.qrs_shape import why_no_qrs
from tests.data import SHARED, requires_shared
from tests.intervals.no_ecg import FAMILIES, no_ecg
from tests.intervals.synthetic import Made, synthetic, twelve
from training.datasets.ptbxl import read_signals, read_table
from training.embedded.targets import targets_of


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_measured_on_what_is_no_ecg(family: str) -> None:
    for seed in range(3):
        found = measure(twelve(no_ecg(family, seed)), 500.0)
        assert all(getattr(found, name) is None for name in NUMBERS), f"seed {seed}: {found}"
        assert not found.fiducials and found.warnings


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
    found = measure(twelve(synthetic(Made(qrs_ms=100.0), fs)), fs)
    assert found.rr_ms == pytest.approx(850.0, abs=2.0)
    assert found.qrs_ms == pytest.approx(100.0, abs=20.0) and found.qt_ms is not None


def test_each_limit_has_its_sentence() -> None:
    """Made from the beat of an ECG: what lies beyond a limit is named, what does not passes."""
    found = measure(twelve(synthetic()), 500.0)
    assert found.representative is not None
    beat, fiducials = found.representative.data, found.representative.fiducials
    times = np.array(
        [
            1000.0 * ((fiducials[name] or 0.0) - 0.496)
            for name in ("p_onset", "p_offset", "qrs_onset", "qrs_offset", "t_offset")
        ]
    )
    said = Fiducials(times, np.full(5, 6.0), 0.99, 0.99, 0.99)
    assert why_no_qrs(beat, said, 0.85) is None
    at = np.arange(beat.shape[1])
    onset, offset = (round((times[index] / 1000.0 + 0.496) * 250.0) for index in (QRS_ON, QRS_OFF))
    step = np.tile(1.0 / (1.0 + np.exp(-(at - (onset + offset) / 2) / 2.0)), (12, 1))
    assert "step" in str(why_no_qrs(step, said, 0.85))
    slow = np.tile(np.sin(2 * np.pi * at / 200.0), (12, 1))
    slow -= slow[:, onset : onset + 1]
    assert "as steep as" in str(
        why_no_qrs(slow * np.hanning(beat.shape[1]), said, 0.85)
    ) or "step" in str(why_no_qrs(slow, said, 0.85))
    spike = np.zeros_like(beat)
    spike[:, (onset + offset) // 2] = 1.0
    assert "narrower" in str(why_no_qrs(spike, said, 0.85))
    assert "cannot be placed" in str(
        why_no_qrs(beat, Fiducials(times, np.full(5, 200.0), 0.99, 0.99, 0.99), 0.85)
    )
    assert "the onset and the offset" in str(
        why_no_qrs(beat, Fiducials(times, np.full(5, 6.0), 0.99, 0.3, 0.99), 0.85)
    )


@requires_shared
@pytest.mark.parametrize(("paced", "lost"), [(True, 0.08), (False, 0.01)])
def test_what_is_an_ecg_is_measured_paced_or_not(paced: bool, lost: float) -> None:
    """At 100 Hz a pacing spike is smeared over three samples: steeper than the paced complex after it, and no reason to measure nothing."""
    table = read_table(SHARED / "ptbxl")
    column = [target.name for target in targets_of(table).labels].index("Electronic pacemaker")
    rows = np.flatnonzero((targets_of(table).truth[:, column] == paced) & (table.fold == 9))[:100]
    signals = read_signals(table)[rows] / 1000.0
    unmeasured = sum(measure(twelve(signal), 100.0).rr_ms is None for signal in signals)
    assert unmeasured <= max(1, lost * len(rows))
