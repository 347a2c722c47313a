"""The signal worker's process: it receives tasks, parses bodies and prepares recordings."""

from __future__ import annotations

import contextlib
import logging
import select
import time
from collections.abc import Iterator
from typing import Any, Final

from litserve.loops import LitLoop
from threadpoolctl import threadpool_limits

from analysis.deployment import Deployment
from analysis.warm_up import warm_up
from encoder.devices import SIGNAL_KEPT_BYTES, keep_freed_memory
from heads.cache import HeadCache
from intervals.neurokit.loading import is_loaded, load
from report import loading as report_loading
from server import metrics
from server.ipc.channel import Channel, LostMessage
from server.ipc.messages import BodyParsed, ModelItem, Result, SentToModel, Task
from server.ipc.queues import Outbox, Queues
from server.ipc.shared_state import SharedState
from server.log import configure_logging
from server.settings import Settings
from server.stages.fair_scheduler import FairScheduler
from server.stages.parsed_request import Limits
from server.stages.signal import FilesToRead, Sent, SignalStage
from server.telemetry.process import start_telemetry
from server.workers.answer_sender import AnswerSender, not_queued
from server.workers.file_reader import FileReader
from server.workers.reader_process import fork_nursery
from server.workers.worker_api import WorkerAPI
from server.workers.worker_process import (
    limit_memory,
    register_worker,
    set_worker_ready,
    take_from_reserve,
)

# LitServe tells its LitAPIs apart by a path. This one is no route: no client can request it.
SIGNAL_PATH: Final = "/_signal"
# Address space that NeuroKit2 and what it imports take, with a reserve: 257 MiB were measured
# (docs/performance.md).
NEUROKIT_BYTES: Final = 512 << 20
# The same for what draws a report: 12 MiB were measured.
REPORT_BYTES: Final = 64 << 20
READER_CHECK_EVERY_S: Final = 0.25  # whether anybody still waits for what it reads


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
        # As lines of the logger py.warnings, which are not shown: they may quote a recording.
        logging.captureWarnings(True)
        # There is one worker for each core that the signal stage uses. A second BLAS thread, for a
        # product of small matrices, would spin while it waits for a core.
        threadpool_limits(1, user_api="blas")
        keep_freed_memory(SIGNAL_KEPT_BYTES)
        self.row = register_worker(self.state, "signal")
        # It forks, so it comes before the first thread.
        limit = settings.reader_cost_limit
        self.reader = FileReader(fork_nursery(limit), self.state, limit)
        start_telemetry(settings, self.state.place_of("signal", self.row))
        limits = Limits(settings.max_body_bytes, settings.max_records, settings.max_seconds)
        # Before the worker is ready: otherwise the first recording would wait for the warm-up.
        warm_up()
        head_cache = HeadCache(settings.models_folder)
        cost_limit = settings.worker_cost_limit
        self.stage = SignalStage(
            self.deployment,
            head_cache,
            limits,
            cost_limit,
            self.state,
            self.row,
            _load_neurokit,
            _load_report,
        )
        if settings.measurements_method == "neurokit2":
            _load_neurokit()
        set_worker_ready(self.state, self.row)
        limit_memory(cost_limit.memory_bytes, NEUROKIT_BYTES + REPORT_BYTES)


def _load_neurokit() -> None:
    """Load NeuroKit2 without a change of what requests may take. It brings a pool of threads."""
    if not is_loaded():
        with take_from_reserve():
            load()
        threadpool_limits(1)


def _load_report() -> None:
    """Load what draws reports without a change of what requests may take."""
    if not report_loading.is_loaded():
        with take_from_reserve():
            report_loading.load()


class SignalLoop(LitLoop):
    """The signal worker's work after its setup. It never returns.

    It receives a task whenever the scheduler has room, then processes one recording. Meanwhile the
    reader process reads the files of one upload.
    """

    def __call__(self, lit_api: SignalAPI, *_: Any) -> None:
        scheduler = FairScheduler(lit_api.stage)
        reader = lit_api.reader
        queues = lit_api.queues
        answers = AnswerSender(queues, lit_api.state)
        model_queue = _ModelQueue(queues, answers, lit_api.state, lit_api.row)
        intake = _Intake(scheduler, reader, model_queue, queues, answers)
        state, row = lit_api.state, lit_api.row
        while True:
            model_queue.flush()
            intake.receive(state, row)
            if scheduler.is_idle:
                continue
            with _busy(state, row):
                http_process, sent = scheduler.step()
            self._send(http_process, sent, answers, model_queue)
            if sent and isinstance(sent[-1], FilesToRead):
                with _busy(state, row):
                    reader.start(sent[-1])

    @staticmethod
    def _send(
        http_process: int, sent: list[Sent], answers: AnswerSender, model_queue: _ModelQueue
    ) -> None:
        # The HTTP process first: it must learn that a recording was sent before a model worker
        # answers it.
        messages = [item for item in sent if isinstance(item, BodyParsed | SentToModel | Result)]
        if messages:
            answers.send(http_process, messages)
        for item in sent:
            if isinstance(item, ModelItem):
                model_queue.put(item)


