"""Places are given in order, to a bounded queue, and each client gets its share of them."""

from __future__ import annotations

import asyncio

import pytest

from errors import DeadlineExceeded, Overloaded
from server.http.places import Places
from server.ipc.messages import Slot
from tests.server.http.simulation import (
    ObedientClient,
    SimulatedServer,
    now_s,
    places,
    simulate,
)


def waiter(queue: Places, seconds: float = 10.0) -> asyncio.Task[Slot | None]:
    never = asyncio.get_running_loop().create_future()
    return asyncio.create_task(queue.take(now_s() + seconds, never))


async def one_turn() -> None:
    """Let every task that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_places_are_given_in_the_order_of_arrival() -> None:
    async def run() -> None:
        queue = places(2, 3)
        first, second, third, fourth = [waiter(queue) for _ in range(4)]
        await one_turn()
        taken = [first.result(), second.result()]
        assert queue.waiting_count == 2
        for expected, other in ((third, fourth), (fourth, None)):
            slot = taken.pop(0)
            assert slot is not None
            queue.release(slot)
            await one_turn()
            assert expected.done()
            assert other is None or not other.done()
        assert queue.waiting_count == 0

    simulate(run())


def test_no_more_wait_than_are_allowed() -> None:
    async def run() -> None:
        queue = places(1, 2)
        tasks = [waiter(queue) for _ in range(4)]
        await one_turn()
        with pytest.raises(Overloaded) as refused:
            tasks[3].result()
        assert 1 <= (refused.value.retry_after_s or 0) <= 60
        assert queue.waiting_count == 2

    simulate(run())


def test_a_request_waits_until_its_deadline_and_no_longer() -> None:
    async def run() -> None:
        queue = places(1, 2)
        held = waiter(queue)
        began_s = now_s()
        late = waiter(queue, 3.0)
        with pytest.raises(DeadlineExceeded):
            await late
        assert now_s() - began_s == pytest.approx(3.0)
        assert queue.waiting_count == 0
        slot = held.result()
        assert slot is not None
        queue.release(slot)
        await one_turn()
        next_slot = await waiter(queue)
        assert next_slot is not None

    simulate(run())


@pytest.mark.parametrize("how", ["leaves", "cancelled"])
def test_who_does_not_wait_any_more_takes_no_place(how: str) -> None:
    """Also when the place was given at the moment at which the client left."""

    async def run() -> None:
        queue = places(1, 3)
        held = await waiter(queue)
        assert held is not None
        gone = asyncio.get_running_loop().create_future()
        leaving = asyncio.create_task(queue.take(now_s() + 10, gone))
        follower = waiter(queue)
        await one_turn()
        queue.release(held)
        if how == "leaves":
            gone.set_result(None)
        else:
            leaving.cancel()
        await one_turn()
        assert leaving.cancelled() if how == "cancelled" else leaving.result() is None
        assert follower.result() is not None

    simulate(run())


def test_a_new_request_is_the_likelier_refused_the_more_wait() -> None:
    async def run() -> None:
        shares = []
        for waiting in (0, 8, 24, 32):
            queue = places(1, 32)
            tasks = [waiter(queue) for _ in range(1 + waiting)]
            await one_turn()
            refused = 0
            for _ in range(400):
                try:
                    queue.check()
                except Overloaded:
                    refused += 1
            shares.append(refused / 400)
            for task in tasks:
                task.cancel()
        assert shares[0] == 0
        assert shares[1] == pytest.approx(0.25, abs=0.1)
        assert shares[2] == pytest.approx(0.75, abs=0.1)
        assert shares[3] == 1

    simulate(run())


def test_without_a_queue_a_full_server_refuses() -> None:
    async def run() -> None:
        queue = places(1, 0)
        queue.check()
        slot = await waiter(queue)
        assert slot is not None
        with pytest.raises(Overloaded):
            queue.check()
        queue.release(slot)
        queue.check()

    simulate(run())


@pytest.mark.parametrize(("per_second", "seconds"), [(30.0, 120.0), (100.0, 60.0)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_200_obedient_clients_each_gets_its_share(
    per_second: float, seconds: float, seed: int
) -> None:
    """At most three times more, and at least a third, of what it would be if all had the same.

    With 64 places and one second as the only Retry-After, some were never served.
    """
    clients = [ObedientClient() for _ in range(200)]

    async def run() -> None:
        server = SimulatedServer(places(64, 32, seed), per_second)
        await asyncio.gather(*(client.run(server, seconds) for client in clients))

    simulate(run())
    served = [len(client.waits_s) for client in clients]
    fair = sum(served) / len(clients)
    assert fair / 3 <= min(served) <= max(served) <= 3 * fair
    # No place was idle meanwhile.
    assert sum(served) >= per_second * seconds
    assert len({delay for client in clients for delay in client.retry_after_s}) > 1
