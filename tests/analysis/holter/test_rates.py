"""Rates by hour, pauses, and the time that was analysed."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.holter.rates import Pause, rates_of
from analysis.holter.report import Recording, report_of
from analysis.holter.rhythm import Episode, Rhythm


def even(rate_per_min: float, duration_s: float, *episodes: Episode, known: float = 1.0) -> Rhythm:
    interval_s = 60 / rate_per_min
    beat_s = np.arange(0.5, duration_s, interval_s)
    intervals = np.full(beat_s.size, interval_s)
    intervals[:1] = np.nan
    slots = int(np.ceil(duration_s / 5))
    label = np.zeros(beat_s.size, np.int8)
    return Rhythm(duration_s, beat_s, label, intervals, episodes, np.full(slots, known))


def with_pause(length_s: float, *episodes: Episode) -> Rhythm:
    rhythm = even(60, 100)
    beat_s = np.where(rhythm.beat_s > 50, rhythm.beat_s + length_s - 1, rhythm.beat_s)
    intervals = np.diff(beat_s, prepend=np.nan)
    return Rhythm(120.0, beat_s, rhythm.label, intervals, episodes, np.ones(24))


def test_every_hour_has_its_rates() -> None:
    rates = rates_of(even(75, 2.5 * 3600))
    assert [(hour.start_s, hour.end_s) for hour in rates.hours] == [
        (0, 3600),
        (3600, 7200),
        (7200, 9000),
    ]
    for hour in (rates.whole, *rates.hours):
        assert hour.mean_per_min == pytest.approx(75)
        assert hour.slowest is not None and hour.slowest.per_min == pytest.approx(75)
        assert hour.analysed_s == pytest.approx(hour.end_s - hour.start_s)
    assert sum(sum(hour.beats) for hour in rates.hours) == sum(rates.whole.beats)


def test_a_pause_counts_only_where_the_watch_confirms_it() -> None:
    confirmed = with_pause(3.5, Episode("pause", 49.5, 52.9))
    (pause,) = rates_of(confirmed).pauses
    assert (pause.start_s, pause.duration_s) == pytest.approx((49.5, 3.5))
    assert rates_of(with_pause(3.5)).pauses == ()
    assert rates_of(with_pause(2.9, Episode("pause", 49.5, 52.0))).pauses == ()
    longest = rates_of(with_pause(2.9)).longest_interval
    assert longest == Pause(pytest.approx(49.5), pytest.approx(2.9))


def test_noise_and_lost_signal_are_not_analysed() -> None:
    noise = Episode("poor_signal", 100.0, 160.0)
    report = report_of(Recording(600.0, 250.0, ("II",)), even(60, 600, noise, known=0.9), ())
    assert report.no_signal_s == pytest.approx(60)
    assert report.noise_s == pytest.approx(60)
    # A slot of noise of which a tenth is lost counts as lost once.
    assert report.analysed_s == pytest.approx(600 * 0.9 - 60 * 0.9, abs=7)
    slowest = report.rates.whole.slowest
    assert slowest is not None and not 90 < slowest.at_s < 160


def test_what_cannot_be_measured_is_null_with_the_reason() -> None:
    empty = np.zeros(0)
    silent = Rhythm(60.0, empty, np.zeros(0, np.int8), empty, (), np.zeros(12))
    report = report_of(Recording(60.0, 250.0, ("II",)), silent, ())
    assert report.analysed_s == 0
    assert report.rates.whole.mean_per_min is None
    assert report.fibrillation.burden is None
    assert set(report.not_measured) == {
        "rates.mean_per_min",
        "rates.slowest",
        "rates.fastest",
        "rates.longest_interval",
        "atrial_fibrillation.burden",
        "variability.sdnn_ms",
        "variability.sdann_ms",
        "variability.sdnn_index_ms",
        "st.II",
    }


def test_short_episodes_of_fibrillation_do_not_count() -> None:
    episodes = (
        Episode("atrial_fibrillation", 10.0, 30.0),
        Episode("atrial_fibrillation", 100.0, 400.0),
    )
    report = report_of(Recording(1000.0, 250.0, ("II",)), even(60, 1000, *episodes), ())
    assert report.fibrillation.total_s == 300
    assert report.fibrillation.burden == pytest.approx(0.3)