@contextlib.contextmanager
def _busy(state: SharedState, row: int) -> Iterator[None]:
    """Show the supervisor since when this worker is busy. An exception ends the worker."""
    state.busy_since_s[row] = time.monotonic()
    yield
    state.busy_since_s[row] = 0.0


class _Intake:
    """What comes into the worker: tasks, and what the reader process has read."""

    def __init__(
        self,
        scheduler: FairScheduler,
        reader: FileReader,
        model_queue: _ModelQueue,
        queues: Queues,
        answers: AnswerSender,
    ) -> None:
        self._answers = answers
        self._scheduler = scheduler
        self._reader = reader
        self._model_queue = model_queue
        self._tasks = queues.tasks
        self._files = queues.files
        self._epoll = select.epoll()
        self._registered: dict[int, int] = {}  # the events of each descriptor

    def receive(self, state: SharedState, row: int) -> None:
        """Give the scheduler what has arrived. While it is idle, wait until something arrives."""
        wanted = self._wanted()
        if not wanted and not self._scheduler.is_idle:
            # What is registered stays so: between the recordings of full load that saves two
            # system calls each. The kernel gives what arrives to a worker that waits.
            return
        self._register(wanted)
        for fd, _ in self._epoll.poll(self._timeout_s()):
            self._receive_from(fd, state, row)
        if self._reader.is_busy:
            error = self._reader.give_up_if_overdue()
            if error is not None:
                self._scheduler.resume(error)

    def _wanted(self) -> dict[int, int]:
        # EXCLUSIVE: the kernel wakes one of the workers that wait for the same queue.
        wanted: dict[int, int] = {}
        if self._scheduler.has_room:
            wanted[self._tasks.receiving_fd] = select.EPOLLIN | select.EPOLLEXCLUSIVE
        if self._scheduler.has_room_for_files:
            wanted[self._files.receiving_fd] = select.EPOLLIN | select.EPOLLEXCLUSIVE
        if self._reader.is_busy:
            wanted[self._reader.fileno()] = select.EPOLLIN
        if self._scheduler.is_idle:
            for fd in self._model_queue.blocked_fds():
                wanted[fd] = select.EPOLLOUT
        return wanted

    def _register(self, wanted: dict[int, int]) -> None:
        if wanted == self._registered:
            return
        for fd in self._registered:
            if wanted.get(fd) != self._registered[fd]:
                # The kernel has removed a descriptor that is closed.
                with contextlib.suppress(OSError):
                    self._epoll.unregister(fd)
        for fd, events in wanted.items():
            if self._registered.get(fd) != events:
                self._epoll.register(fd, events)
        self._registered = wanted

    def _timeout_s(self) -> float | None:
        if not self._scheduler.is_idle:
            return 0.0
        return READER_CHECK_EVERY_S if self._reader.is_busy else None

    def _receive_from(self, fd: int, state: SharedState, row: int) -> None:
        if self._reader.is_busy and fd == self._reader.fileno():
            with _busy(state, row):
                self._scheduler.resume(self._reader.outcome())
        elif fd == self._tasks.receiving_fd and self._scheduler.has_room:
            self._add(self._tasks, state, row, reads_files=False)
        elif fd == self._files.receiving_fd and self._scheduler.has_room_for_files:
            self._add(self._files, state, row, reads_files=True)

    def _add(self, queue: Channel, state: SharedState, row: int, *, reads_files: bool) -> None:
        task: Task | None
        try:
            task = queue.try_receive()
        except LostMessage as lost:
            state.received[row] += 1
            self._answers.fail("tasks", lost)
            return
        if task is not None:  # another worker may have been faster
            state.received[row] += 1
            self._scheduler.add(task, reads_files=reads_files)


class _ModelQueue:
    """The two queues to the model workers; recordings are sent without blocking.

    row  this worker's row in the shared tables
    """

    def __init__(self, queues: Queues, answers: AnswerSender, state: SharedState, row: int) -> None:
        self._answers = answers
        self._state = state
        self._row = row
        self._single = self._outbox(queues.single_items)
        self._many = self._outbox(queues.many_items)

    def _outbox(self, channel: Channel) -> Outbox[ModelItem]:
        return Outbox[ModelItem](
            channel, "items", self._is_wanted, self._count_dropped, self._answer_lost
        )

    def _is_wanted(self, item: ModelItem) -> bool:
        return self._state.is_awaited(item.head.slot)

    def _count_dropped(self) -> None:
        # `put` counted the item as sent; no model worker will receive it.
        self._state.items_sent[self._row] -= 1
        metrics.ABANDONED.inc()

    def _answer_lost(self, item: ModelItem) -> None:
        self._state.items_sent[self._row] -= 1
        error = Result(item.uid, item.index, error=not_queued())
        self._answers.send(item.head.http_process, [error])

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
