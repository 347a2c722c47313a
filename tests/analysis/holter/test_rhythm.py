"""Times within episodes, and spans that episodes touch."""

from __future__ import annotations

import numpy as np

from analysis.holter.rates import rates_of
from analysis.holter.rhythm import Episode, Rhythm, touched, within
from tests.analysis.holter.test_rates import even


def some_episodes(random: np.random.Generator, count: int, rule: str) -> tuple[Episode, ...]:
    """Return episodes of whole seconds in no order, which overlap, meet, and may be empty."""
    starts = random.integers(0, 200, count)
    lengths = random.integers(0, 12, count)
    pairs = zip(starts.tolist(), lengths.tolist(), strict=True)
    return tuple(Episode(rule, float(start), float(start + length)) for start, length in pairs)


def test_times_and_spans_are_compared_with_all_episodes() -> None:
    random = np.random.default_rng(0)
    for count in (0, 1, 2, 9, 40):
        for _ in range(20):
            episodes = some_episodes(random, count, "pause")
            times = random.integers(-3, 220, 100) / 2.0
            expected = [any(each.start_s <= at < each.end_s for each in episodes) for at in times]
            assert within(times, episodes).tolist() == expected
            ends = times + random.integers(1, 9, 100)
            expected = [
                any(each.start_s < end and each.end_s > start for each in episodes)
                for start, end in zip(times, ends, strict=True)
            ]
            assert touched(times, ends, episodes).tolist() == expected


def test_noise_of_every_slot_is_left_out_of_the_analysed_time() -> None:
    random = np.random.default_rng(1)
    for count in (1, 9):
        noise = some_episodes(random, count, "poor_signal")
        whole = even(60, 203.5)
        rhythm = Rhythm(203.5, whole.beat_s, whole.label, whole.interval_s, noise, whole.known)
        readable_s = 0.0
        for start in np.arange(0, 203.5, 5):
            end = min(start + 5, 203.5)
            shared = [min(end, each.end_s) - max(start, each.start_s) for each in noise]
            readable_s += max(end - start - sum(each for each in shared if each > 0), 0)
        assert np.isclose(rates_of(rhythm).whole.analysed_s, readable_s)
