"""Allowances: requests per time and at once, counted over all processes of a server."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier

import pytest

from access import rates
from access.identity import Identity
from access.rates import PROBES, Allowances, SharedCounts, check_rate
from errors import AccessError, RateLimited

WINDOW_START_S = 1_700_000_040.0  # a whole number of minutes
LAB = Identity("lab", frozenset({"analyze"}))


class Clock:
    def __init__(self) -> None:
        self.now_s = WINDOW_START_S

    def time(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The wall clock of `access.rates` and of `limits`, stopped."""
    clock = Clock()
    monkeypatch.setattr("time.time", clock.time)
    yield clock


def count_admitted(allowances: Allowances, identity: Identity, requests: int) -> int:
    admitted = 0
    for _ in range(requests):
        try:
            allowances.begin(identity).end()
        except RateLimited:
            continue
        admitted += 1
    return admitted


def test_exactly_the_rate_is_admitted(clock: Clock) -> None:
    clock.now_s += 1.0
    allowances = Allowances(SharedCounts(1), 0, "5/minute", None)
    assert count_admitted(allowances, LAB, 5) == 5
    with pytest.raises(RateLimited, match="lab has used up its allowance of 5/minute") as refused:
        allowances.begin(LAB)
    assert refused.value.retry_after_s == 59


@pytest.mark.usefixtures("clock")
def test_a_holder_has_its_own_rate_and_no_effect_on_others() -> None:
    allowances = Allowances(SharedCounts(1), 0, "5/minute", None)
    special = Identity("special", frozenset(), rate="7/minute")
    assert count_admitted(allowances, LAB, 9) == 5
    assert count_admitted(allowances, special, 9) == 7
    assert count_admitted(allowances, Identity("other", frozenset()), 9) == 5


@pytest.mark.usefixtures("clock")
def test_the_rate_holds_over_all_processes() -> None:
    counts = SharedCounts(3)
    processes = [Allowances(counts, number, "10/minute", None) for number in range(3)]
    assert [count_admitted(process, LAB, 4) for process in processes] == [4, 4, 2]
    assert [count_admitted(process, LAB, 1) for process in processes] == [0, 0, 0]


def test_the_window_slides(clock: Clock) -> None:
    """Half into the next minute, half of the last minute's requests still count."""
    allowances = Allowances(SharedCounts(2), 0, "10/minute", None)
    assert count_admitted(allowances, LAB, 20) == 10
    clock.now_s += 90.0
    assert count_admitted(allowances, LAB, 20) == 5
    clock.now_s += 120.0
    assert count_admitted(allowances, LAB, 20) == 10


def test_the_count_of_another_process_ages_with_the_window(clock: Clock) -> None:
    counts = SharedCounts(2)
    first, second = (Allowances(counts, number, "10/minute", None) for number in range(2))
    assert count_admitted(first, LAB, 10) == 10
    clock.now_s += 90.0
    assert count_admitted(second, LAB, 20) == 5
    clock.now_s += 30.0
    assert count_admitted(second, LAB, 20) == 5


@pytest.mark.usefixtures("clock")
def test_requests_at_once_are_limited_over_all_processes() -> None:
    counts = SharedCounts(2)
    first, second = (Allowances(counts, number, None, 3) for number in range(2))
    places = [first.begin(LAB), first.begin(LAB), second.begin(LAB)]
    for process in (first, second):
        with pytest.raises(RateLimited, match="lab has 3 requests in flight; 3 are allowed") as no:
            process.begin(LAB)
        assert no.value.retry_after_s == 1
    first.begin(Identity("other", frozenset()))
    places.pop().end()
    places.append(first.begin(LAB))
    with pytest.raises(RateLimited):
        second.begin(LAB)


@pytest.mark.usefixtures("clock")
def test_a_place_ends_once() -> None:
    allowances = Allowances(SharedCounts(1), 0, None, 1)
    place = allowances.begin(LAB)
    place.end()
    place.end()
    allowances.begin(LAB)
    with pytest.raises(RateLimited):
        allowances.begin(LAB)


