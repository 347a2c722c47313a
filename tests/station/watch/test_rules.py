"""Rules of alarm on beats whose times and classes are given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from station.watch.beat_log import BeatLog, NewBeats, empty_log, separated, with_beats
from station.watch.outputs import BEAT_CLASSES, Rule
from station.watch.rules import RULES, Limits, Seen, judge

NO_LIMITS = Limits(*(np.array([np.nan]) for _ in range(3)))


def log_of(times_s: list[float], labels: str | None = None) -> BeatLog:
    names = labels or "N" * len(times_s)
    label = np.array([BEAT_CLASSES.index(name) for name in names])
    ectopy = np.where(label == BEAT_CLASSES.index("V"), 0.9, 0.05)
    row = np.zeros(len(times_s), np.intp)
    return with_beats(empty_log(1), NewBeats(row, np.array(times_s), label, ectopy))


def seen_at(now_s: float, **changed: object) -> Seen:
    seen = Seen(
        final_s=np.array([now_s]),
        newest_s=np.array([now_s]),
        known_from_s=np.array([0.0]),
        hump_s=np.array([np.nan]),
        fibrillates=np.array([False]),
        off_s=np.zeros((1, 2)),
        is_noise=np.array([False]),
    )
    return replace(seen, **changed)  # type: ignore[arg-type]


def holding(log: BeatLog, seen: Seen, limits: Limits = NO_LIMITS) -> set[Rule]:
    holds = judge(log, log, seen, limits).holds[0]
    return {rule for rule, is_so in zip(RULES, holds, strict=True) if is_so}


def regular(rate_per_min: float, beats: int, labels: str | None = None) -> tuple[BeatLog, float]:
    times = [1.0 + index * 60.0 / rate_per_min for index in range(beats)]
    return log_of(times, labels), times[-1] + 0.3


def test_sinus_rhythm_raises_nothing() -> None:
    log, now_s = regular(72, 40)
    assert holding(log, seen_at(now_s)) == set()


@pytest.mark.parametrize(
    ("silence_s", "rules"),
    [
        (2.9, set()),
        (3.1, {Rule.PAUSE}),
        (4.1, {Rule.PAUSE, Rule.ASYSTOLE}),
    ],
)
def test_silence(silence_s: float, rules: set[Rule]) -> None:
    log, now_s = regular(60, 20)
    assert holding(log, seen_at(now_s - 0.3 + silence_s)) == rules


def test_a_pause_among_quick_beats_is_no_bradycardia() -> None:
    assert Rule.EXTREME_BRADYCARDIA in holding(log_of([1.0, 2.5, 4.0, 5.5]), seen_at(5.6))
    paused = log_of([1.0, 1.9, 2.8, 5.9])
    assert holding(paused, seen_at(6.0)) == {Rule.PAUSE}


def test_a_silence_that_has_just_ended_still_counts() -> None:
    log = log_of([1.0, 2.0, 3.0, 7.2])
    assert Rule.ASYSTOLE in holding(log, seen_at(7.5))
    assert Rule.ASYSTOLE not in holding(log, seen_at(8.5))


def test_a_lost_signal_is_no_silence() -> None:
    log, now_s = regular(60, 20)
    lost = separated(log, np.array([True]))
    later = now_s + 10
    assert holding(lost, seen_at(later, known_from_s=np.array([np.nan]))) == set()
    assert holding(lost, seen_at(later, known_from_s=np.array([later - 1]))) == set()
    assert Rule.ASYSTOLE in holding(lost, seen_at(later, known_from_s=np.array([later - 5])))


def test_an_electrode_that_comes_off_explains_silence() -> None:
    log, now_s = regular(60, 20)
    silent_s = now_s + 4
    off = np.array([[4.0, 0.0]])
    assert holding(log, seen_at(silent_s, off_s=off)) == set()
    long_off = np.array([[60.0, 0.0]])
    assert Rule.ASYSTOLE in holding(log, seen_at(silent_s, off_s=long_off))


@pytest.mark.parametrize(
    ("rate", "rules"),
    [
        (35, {Rule.EXTREME_BRADYCARDIA}),
        (50, set()),
        (120, set()),
        (150, {Rule.EXTREME_TACHYCARDIA}),
    ],
)
def test_extreme_rates(rate: float, rules: set[Rule]) -> None:
    log, now_s = regular(rate, 20)
    assert holding(log, seen_at(now_s)) == rules


def test_limits_of_the_patient() -> None:
    log, now_s = regular(110, 20)
    high = Limits(np.array([50.0]), np.array([100.0]), np.array([np.nan]))
    assert holding(log, seen_at(now_s), high) == {Rule.RATE_HIGH}
    low = Limits(np.array([115.0]), np.array([130.0]), np.array([np.nan]))
    assert holding(log, seen_at(now_s), low) == {Rule.RATE_LOW}


def test_ventricular_beats_in_a_minute() -> None:
    log, now_s = regular(72, 60, "NNNNNV" * 10)
    limits = Limits(np.array([np.nan]), np.array([np.nan]), np.array([6.0]))
    assert holding(log, seen_at(now_s), limits) == {Rule.VENTRICULAR_BEATS}
    limits = Limits(np.array([np.nan]), np.array([np.nan]), np.array([20.0]))
    assert holding(log, seen_at(now_s), limits) == set()


@pytest.mark.parametrize(
    ("rate", "labels", "is_run"),
    [
        (110, "NNNVVVVV", True),
        (110, "NNNNNVVV", False),
        (90, "NNNVVVVV", False),
        (110, "VNVNVNVN", False),
    ],
)
def test_runs(rate: float, labels: str, is_run: bool) -> None:
    log, now_s = regular(rate, len(labels), labels)
    assert (Rule.VENTRICULAR_TACHYCARDIA in holding(log, seen_at(now_s))) == is_run


def test_irregular_intervals_are_fibrillation_and_bigeminy_is_not() -> None:
    random = np.random.default_rng(3)
    irregular = np.cumsum(random.uniform(0.5, 1.1, 40)).tolist()
    assert holding(log_of(irregular), seen_at(irregular[-1] + 0.2)) == {Rule.ATRIAL_FIBRILLATION}
    bigeminy = np.cumsum([0.5, 1.1] * 20).tolist()
    assert holding(log_of(bigeminy, "VN" * 20), seen_at(bigeminy[-1] + 0.2)) == set()
    assert holding(log_of(bigeminy, "SN" * 20), seen_at(bigeminy[-1] + 0.2)) == set()


def test_noise_silences_rhythm_but_not_fibrillation() -> None:
    log, now_s = regular(150, 20)
    noisy = seen_at(now_s, is_noise=np.array([True]))
    assert holding(log, noisy) == {Rule.POOR_SIGNAL}
    fibrillates = replace(noisy, fibrillates=np.array([True]))
    assert holding(log, fibrillates) == {Rule.POOR_SIGNAL, Rule.VENTRICULAR_FIBRILLATION}
