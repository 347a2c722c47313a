"""Connections have bounds: in all, of one client, in time, and in what is not read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from server.http.connections import LINGER_S, Connections, Waiting
from server.http.limits import HttpLimits
from server.settings import Settings
from tests.server.http.simulation import now_s, simulate

LIMITS = replace(
    HttpLimits.from_settings(Settings()),
    connections=5,
    connections_per_client=3,
    head_timeout_s=10.0,
    keep_alive_s=75.0,
    stall_timeout_s=5.0,
    min_bytes_per_s=10.0,
    answer_timeout_s=60.0,
    unread_bytes=1000,
)
A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


@dataclass(eq=False)
class FakeConnection:
    """A connection of which the test sets what is unread."""

    client_group: str = A
    waiting: Waiting | None = None
    ended: list[str] = field(default_factory=list)
    unread: int = 0
    taken: int = 0
    answered: float | None = None

    def end(self, reason: str) -> None:
        self.ended.append(reason)

    def head_is_late(self) -> None:
        self.ended.append("head")

    def unread_bytes(self) -> int:
        return self.unread

    def taken_bytes(self) -> int:
        return self.taken

    def answered_s(self) -> float | None:
        return self.answered


def in_simulated_time(test: Callable[[Connections], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await test(Connections(LIMITS, now_s))

    simulate(run())


def added(table: Connections, client: str = A) -> FakeConnection:
    connection = FakeConnection(client)
    assert table.add(connection)
    return connection


def test_the_oldest_that_waits_makes_room() -> None:
    async def run(table: Connections) -> None:
        clients = (A, A, A, B, B)
        head, idle, busy, *others = [added(table, client) for client in clients]
        table.stop_waiting(busy)
        table.wait("idle", idle)
        added(table, C)
        assert idle.ended == ["made_room"]
        table.remove(idle)
        added(table, C)
        assert head.ended == ["made_room"]
        table.remove(head)
        for other in others:
            table.stop_waiting(other)
        assert busy.ended == []

    in_simulated_time(run)


def test_a_client_makes_room_for_itself() -> None:
    async def run(table: Connections) -> None:
        other = added(table, B)
        own = [added(table, A) for _ in range(4)]
        assert own[0].ended == ["made_room"]
        assert other.ended == []

    in_simulated_time(run)


def test_a_connection_is_refused_where_all_others_have_a_request() -> None:
    async def run(table: Connections) -> None:
        for client in (A, A, A):
            table.stop_waiting(added(table, client))
        over_own_limit = FakeConnection(A)
        assert not table.add(over_own_limit)
        table.remove(over_own_limit)
        for client in (B, C):
            table.stop_waiting(added(table, client))
        over_limit = FakeConnection(B)
        assert not table.add(over_limit)
        table.remove(over_limit)
        assert over_limit.ended == over_own_limit.ended == []

    in_simulated_time(run)


@pytest.mark.parametrize(
    ("waiting", "allowed_s"), [("head", 10.0), ("idle", 75.0), ("lingering", LINGER_S)]
)
def test_waiting_ends(waiting: Waiting, allowed_s: float) -> None:
    async def run(table: Connections) -> None:
        connection = added(table)
        table.wait(waiting, connection)
        await asyncio.sleep(allowed_s - 0.1)
        assert connection.ended == []
        await asyncio.sleep(0.7)
        assert connection.ended == [waiting]

    in_simulated_time(run)


def test_a_request_in_progress_has_no_limit_here() -> None:
    async def run(table: Connections) -> None:
        connection = added(table)
        table.stop_waiting(connection)
        await asyncio.sleep(1000)
        assert connection.ended == []

    in_simulated_time(run)


@pytest.mark.parametrize(("per_second", "ends"), [(9, True), (13, False)])
def test_an_answer_must_be_read_at_the_minimum_rate(per_second: int, ends: bool) -> None:
    async def run(table: Connections) -> None:
        connection = added(table)
        table.stop_waiting(connection)
        connection.unread = 500
        table.reads_slowly(connection)
        for _ in range(20):
            await asyncio.sleep(1.0)
            connection.taken += per_second
        assert connection.ended == (["stalled"] if ends else [])

    in_simulated_time(run)


def test_an_answer_must_be_read_in_its_time() -> None:
    async def run(table: Connections) -> None:
        connection = added(table)
        table.stop_waiting(connection)
        connection.unread = 900
        connection.answered = now_s()
        table.reads_slowly(connection)
        for _ in range(62):
            await asyncio.sleep(1.0)
            connection.taken += 13
        assert connection.ended == ["answer_timeout"]

    in_simulated_time(run)


def test_a_client_that_has_read_all_is_not_watched() -> None:
    async def run(table: Connections) -> None:
        connection = added(table)
        table.stop_waiting(connection)
        table.reads_slowly(connection)
        table.has_read(connection)
        await asyncio.sleep(100)
        assert connection.ended == []

    in_simulated_time(run)


def test_too_much_unread_ends_those_that_wait_longest() -> None:
    async def run(table: Connections) -> None:
        unread = [added(table, client) for client in (A, A, B, B)]
        for connection, size in zip(unread, (300, 300, 300, 400), strict=True):
            table.stop_waiting(connection)
            connection.unread = size
            table.reads_slowly(connection)
        # 1,300 bytes, of which 1,000 are allowed.
        assert [connection.ended for connection in unread] == [["too_much_unread"], [], [], []]
        assert table.unread_bytes() == 1000

    in_simulated_time(run)


def test_a_single_large_answer_may_be_read() -> None:
    async def run(table: Connections) -> None:
        connection = added(table)
        connection.unread = 5000
        table.reads_slowly(connection)
        assert connection.ended == []

    in_simulated_time(run)
