"""The signal worker's process: it receives tasks, parses bodies and prepares recordings."""

from __future__ import annotations

import select
import time
from typing import Any, Final

from litserve.loops import LitLoop
from threadpoolctl import threadpool_limits

from analysis.deployment import Deployment
from analysis.warm_up import warm_up
from encoder.devices import SIGNAL_KEPT_BYTES, keep_freed_memory
from heads.cache import HeadCache
from server import metrics
from server.ipc.channel import Channel
from server.ipc.messages import Message, ModelItem, Task
from server.ipc.queues import Outbox, Queues
from server.ipc.shared_state import SharedState
from server.log import configure_logging
from server.settings import Settings
from server.stages.fair_scheduler import FairScheduler
from server.stages.parsed_request import Limits
from server.stages.signal import SignalStage
from server.workers.worker_api import WorkerAPI
from server.workers.worker_process import register_worker, set_worker_ready

# LitServe tells its LitAPIs apart by a path. This one is no route: no client can request it.
SIGNAL_PATH: Final = "/_signal"


class SignalAPI(WorkerAPI):
    """The LitAPI of a signal worker, which parses, judges and prepares recordings."""

    def __init__(
        self, settings: Settings, state: SharedState, deployment: Deployment, queues: Queues
    ) -> None:
        super().__init__(SIGNAL_PATH, SignalLoop(), settings, state, deployment, queues)

    def setup(self, device: str) -> None:
        """Prepare the process, then mark the worker as ready.

        LitServe calls it once, in the worker's process. `device` is always "cpu".
        """
        settings = self.settings
        configure_logging(settings)
        # There is one worker for each core that the signal stage uses. A second BLAS thread, for a
        # product of small matrices, would spin while it waits for a core.
        threadpool_limits(1, user_api="blas")
        keep_freed_memory(SIGNAL_KEPT_BYTES)
        self.row = register_worker(self.state, "signal")
        limits = Limits(settings.max_body_bytes, settings.max_records, settings.max_seconds)
        # Before the worker is ready: otherwise the first recording would wait for the warm-up.
        warm_up()
        head_cache = HeadCache(settings.models_folder)
        self.stage = SignalStage(self.deployment, head_cache, limits, self.state, self.row)
        set_worker_ready(self.state, self.row)


class SignalLoop(LitLoop):
    """The signal worker's work after its setup. It never returns.

    It receives a task whenever the scheduler has room, then processes one recording.
    """

    def __call__(self, lit_api: SignalAPI, *_: Any) -> None:
        scheduler = FairScheduler(lit_api.stage)
        model_queue = _ModelQueue(lit_api.queues, lit_api.state, lit_api.row)
        tasks = lit_api.queues.tasks
        state, row = lit_api.state, lit_api.row
        while True:
            model_queue.flush()
            if scheduler.has_room:
                task = _next_task(scheduler, model_queue, tasks)
                if task is not None:
                    state.received[row] += 1
                    scheduler.add(task)
            if scheduler.is_idle:
                continue
            state.busy_since_s[row] = time.monotonic()
            http_process, sent = scheduler.step()
            state.busy_since_s[row] = 0.0
            self._send(sent, lit_api.queues.answers[http_process], model_queue)

    @staticmethod
    def _send(sent: list[Message | ModelItem], answers: Channel, model_queue: _ModelQueue) -> None:
        # Messages to the HTTP process are sent first: it must learn that a recording was sent to
        # the model workers before one of them answers it.
        messages = [message for message in sent if not isinstance(message, ModelItem)]
        if messages:
            answers.send(messages)
        for item in sent:
            if isinstance(item, ModelItem):
                model_queue.put(item)


class _ModelQueue:
    """The two queues to the model workers; recordings are sent without blocking.

    row  this worker's row in the shared tables
    """

    def __init__(self, queues: Queues, state: SharedState, row: int) -> None:
        self._state = state
        self._row = row
        self._single = self._outbox(queues.single_items)
        self._many = self._outbox(queues.many_items)

    def _outbox(self, channel: Channel) -> Outbox[ModelItem]:
        return Outbox[ModelItem](channel, self._is_wanted, self._count_dropped)

    def _is_wanted(self, item: ModelItem) -> bool:
        return self._state.is_awaited(item.head.slot)

    def _count_dropped(self) -> None:
        # `put` counted the item as sent; no model worker will receive it.
        self._state.items_sent[self._row] -= 1
        metrics.ABANDONED.inc()

    def put(self, item: ModelItem) -> None:
        """Send an item, or keep it until its queue has room."""
        self._state.items_sent[self._row] += 1
        outbox = self._many if item.many else self._single
        outbox.put(item)

    def flush(self) -> None:
        """Send the kept items for which there is room."""
        self._single.flush()
        self._many.flush()

    def blocked_fds(self) -> list[int]:
        """Return the file descriptors of the full queues; each is writable once there is room."""
        return [
            outbox.channel.sending_fd
            for outbox in (self._single, self._many)
            if not outbox.is_empty
        ]


def _next_task(scheduler: FairScheduler, model_queue: _ModelQueue, tasks: Channel) -> Task | None:
    """Return the next task, or None if none has arrived.

    If the scheduler is idle, first wait for a task, or for room in a queue that was full.
    """
    task: Task | None
    if not scheduler.is_idle:
        task = tasks.try_receive()
        return task
    blocked_fds = model_queue.blocked_fds()
    if not blocked_fds:
        task = tasks.receive()
        return task
    select.select([tasks.receiving_fd], blocked_fds, [])
    task = tasks.try_receive()
    return task