@pytest.mark.usefixtures("clock")
def test_a_request_over_the_rate_gives_its_place_back() -> None:
    allowances = Allowances(SharedCounts(1), 0, "1/minute", 1)
    allowances.begin(LAB).end()
    for _ in range(3):
        with pytest.raises(RateLimited, match="allowance of 1/minute"):
            allowances.begin(LAB)


@pytest.mark.usefixtures("clock")
def test_a_replaced_process_forgets_what_its_predecessor_had_in_flight() -> None:
    counts = SharedCounts(2)
    Allowances(counts, 1, "9/minute", 2).begin(LAB)
    first = Allowances(counts, 0, "9/minute", 2)
    first.begin(LAB)
    with pytest.raises(RateLimited):
        first.begin(LAB)
    replaced = Allowances(counts, 1, "9/minute", 2)
    replaced.begin(LAB)
    with pytest.raises(RateLimited, match="2 requests in flight"):
        replaced.begin(LAB)


def test_rows_of_holders_that_left_are_used_again(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "ROWS", PROBES)
    allowances = Allowances(SharedCounts(1), 0, "1/minute", None)
    for number in range(PROBES):
        assert count_admitted(allowances, Identity(f"a{number}", frozenset()), 1) == 1
    late = Identity("late", frozenset())
    assert count_admitted(allowances, late, 1) == 0, "every row counts somebody"
    clock.now_s += 119.0
    assert count_admitted(allowances, late, 1) == 0
    clock.now_s += 1.0
    assert count_admitted(allowances, late, 2) == 1


def _ask(counts: SharedCounts, number: int, barrier: Barrier, admitted: object) -> None:
    allowances = Allowances(counts, number, "1000/day", None)
    barrier.wait()
    admitted[number] = count_admitted(allowances, LAB, 600)  # type: ignore[index]


def test_forked_processes_that_ask_at_once_admit_hardly_more_than_the_rate() -> None:
    """Each of the four may admit one too many at the end, but for one of them."""
    context = multiprocessing.get_context("fork")
    counts, barrier = SharedCounts(4), context.Barrier(4)
    admitted = context.Array("q", 4, lock=False)
    processes = [
        context.Process(target=_ask, args=(counts, number, barrier, admitted))
        for number in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert 1000 <= sum(admitted) <= 1003


@pytest.mark.parametrize("text", ["10/second", "600/minute", "5 per hour", "1000/day"])
def test_rates_are_in_the_notation_of_limits(text: str) -> None:
    assert check_rate(text).amount == int(text.replace("/", " ").split()[0])


@pytest.mark.parametrize(
    "text", ["", "10", "ten/minute", "-1/minute", "0/second", "1/month", "2/2 day"]
)
def test_another_notation_is_refused(text: str) -> None:
    with pytest.raises(AccessError, match="rate: "):
        check_rate(text)


def test_a_default_rate_in_another_notation_is_refused_at_the_start() -> None:
    with pytest.raises(AccessError, match="write it as 10/second or 600/minute"):
        Allowances(SharedCounts(1), 0, "600 a minute, please", None)


def test_holders_whose_rows_collide_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    # Both begin their search for a row at the same one.
    ids = {"first": 5, "second": 5 + rates.ROWS}
    monkeypatch.setattr(rates, "_id_of", lambda text: ids[text.split("/")[1]])
    counts = SharedCounts(1)
    allowances = Allowances(counts, 0, None, 2)
    first, second = (Identity(name, frozenset()) for name in ids)
    for holder in (first, second, second):
        allowances.begin(holder)
    assert counts.find(0, ids["second"]) == counts.find(0, ids["first"]) + rates._CELLS  # type: ignore[operator]
    with pytest.raises(RateLimited, match="second has 2 requests in flight; 2 are allowed"):
        allowances.begin(second)
    allowances.begin(first)
