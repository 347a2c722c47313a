"""What one HTTP process holds while it runs: settings, shared tables, the in_flight, and the queues to and from the workers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from analysis.deployment import Deployment
from heads.cache import HeadCache
from server import metrics
from server.ipc.messages import Stage, Task
from server.ipc.queues import Outbox, Queues
from server.ipc.shared_state import SharedState
from server.settings import Settings
from server.workers.death_watch import DeathWatch
from server.workers.in_flight import InFlightRequests

logger = logging.getLogger("ecg.service")

RECEIVED_AT_ONCE = 64  # messages; then requests have their turn


@dataclass
class Service:
    settings: Settings
    state: SharedState
    deployment: Deployment
    head_cache: HeadCache
    in_flight: InFlightRequests
    api_worker: int

    @property
    def draining(self) -> bool:
        return bool(self.state.draining.value)


@asynccontextmanager
async def running_service(
    settings: Settings, state: SharedState, deployment: Deployment, api_worker: int, queues: Queues
) -> AsyncIterator[Service]:
    """The service of this process, with its tasks: answers come in, deaths are noticed."""
    state.api_pid[api_worker] = os.getpid()
    loop = asyncio.get_running_loop()
    sender = _Sender(queues, state, api_worker)
    in_flight = InFlightRequests(state, api_worker, sender.send)
    answers = queues.answers[api_worker]

    def receive() -> None:
        for _ in range(RECEIVED_AT_ONCE):
            messages = answers.try_receive()
            if messages is None:
                return
            in_flight.receive(messages)

    def worker_died(stage: Stage, pid: int) -> None:
        receive()  # what it sent before
        in_flight.worker_died(stage, pid)

    death_watch = asyncio.create_task(DeathWatch(state, worker_died).run(), name="death_watch")
    death_watch.add_done_callback(_end_if_failed)
    loop.add_reader(answers.receiving_fd, receive)
    try:
        yield Service(
            settings, state, deployment, HeadCache(settings.models_folder), in_flight, api_worker
        )
    finally:
        loop.remove_reader(answers.receiving_fd)
        death_watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await death_watch


class _Sender:
    """Puts tasks on the signal workers' queue, when it is full as soon as it has room."""

    def __init__(self, queues: Queues, state: SharedState, api_worker: int) -> None:
        self._outbox = Outbox[Task](
            queues.tasks, lambda task: state.waits(task.head.slot), self._dropped
        )
        self._state, self._api_worker = state, api_worker
        self._watching = False

    def send(self, task: Task) -> None:
        self._state.tasks_sent[self._api_worker] += 1
        self._outbox.put(task)
        self._watch()

    def _dropped(self) -> None:
        self._state.tasks_sent[self._api_worker] -= 1
        metrics.ABANDONED.inc()

    def _watch(self) -> None:
        if self._watching == self._outbox.empty:
            self._watching = not self._outbox.empty
            loop, fd = asyncio.get_running_loop(), self._outbox.channel.sending_fd
            if self._watching:
                loop.add_writer(fd, self._has_room)
            else:
                loop.remove_writer(fd)

    def _has_room(self) -> None:
        self._outbox.flush()
        self._watch()


def _end_if_failed(task: asyncio.Task[None]) -> None:
    """Unwatched, a worker's end would leave requests unanswered: better that the supervisor ends the server."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("%s failed: this process ends", task.get_name(), exc_info=error)
        os._exit(1)
