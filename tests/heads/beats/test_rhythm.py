"""An early beat is told by the intervals of its stream, not by its own alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heads.beats.rhythm import LONG, RHYTHM_NUMBERS, SHORT, rhythm_numbers

Array = NDArray[np.float64]


def numbers_of(usual: Array, early_s: float) -> dict[str, float]:
    """Return the numbers of one beat after so many usual intervals, the newest first."""
    ring = np.full((1, LONG), np.nan)
    ring[0, : usual.size] = usual
    one = np.full(1, early_s)
    numbers = rhythm_numbers(one, one, np.full(1, 0.8), ring[:, :8], ring)
    return dict(zip(RHYTHM_NUMBERS, numbers[0].tolist(), strict=True))


def test_an_early_beat_is_the_first_of_regular_intervals() -> None:
    numbers = numbers_of(np.full(LONG, 0.8), 0.5)
    assert numbers["rank_in_long"] == 0 and numbers["alike_share"] == 1
    assert numbers["early_to_long_median"] == 0.5 / 0.8


def test_in_fibrillation_the_same_interval_is_one_of_many() -> None:
    intervals = np.random.default_rng(0).uniform(0.4, 1.2, LONG)
    numbers = numbers_of(intervals, 0.6)
    assert numbers["rank_in_long"] > 0.1 and numbers["alike_share"] < 0.3


def test_in_a_run_the_intervals_before_it_tell_what_is_usual() -> None:
    intervals = np.concatenate([np.full(SHORT, 0.4), np.full(LONG - SHORT, 0.8)])
    numbers = numbers_of(intervals, 0.4)
    assert numbers["early_to_long_median"] == 0.5
    assert numbers["early_beats"] == 8


def test_without_a_history_nothing_is_early() -> None:
    numbers = numbers_of(np.zeros(0), float("nan"))
    assert numbers["early_to_long_median"] == 1 and numbers["usual_intervals"] == 0
    assert np.isfinite(list(numbers.values())).all()
