"""Each rhythm has the rate and the regularity that its name promises."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from numpy.random import default_rng

from signals.synthetic.beats import P_ALONE, PREMATURE_VENTRICULAR, SINUS
from signals.synthetic.catalogue import CASES
from signals.synthetic.rhythms import Event, Rhythm


def ventricular(rhythm: Rhythm, count: int = 400) -> list[Event]:
    events = rhythm.events(default_rng(1))
    return [event for event in islice(events, 2 * count) if event.beat.qrs][:count]


def intervals_s(name: str) -> np.ndarray:
    return np.diff([event.time_s for event in ventricular(CASES[name].heart.rhythm)])


@pytest.mark.parametrize("name", sorted(CASES))
def test_beats_come_in_order_and_know_the_interval_before_them(name: str) -> None:
    events = list(islice(CASES[name].heart.rhythm.events(default_rng(3)), 300))
    times = [event.time_s for event in events]
    assert times == sorted(times)
    beats = [event for event in events if event.beat.qrs]
    apart = np.diff([event.time_s for event in beats])
    # The intervals of a rhythm are its own, also across a pause or another rhythm.
    if name not in ("pauses", "tachycardia_runs"):
        np.testing.assert_allclose(apart, [event.rr_s for event in beats[1:]])


@pytest.mark.parametrize(
    ("name", "rate_bpm", "variation"),
    [
        ("sinus", 68.0, 0.03),
        ("paced", 70.0, 1e-9),
        ("ventricular_tachycardia", 170.0, 0.005),
        ("first_degree_av_block", 64.0, 0.03),
    ],
)
def test_regular_rhythms_have_their_rate(name: str, rate_bpm: float, variation: float) -> None:
    intervals = intervals_s(name)
    assert 60.0 / intervals.mean() == pytest.approx(rate_bpm, rel=0.01)
    assert intervals.std() / intervals.mean() <= variation


def test_fibrillation_is_irregular_from_beat_to_beat() -> None:
    intervals = intervals_s("atrial_fibrillation")
    assert 60.0 / intervals.mean() == pytest.approx(92.0, rel=0.05)
    assert 0.18 < intervals.std() / intervals.mean() < 0.26
    assert intervals.min() > 0.3
    assert abs(np.corrcoef(intervals[:-1], intervals[1:])[0, 1]) < 0.15


def test_atria_and_ventricles_are_dissociated() -> None:
    events = list(islice(CASES["ventricular_tachycardia"].heart.rhythm.events(default_rng(1)), 600))
    p_waves = np.array([event.time_s for event in events if event.beat is P_ALONE])
    complexes = np.array([event.time_s for event in events if event.beat.qrs])
    phases = (np.interp(p_waves, complexes, np.arange(complexes.size)) % 1.0)[2:-2]
    # P waves meet every part of the ventricles' cycle.
    assert (np.histogram(phases, 4, (0.0, 1.0))[0] > phases.size / 10).all()


def test_premature_beats_are_early_and_a_pause_compensates() -> None:
    events = ventricular(CASES["premature_beats"].heart.rhythm)
    early = [at for at, event in enumerate(events) if event.beat is PREMATURE_VENTRICULAR]
    assert len(early) > 30
    for at in early[:-1]:
        before, after = events[at].rr_s, events[at + 1].rr_s
        assert events[at + 1].beat is SINUS
        assert before < 0.65 < 1.0 < after
        assert before + after == pytest.approx(2 * 60.0 / 68.0, rel=0.12)


def test_pauses_are_three_intervals_long() -> None:
    intervals = intervals_s("pauses")
    longest = intervals[intervals > 1.5]
    assert longest.size > 5
    np.testing.assert_allclose(longest, 3 * 60.0 / 68.0, rtol=0.12)


def test_runs_of_tachycardia_last_eight_seconds_of_each_minute() -> None:
    events = ventricular(CASES["tachycardia_runs"].heart.rhythm)
    times = np.array([event.time_s for event in events if 0.0 <= event.time_s < 180.0])
    is_run = np.array([event.beat is not SINUS for event in events if 0.0 <= event.time_s < 180.0])
    np.testing.assert_array_equal(is_run, times % 60.0 >= 52.0)
    assert np.count_nonzero(is_run) == pytest.approx(3 * 8 * 170 / 60, abs=3)
