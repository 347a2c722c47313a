"""An event loop and clients in simulated time: no test waits, and none depends on the machine."""

from __future__ import annotations

import asyncio
import heapq
import random
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from errors import EcgError
from server.http.places import Places
from server.ipc.messages import Slot, Task
from server.ipc.shared_state import SharedState
from server.workers.in_flight import InFlightRequests


class _Selector(selectors.SelectSelector):
    """Never waits: the time for which the loop would wait passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.now_s += timeout
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Its clock starts at 1000 s and jumps to the next timer when nothing is left to do."""

    def __init__(self) -> None:
        self._simulated = _Selector()
        super().__init__(self._simulated)

    def time(self) -> float:
        return self._simulated.now_s


def simulate(coroutine: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(coroutine)


def now_s() -> float:
    return asyncio.get_running_loop().time()


def nothing_sent(task: Task) -> None:
    raise AssertionError("no test sends a task")


def places(count: int, max_waiting: int, seed: int = 0) -> Places:
    state = SharedState(1, [], 1, count)
    in_flight = InFlightRequests(state, 0, nothing_sent, 20.0)
    return Places(in_flight, count, max_waiting, now_s, random.Random(seed))


@dataclass
class SimulatedServer:
    """Answers requests in order, `per_second` of them."""

    places: Places
    per_second: float
    free_s: list[float] = field(default_factory=lambda: [0.0])

    async def serve(self) -> None:
        """Raises Overloaded."""
        self.places.check()
        never = asyncio.get_running_loop().create_future()
        slot = await self.places.take(now_s() + 30.0, never)
        assert isinstance(slot, Slot)
        started_s = max(now_s(), heapq.heappop(self.free_s))
        heapq.heappush(self.free_s, started_s + 1 / self.per_second)
        await asyncio.sleep(started_s + 1 / self.per_second - now_s())
        self.places.release(slot)


@dataclass
class ObedientClient:
    """Asks again as soon as it is answered, and where it is refused when it was asked to come.

    waits_s  from the first attempt to the answer
    refused  how often before each answer
    """

    waits_s: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    retry_after_s: list[int] = field(default_factory=list)

    async def run(self, server: SimulatedServer, seconds: float) -> None:
        end_s = now_s() + seconds
        while now_s() < end_s:
            began_s = now_s()
            refused = 0
            while True:
                try:
                    await server.serve()
                except EcgError as error:
                    assert error.retry_after_s is not None
                    self.retry_after_s.append(error.retry_after_s)
                    refused += 1
                    await asyncio.sleep(error.retry_after_s)
                else:
                    break
            self.waits_s.append(now_s() - began_s)
            self.refused.append(refused)
