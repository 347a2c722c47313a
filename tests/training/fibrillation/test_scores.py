"""Which alarms are false, which episodes count as found, and how the threshold is chosen."""

from __future__ import annotations

import numpy as np
import pytest

from heads.fibrillation.signal_input import WATCH_HZ
from training.fibrillation import scores
from training.fibrillation.examples import FIBRILLATION, OTHER, UNFITTED, truth_of
from training.fibrillation.recordings import ALARMS, CUDB, SVDB, VF_ALARM, VT_ALARM, Recording
from training.fibrillation.scores import (
    alarm_counts,
    best_threshold,
    challenge_score,
    estimate,
    false_an_hour,
    outcomes,
    share_found,
)


def recording(
    seconds: int, *episodes: tuple[float, float], source: str = CUDB, name: str = "r"
) -> Recording:
    leads = np.zeros((1, round(seconds * WATCH_HZ)), np.float32)
    return Recording(source, name, leads, episodes)


def probability(seconds: int, *high: tuple[int, int]) -> np.ndarray:
    """Return (seconds,) 0.9 from the one second to the other, else 0.1."""
    result = np.full(seconds, 0.1)
    for first, last in high:
        result[first - 1 : last] = 0.9
    return result


def alarm(is_true: bool, *high: tuple[int, int], kind: str = VF_ALARM) -> tuple[Recording, ...]:
    leads = np.zeros((1, round(60 * WATCH_HZ)), np.float32)
    return Recording(ALARMS, "a", leads, (), kind, is_true), probability(60, *high)


@pytest.mark.parametrize(
    ("high", "found", "false"),
    [
        ((100, 140), 1, 0),
        ((96, 140), 1, 0),
        ((90, 140), 1, 1),  # it fires from 92 s on, 8 s before the episode
        ((108, 140), 1, 0),
        ((109, 140), 0, 0),
        ((60, 70), 0, 1),
        ((146, 160), 0, 0),
        ((149, 160), 0, 1),
    ],
)
def test_alarms_near_an_episode_are_not_false(
    high: tuple[int, int], found: int, false: int
) -> None:
    (outcome,) = outcomes([recording(300, (100.0, 140.0))], [probability(300, high)], [0.5])
    assert outcome.found == found
    assert len(outcome.alarms_s) == false
    assert outcome.hours == pytest.approx(260 / 3600)


def test_an_episode_without_an_alarm_has_no_delay() -> None:
    (outcome,) = outcomes([recording(300, (100.0, 140.0))], [probability(300)], [0.5])
    assert outcome.delays_s == (np.inf,)


def test_figures_add_up_over_recordings_and_have_intervals() -> None:
    recordings = [recording(1800, (100.0, 140.0)), recording(1800, source=SVDB)] * 5
    probabilities = [probability(1800, (101, 140)), probability(1800, (500, 520), (900, 920))] * 5
    found = outcomes(recordings, probabilities, [0.5] * 10)
    assert share_found(found) == 1.0
    assert false_an_hour(found) == pytest.approx(10 / (5.0 - 200 / 3600))
    figure = estimate(false_an_hour, found)
    assert figure.low <= figure.value <= figure.high
    assert estimate(share_found, found).low == 1.0


def test_a_recording_without_marks_counts_for_nothing() -> None:
    unmarked = recording(1800, name="cu02")
    (outcome,) = outcomes([unmarked], [probability(1800, (500, 520))], [0.5])
    assert np.isnan(false_an_hour([outcome]))


def test_the_challenge_scores_what_fires_in_the_last_seconds() -> None:
    pairs = [
        alarm(True, (50, 60)),
        alarm(True, (10, 30)),
        alarm(False, (48, 52)),
        alarm(False, (1, 30)),
        alarm(False),
        alarm(False, (50, 60), kind=VT_ALARM),
    ]
    found = outcomes([pair[0] for pair in pairs], [pair[1] for pair in pairs], [0.5] * 6)
    assert alarm_counts(found) == (1, 1, 1, 2)
    assert challenge_score(found) == pytest.approx(3 / 9)


def test_the_threshold_is_the_lowest_with_few_false_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "FALSE_AN_HOUR", 6.0)
    values = probability(600, (100, 110), (200, 210), (300, 310))
    values[199:210], values[299:310] = 0.6, 0.7
    assert best_threshold([recording(600)], [values]) == pytest.approx(0.71)
    assert best_threshold([recording(600)], [probability(600)]) == scores.THRESHOLDS[0]


def test_windows_at_the_borders_are_not_fitted_to() -> None:
    truth = truth_of(recording(60, (20.0, 40.0)))
    assert (truth[23:40] == FIBRILLATION).all()  # windows that end after 24 to 40 s
    assert (truth[15:23] == UNFITTED).all() and (truth[40:53] == UNFITTED).all()
    assert (truth[:15] == OTHER).all() and (truth[53:] == OTHER).all()


def test_what_is_not_marked_is_not_fitted_to() -> None:
    assert (truth_of(recording(60, name="cu02")) == UNFITTED).all()
    assert (truth_of(alarm(True)[0]) == UNFITTED).all()
    tachycardia = truth_of(alarm(True, kind=VT_ALARM)[0])
    assert (tachycardia[:40] == OTHER).all() and (tachycardia[40:] == UNFITTED).all()
