"""The warm-up loads everything that the first recording needs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from analysis import warm_up as module
from analysis.prepare import Prepared
from tests.house.tree import ROOT

LOADS_NOTHING_MORE = """
import sys
import numpy as np
from analysis.deployment import Deployment
from analysis.measuring import MEASURED_PARTS
from analysis.options import AnalyzeOptions
from analysis.prepare import prepare
from analysis.warm_up import warm_up
from signals.leads import LEADS
from signals.record import EcgRecord

warm_up()
before = set(sys.modules)
at_s = np.arange(5000) / 500
beats = np.exp(-0.5 * ((at_s % 0.9 - 0.4) / 0.02) ** 2)
signal = np.outer(np.linspace(0.5, 1.5, 12), beats).astype(np.float32)
everything = AnalyzeOptions(include=MEASURED_PARTS | {"quality"})
for fs in (500.0, 250.0):
    record = EcgRecord(signal, fs, LEADS)
    prepare(record, everything, Deployment("none", "none", "none", {}), max_seconds=60.0)
more = {name.split(".")[0] for name in set(sys.modules) - before}
sys.exit(f"loaded later: {more}" if more else 0)
"""

# A beat lasts 0.8 s. P is 160 ms before R, and T 220 ms after it. Waves without corners have no
# exact ends: where the delineator sees them is known from a run. The axis follows from the gains of
# I (1.0) and aVF (0.7): the angle of (1.0, 0.7 * 2 / sqrt(3)).
AS_DRAWN = {
    "heart_rate_bpm": 75.0,
    "pr_ms": pytest.approx(162.2, abs=1.0),
    "qrs_ms": pytest.approx(92.3, abs=1.0),
    "qt_ms": pytest.approx(364.6, abs=1.0),
    "qrs_axis_deg": pytest.approx(38.95, abs=0.1),
    "p_axis_deg": pytest.approx(38.95, abs=0.1),
    "t_axis_deg": pytest.approx(38.95, abs=0.1),
}


def test_nothing_is_loaded_after_it() -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOADS_NOTHING_MORE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_its_recording_is_measured_as_it_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable one would not load the delineator and the pacemaker's head."""
    made: list[Prepared] = []
    prepare = module.prepare

    def kept(*given: Any, **options: Any) -> Prepared:
        made.append(prepare(*given, **options))
        return made[-1]

    monkeypatch.setattr(module, "prepare", kept)
    module.warm_up()
    (found,) = made
    assert found.measured is not None and found.measured.measurements is not None
    assert {name: found.measured.number(name) for name in AS_DRAWN} == AS_DRAWN
    assert found.measured.pacemaker is not None and found.measured.pacemaker.morphology is not None
    # It has 360 Hz, which is too few for the amplitudes of the shortest waves.
    assert [warning[:17] for warning in found.warnings] == ["matrix: at 360 Hz"]
