"""What one HTTP process holds while it runs: shared state, requests in flight, queues."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.requests import Request

from analysis.deployment import Deployment
from encoder.devices import HTTP_KEPT_BYTES, LARGEST_KEPT_BODY_BYTES, keep_freed_memory
from heads.cache import HeadCache
from server import metrics
from server.authorization.guard import Guard
from server.http.limits import HttpLimits
from server.http.places import Places
from server.http.uploads import Uploads
from server.ipc.channel import Channel, LostMessage
from server.ipc.messages import Stage, Task
from server.ipc.queues import Outbox, Queues, note_lost
from server.ipc.shared_state import SharedState
from server.metric_families import count_into
from server.settings import Settings
from server.stages.request_body import holds_files
from server.telemetry.process import start_telemetry, stop_telemetry
from server.workers.answer_sender import not_queued
from server.workers.death_watch import DeathWatch
from server.workers.in_flight import InFlightRequests

logger = logging.getLogger("ecg.service")

HEARTBEAT_EVERY_S: Final = 0.5
MAX_RECEIVED_AT_ONCE: Final = 64  # messages; after them the event loop serves requests


@dataclass
class Service:
    """What the routes of one HTTP process use.

    places        gives the slots of `in_flight`
    uploads       the bodies that are received or in memory
    http_process  number of the process, from 0
    """

    settings: Settings
    state: SharedState
    queues: Queues
    deployment: Deployment
    head_cache: HeadCache
    in_flight: InFlightRequests
    places: Places
    uploads: Uploads
    http_process: int
    guard: Guard

    @property
    def is_draining(self) -> bool:
        return bool(self.state.draining.value)


def service_of(request: Request) -> Service:
    """Return the service of the process that handles the request."""
    # The server's lifespan sets it before the first request.
    service: Service = request.app.state.service
    return service


@asynccontextmanager
async def running_service(
    settings: Settings,
    state: SharedState,
    deployment: Deployment,
    http_process: int,
    queues: Queues,
    guard: Guard,
) -> AsyncIterator[Service]:
    """Yield this process's service; receive answers and watch the workers while it runs."""
    count_into(state.http_metrics(http_process))
    start_telemetry(settings, f"api-{http_process}")
    keep_freed_memory(HTTP_KEPT_BYTES, LARGEST_KEPT_BODY_BYTES)
    heartbeat = asyncio.create_task(_beat(state, http_process), name="heartbeat")
    state.http_pid[http_process] = os.getpid()
    loop = asyncio.get_running_loop()
    tasks = _TaskSender(queues.tasks, state, http_process)
    files = _TaskSender(queues.files, state, http_process)

    def send(task: Task) -> None:
        sender = files if holds_files(task.content_type, task.body) else tasks
        sender.send(task)

    in_flight = InFlightRequests(state, http_process, send, settings.max_cpu_seconds)
    bounds = _places_and_uploads(settings, in_flight)

    def answer_lost(task: Task) -> None:
        in_flight.fail(task.uid, not_queued(), task.only_indices)

    tasks.on_lost = files.on_lost = answer_lost
    answers = queues.answers[http_process]

    receive_answers = partial(_receive_answers, answers, in_flight)

    def worker_died(stage: Stage, pid: int) -> None:
        receive_answers()  # those that the worker sent before it ended
        in_flight.worker_died(stage, pid)

    death_watch = asyncio.create_task(DeathWatch(state, worker_died).run(), name="death watch")
    death_watch.add_done_callback(_exit_if_failed)
    # The event loop calls it as soon as a message arrives, with no thread in between.
    loop.add_reader(answers.receiving_fd, receive_answers)
    head_cache = HeadCache(settings.models_folder)
    try:
        yield Service(
            settings, state, queues, deployment, head_cache, in_flight, *bounds, http_process, guard
        )
    finally:
        loop.remove_reader(answers.receiving_fd)
        heartbeat.cancel()
        death_watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await death_watch
        # In a thread, as it waits for the collector.
        await asyncio.to_thread(stop_telemetry)


def _places_and_uploads(settings: Settings, in_flight: InFlightRequests) -> tuple[Places, Uploads]:
    places = Places(
        in_flight, settings.max_in_flight_per_http_process, settings.max_waiting_per_http_process
    )
    return places, Uploads(HttpLimits.from_settings(settings), places.retry_after_s)


def _receive_answers(answers: Channel, in_flight: InFlightRequests) -> None:
    for _ in range(MAX_RECEIVED_AT_ONCE):
        try:
            messages = answers.try_receive()
        except LostMessage as lost:
            note_lost("answers", lost)
            in_flight.fail(lost.uid, not_queued())
            continue
        if messages is None:
            return
        in_flight.receive(messages)


async def _beat(state: SharedState, http_process: int) -> None:
    """Show the supervisor that the event loop runs."""
    while True:
        state.http_heartbeat_s[http_process] = time.monotonic()
        await asyncio.sleep(HEARTBEAT_EVERY_S)


class _TaskSender:
    """Sends tasks to the signal workers; while a queue is full, as soon as it has room.

    on_lost  called for a task that cannot be sent
    """

    def __init__(self, queue: Channel, state: SharedState, http_process: int) -> None:
        self._state = state
        self._http_process = http_process
        self._outbox = Outbox[Task](
            queue, "tasks", self._is_wanted, self._count_dropped, self._count_lost
        )
        self._watches_room = False
        self.on_lost: Callable[[Task], None] = lambda task: None

    def send(self, task: Task) -> None:
        self._state.tasks_sent[self._http_process] += 1
        self._outbox.put(task)
        self._watch_room()

    def _is_wanted(self, task: Task) -> bool:
        return self._state.is_awaited(task.head.slot)

    def _count_dropped(self) -> None:
        self._state.tasks_sent[self._http_process] -= 1
        metrics.ABANDONED.inc()

    def _count_lost(self, task: Task) -> None:
        self._state.tasks_sent[self._http_process] -= 1
        self.on_lost(task)

    def _watch_room(self) -> None:
        """Watch for room in the queue exactly while the outbox holds tasks."""
        must_watch = not self._outbox.is_empty
        if must_watch == self._watches_room:
            return
        self._watches_room = must_watch
        loop = asyncio.get_running_loop()
        sending_fd = self._outbox.channel.sending_fd
        if must_watch:
            loop.add_writer(sending_fd, self._send_kept)
        else:
            loop.remove_writer(sending_fd)

    def _send_kept(self) -> None:
        self._outbox.flush()
        self._watch_room()


def _exit_if_failed(task: asyncio.Task[None]) -> None:
    """End this process when the death watch failed.

    Without it, requests that a lost worker had would never be answered. The supervisor replaces
    this process.
    """
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        logger.critical("%s failed: this process ends", task.get_name(), exc_info=error)
        os._exit(1)
