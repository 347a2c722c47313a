"""Flutter waves are seen between the beats where they are, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intervals.beats import find_beats
from intervals.flutter import atrial_wave
from intervals.measure import measure
from intervals.rhythm import name_rhythm
from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from signals.spikes import Pacing
from tests.data import SHARED, requires_shared
from tests.intervals.synthetic import Made, synthetic, twelve
from training.datasets.ludb import read_ludb

AT_S = np.arange(5000) / 500.0
FLUTTER_AXIS = np.array(
    [0.0, 1.0, 1.0, -0.5, -0.5, 1.0, 0.6, 0.1, 0.0, 0.0, 0.0, 0.0]
)  # of typical flutter: inferior leads and V1


def saw_tooth(per_min: float) -> np.ndarray:
    """(12, samples) of 0.15 mV; slow down, fast up."""
    phase = (AT_S * per_min / 60.0) % 1.0
    return (
        FLUTTER_AXIS[:, None]
        * 0.15
        * np.where(phase < 0.7, -phase / 0.7, (phase - 0.7) / 0.3 - 1.0)
    )


@pytest.mark.parametrize("per_min", [240.0, 280.0, 320.0])
def test_flutter_waves_are_found_with_their_rate(per_min: float) -> None:
    found = measure(twelve(synthetic(Made(rr_ms=930.0, p=False)) + saw_tooth(per_min)), 500.0)
    assert found.flutter_per_min == pytest.approx(per_min, abs=5.0)
    assert found.pr_ms is None and any("flutter" in warning for warning in found.warnings)
    assert name_rhythm(found, Pacing(0, 0, 0)).word == "Atrial flutter"


def test_a_beat_that_hangs_over_the_end_ends_nothing() -> None:
    """Its QRS may be told to begin after the last sample."""
    ready = condition(synthetic(Made(rr_ms=930.0, p=False)) + saw_tooth(280.0), 500.0)
    beats = find_beats(ready, r_peaks_of(ready))
    late = replace(beats, centre_s=beats.centre_s + 10.0 - beats.centre_s[-1])
    times = np.array([np.nan, np.nan, 80.0, 180.0, 400.0])
    assert atrial_wave(ready, late, times)[1] > 0.0


def test_waves_that_lose_their_phase_are_no_flutter() -> None:
    """Fibrillation: as tall and about as fast, but no wave keeps its distance to the next but one."""
    rng = np.random.default_rng(0)
    phase = np.cumsum(rng.normal(6.0, 25.0, AT_S.size)) / 500.0
    waves = FLUTTER_AXIS[:, None] * 0.1 * np.sin(2 * np.pi * phase)
    assert (
        measure(twelve(synthetic(Made(rr_ms=930.0, p=False)) + waves), 500.0).flutter_per_min
        is None
    )


@pytest.mark.parametrize(
    "made", [Made(), Made(rr_ms=600.0, pr_ms=240.0, qt_ms=330.0), Made(p=False)]
)
def test_p_waves_and_their_absence_are_no_flutter(made: Made) -> None:
    assert measure(twelve(synthetic(made)), 500.0).flutter_per_min is None


@requires_shared
def test_ludb_has_flutter_where_cardiologists_say_so() -> None:
    """Records 52 and 103 are flutter; of fibrillation one may pass for it, of sinus rhythm none."""
    names = {"52", "103", "83", "88", "109", "129", "65", "116", "106", "108", "2", "14"}
    found = {
        record.name
        for record in read_ludb(SHARED / "ludb")
        if record.name in names and measure(twelve(record.signal), record.fs).flutter_per_min
    }
    assert found == {"52", "103"}
