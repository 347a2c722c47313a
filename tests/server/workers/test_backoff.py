"""How long a place waits: not at all after a long life, ever longer in a storm, within limits."""

from __future__ import annotations

from server.workers.backoff import (
    MAX_WAIT_AFTER_FAILED_START_S,
    MAX_WAIT_AFTER_READY_S,
    STABLE_S,
    Backoff,
)


def test_a_storm_of_workers_that_were_ready_waits_a_little() -> None:
    backoff = Backoff()
    waits = [backoff.next_wait_s(0.5) for _ in range(1500)]
    assert waits[:6] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6]
    assert set(waits[6:]) == {MAX_WAIT_AFTER_READY_S}


def test_workers_that_never_start_wait_longer() -> None:
    backoff = Backoff()
    waits = [backoff.next_wait_s(None) for _ in range(12)]
    assert waits[:4] == [0.0, 0.1, 0.2, 0.4]
    assert waits[9] == 25.6
    assert waits[10:] == [MAX_WAIT_AFTER_FAILED_START_S] * 2


def test_a_stable_life_ends_the_storm() -> None:
    backoff = Backoff()
    for ready_for_s in (None, None, STABLE_S - 0.01):
        backoff.next_wait_s(ready_for_s)
    assert backoff.next_wait_s(STABLE_S) == 0.0
    assert [backoff.next_wait_s(1.0) for _ in range(2)] == [0.0, 0.1]
