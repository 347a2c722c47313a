"""Retry-After follows the measured rate and the number of clients that were refused before."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from server.http.appointments import MAX_DELAY_S, Appointments, ServiceRate


class Clock:
    now_s = 100.25

    def __call__(self) -> float:
        return self.now_s


def measured(clock: Clock, per_second: float) -> ServiceRate:
    """A rate after five seconds in which every place was taken."""
    rate = ServiceRate(first_guess=1.0)
    rate.places_are_taken(clock.now_s)
    for _ in range(round(5 * per_second)):
        rate.answered()
    clock.now_s += 5.0
    assert rate.per_second(clock.now_s) == pytest.approx(per_second)
    return rate


@pytest.mark.parametrize("per_second", [2.0, 10.0, 50.0])
def test_each_second_is_promised_to_as_many_as_are_answered_in_it(per_second: float) -> None:
    clock = Clock()
    appointments = Appointments(measured(clock, per_second), clock, random.Random(0))
    delays = Counter(appointments.retry_after_s() for _ in range(round(20 * per_second)))
    assert max(delays.values()) <= per_second
    assert 20 <= max(delays) <= 21


def test_the_delay_is_never_a_constant() -> None:
    clock = Clock()
    appointments = Appointments(measured(clock, 100.0), clock, random.Random(0))
    assert {appointments.retry_after_s() for _ in range(20)} == {1, 2}


def test_what_was_promised_passes_with_time() -> None:
    clock = Clock()
    appointments = Appointments(measured(clock, 10.0), clock, random.Random(0))
    for _ in range(200):
        appointments.retry_after_s()
    assert appointments.retry_after_s() >= 19
    clock.now_s += 20
    assert appointments.retry_after_s() <= 3


def test_the_delay_is_bounded_when_nothing_is_answered() -> None:
    clock = Clock()
    rate = ServiceRate(first_guess=64.0)
    rate.places_are_taken(clock.now_s)
    clock.now_s += 11.0
    assert rate.per_second(clock.now_s) == 0.0
    appointments = Appointments(rate, clock, random.Random(0))
    delays = [appointments.retry_after_s() for _ in range(500)]
    assert min(delays) == 1
    assert max(delays) == MAX_DELAY_S
    assert min(delays[100:]) >= MAX_DELAY_S // 2


def test_the_rate_is_measured_only_while_every_place_is_taken() -> None:
    rate = ServiceRate(first_guess=64.0)
    assert rate.per_second(0.0) == 64.0
    rate.answered()
    assert rate.per_second(50.0) == 64.0
    rate.places_are_taken(50.0)
    for _ in range(30):
        rate.answered()
    rate.places_are_free(53.0)
    assert rate.per_second(53.0) == 10.0
    # An idle hour does not change it.
    assert rate.per_second(3653.0) == 10.0
    rate.places_are_taken(3653.0)
    for _ in range(40):
        rate.answered()
    assert rate.per_second(3655.0) == 20.0
