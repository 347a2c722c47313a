"""Coroutines that run beside a worker, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Run = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until the event is set."""


@contextmanager
def running_beside(name: str, runs: Sequence[Run]) -> Iterator[None]:
    """Run in a thread while the block runs; after it, wait for what is being done."""
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def run_all() -> None:
        await asyncio.gather(*(run(stopping) for run in runs))

    def run_loop() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run_all())

    thread = threading.Thread(target=run_loop, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
