"""What one HTTP process holds while it runs: settings, shared tables, the desk, and the way to the workers' queues."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from analysis.deployment import Deployment
from heads.shelf import Shelf
from server.desk import Desk
from server.lifeline import Lifelines
from server.messages import Task
from server.settings import Settings
from server.state import SharedState

logger = logging.getLogger("ecg.service")

PUT_THREADS = 4  # each holds its own connection to the queue's process


@dataclass
class Service:
    settings: Settings
    state: SharedState
    deployment: Deployment
    shelf: Shelf
    desk: Desk
    api_worker: int
    queue_depths: Callable[[], dict[str, int]]

    @property
    def draining(self) -> bool:
        return bool(self.state.draining.value)


@asynccontextmanager
async def running_service(
    settings: Settings, state: SharedState, deployment: Deployment, api_worker: int, queues: dict[str, Any], transport: Any
) -> AsyncIterator[Service]:
    """The service of this process, with its tasks: answers come in, deaths are noticed."""
    state.api_pid[api_worker] = os.getpid()
    putters = ThreadPoolExecutor(PUT_THREADS, thread_name_prefix="put")
    signal_queue = queues["signal"]

    def send(task: Task) -> None:
        putters.submit(signal_queue.put, (api_worker, task.head.uid, time.monotonic(), task)).add_done_callback(_log_failure)

    desk = Desk(state, api_worker, send)
    lifelines = Lifelines(state, desk.worker_died)
    desk.on_started = lifelines.watch
    service = Service(
        settings,
        state,
        deployment,
        Shelf(settings.models_folder),
        desk,
        api_worker,
        lambda: {name: int(queue.qsize()) for name, queue in queues.items()},
    )
    tasks: list[asyncio.Task[None]] = [
        asyncio.create_task(_receive(desk, transport, api_worker), name="receive"),
        asyncio.create_task(lifelines.run(), name="lifelines"),
    ]
    for task in tasks:
        task.add_done_callback(_end_if_failed)
    try:
        yield service
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        putters.shutdown(wait=False)


async def _receive(desk: Desk, transport: Any, api_worker: int) -> None:
    while True:
        messages = await transport.areceive(api_worker)
        if messages:
            desk.receive(messages)


def _end_if_failed(task: asyncio.Task[None]) -> None:
    """Without these tasks this process would take in requests that it can never answer: better that the supervisor ends the server."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("%s failed: this process ends", task.get_name(), exc_info=error)
        os._exit(1)


def _log_failure(future: Any) -> None:
    if (error := future.exception()) is not None:
        logger.error("a task did not reach its queue: %s", type(error).__name__)
