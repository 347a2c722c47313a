"""Places for costly requests: two run, others wait in turn, and more are refused."""

from __future__ import annotations

import asyncio

import pytest

from errors import Overloaded
from station.web.places import Places


def test_two_run_one_waits_and_the_fourth_is_refused() -> None:
    async def run() -> None:
        places = Places(at_once=2, waiting=1)
        running: list[int] = []
        finish = asyncio.Event()

        async def request(number: int) -> None:
            async with places.place():
                running.append(number)
                await finish.wait()

        tasks = [asyncio.create_task(request(number)) for number in range(3)]
        await asyncio.sleep(0)
        assert running == [0, 1]
        with pytest.raises(Overloaded) as refused:
            await request(3)
        assert refused.value.retry_after_s == 1
        finish.set()
        await asyncio.gather(*tasks)
        await request(4)
        assert running == [0, 1, 2, 4]

    asyncio.run(run())


def test_a_request_that_fails_or_leaves_gives_its_place_back() -> None:
    async def run() -> None:
        places = Places(at_once=1, waiting=1)

        async def request(seconds: float) -> None:
            async with places.place():
                await asyncio.sleep(seconds)
                raise LookupError

        leaving = [asyncio.create_task(request(100)) for _ in range(2)]
        await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        for _ in range(3):
            with pytest.raises(LookupError):
                await request(0)

    asyncio.run(run())
