"""A tachycardia of wide complexes without a rest between them has a rate, and no intervals."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.beats import BeatClass
from intervals.measure import measure
from intervals.measurements import NUMBERS
from intervals.rhythm import name_rhythm
from intervals.without_rest import is_without_rest
from signals.spikes import Pacing
from tests.data import SHARED, requires_shared
from tests.intervals.made_beats import beats_at
from tests.intervals.no_ecg import FAMILIES, no_ecg
from tests.intervals.synthetic import twelve
from training.datasets.packed import loader_of

RATES = {"heart_rate_bpm", "rr_ms", "sdnn_ms", "rmssd_ms"}


def wave(rr_s: float, mv: float = 2.0, steep_share: float = 1.0) -> np.ndarray:
    """(12, 360): a sine of one cycle in `rr_s`, or in a share of it with a flat rest."""
    from_centre_s = (np.arange(360) - 150) / 250.0
    of_cycle = (from_centre_s + rr_s / 2) % rr_s - rr_s / 2
    phase = np.clip(of_cycle / (steep_share * rr_s), -0.5, 0.5)
    return np.tile(mv * np.sin(2 * np.pi * phase), (12, 1))


def judged(
    rr_s: float = 0.32,
    mv: float = 4.0,
    steep_share: float = 1.0,
    change_s: float = 0.0,
    classes: list[BeatClass] | None = None,
) -> bool:
    count = 10 if classes is None else len(classes)
    centres_s = 1.0 + rr_s * np.arange(count) + np.where(np.arange(count) % 2, change_s, 0.0)
    representative = wave(rr_s, mv, steep_share)
    beats = beats_at(centres_s.tolist(), classes=classes, representative=representative)
    return is_without_rest(beats, 1000.0 * rr_s)


def test_steep_waves_one_after_the_other_have_no_rest() -> None:
    assert judged()


@pytest.mark.parametrize(("steep_share", "without"), [(0.6, True), (0.3, False)])
def test_the_slopes_take_a_quarter_of_the_cycle_at_least(steep_share: float, without: bool) -> None:
    """Of a sine half of the time holds four fifths of the squared slope: 0.3 and 0.15 here."""
    assert judged(steep_share=steep_share) is without


def test_slow_shallow_irregular_or_differing_waves_are_no_tachycardia() -> None:
    assert not judged(rr_s=0.52)
    assert not judged(mv=2.0)  # 39 mV/s
    assert not judged(change_s=0.01)  # from interval to interval 20 ms, of 320
    assert judged(classes=["normal"] * 9 + ["ectopic"])
    assert not judged(classes=["normal"] * 8 + ["ectopic"] * 2)
    assert not judged(classes=["normal"] * 5)


def test_hardly_any_signal_that_is_no_ecg_is_one() -> None:
    signals = [(family, seed) for family in FAMILIES for seed in range(3)]
    named = [
        (family, seed)
        for family, seed in signals
        if measure(twelve(no_ecg(family, seed)), 500.0).without_rest
    ]
    assert named == []


@requires_shared
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_ventricular_tachycardia_at_187_per_minute_has_a_rate_and_a_name() -> None:
    # The loader leaves its files open.
    rows = loader_of(SHARED / "hospitals").records()
    signal = next(signal for row, signal in rows if row["record"] == "JS45545")
    measurements = measure(twelve(signal), 500.0)
    assert measurements.heart_rate_bpm == pytest.approx(187.0, abs=0.5)
    assert {name for name in NUMBERS if getattr(measurements, name) is not None} == RATES
    assert measurements.warnings == (
        "qrs_ms: wide complexes follow each other without a rest in which one could begin or end;"
        " no interval is measured",
    )
    assert name_rhythm(measurements, Pacing(0, 0, 31)).name == "Wide-complex tachycardia"
