"""The two kinds of worker as LitServe knows them: a LitAPI that sets a process up, and the loop that it then runs."""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from litserve import LitAPI
from litserve.loops import LitLoop
from threadpoolctl import threadpool_limits

from analysis.deployment import Deployment
from analysis.warm_up import warm_up
from encoder.devices import SIGNAL_KEPT_BYTES, keep_freed_memory, limit_openmp_spinning
from errors import ModelStoreError
from heads.cache import HeadCache
from server import metrics
from server.ipc.channel import Channel
from server.ipc.messages import Message, ModelItem, Task
from server.ipc.queues import Outbox, Queues
from server.ipc.shared_state import SharedState
from server.log import configure_logging
from server.settings import Settings
from server.stages.model import MAX_BATCH_SEGMENTS, Backlog, Job, ModelStage
from server.stages.parsed_request import Limits
from server.stages.signal import FairScheduler, SignalStage
from server.workers.worker_process import enter_worker, worker_is_ready

if TYPE_CHECKING:
    from encoder.runner import EncoderRunner

logger = logging.getLogger("ecg.worker")

SIGNAL_PATH, MODEL_PATH = "/_signal", "/_model"


class WorkerAPI(LitAPI):
    """What both kinds share. LitServe pickles it into the new process, so it holds plain values only."""

    def __init__(
        self,
        path: str,
        loop: LitLoop,
        settings: Settings,
        state: SharedState,
        deployment: Deployment,
        queues: Queues,
    ) -> None:
        super().__init__(api_path=path, loop=loop)
        self.settings, self.state, self.deployment, self.queues = (
            settings,
            state,
            deployment,
            queues,
        )
        self.row = -1

    def predict(self, x: Any, **kwargs: Any) -> Any:
        raise AssertionError("requests go through the loop. This is a bug.")


class SignalAPI(WorkerAPI):
    """A process that reads and judges recordings."""

    def __init__(
        self, settings: Settings, state: SharedState, deployment: Deployment, queues: Queues
    ) -> None:
        super().__init__(SIGNAL_PATH, SignalLoop(), settings, state, deployment, queues)

    def setup(self, device: str) -> None:
        configure_logging(self.settings)
        # There are as many workers as cores may hold: a second thread for a product of small matrices waits for a core, spinning.
        threadpool_limits(1, user_api="blas")
        keep_freed_memory(SIGNAL_KEPT_BYTES)
        self.row = enter_worker(self.state, "signal")
        limits = Limits(
            self.settings.max_body_bytes, self.settings.max_records, self.settings.max_seconds
        )
        warm_up()
        self.stage = SignalStage(
            self.deployment, HeadCache(self.settings.models_folder), limits, self.state, self.row
        )
        worker_is_ready(self.state, self.row)


class SignalLoop(LitLoop):
    """Takes a body when it has time, goes through its bodies in scheduler."""

    def __call__(self, lit_api: SignalAPI, *_: Any) -> None:
        state, row, queues = lit_api.state, lit_api.row, lit_api.queues
        scheduler = FairScheduler(lit_api.stage)

        def dropped() -> None:
            state.items_sent[row] -= 1
            metrics.ABANDONED.inc()

        channels = (queues.items, queues.many)
        to_model = [
            Outbox[ModelItem](channel, lambda item: state.waits(item.head.slot), dropped)
            for channel in channels
        ]
        while True:
            for outbox in to_model:
                outbox.flush()
            if (
                scheduler.takes_more
                and (task := _next_task(scheduler, to_model, queues)) is not None
            ):
                state.taken[row] += 1
                scheduler.add(task)
            if scheduler.idle:
                continue
            state.busy_since_s[row] = time.monotonic()
            api_worker, sent = scheduler.step()
            state.busy_since_s[row] = 0.0
            # To the HTTP process what is its own, then to the model workers what that announced.
            messages = [message for message in sent if not isinstance(message, ModelItem)]
            if messages:
                queues.answers[api_worker].send(messages)
            for item in sent:
                if isinstance(item, ModelItem):
                    state.items_sent[row] += 1
                    to_model[item.many].put(item)


def _next_task(
    scheduler: FairScheduler, to_model: Sequence[Outbox[ModelItem]], queues: Queues
) -> Task | None:
    """The next task if there is one. Where there is nothing else to do, waits: for one, or for room for what is held back."""
    held_back = [outbox.channel.sending_fd for outbox in to_model if not outbox.empty]
    task: Task | None
    if scheduler.idle and not held_back:
        task = queues.tasks.receive()
        return task
    if scheduler.idle:
        select.select([queues.tasks.receiving_fd], held_back, [])
    task = queues.tasks.try_receive()
    return task


class ModelAPI(WorkerAPI):
    """A process with the encoders on one device."""

    def __init__(
        self, settings: Settings, state: SharedState, deployment: Deployment, queues: Queues
    ) -> None:
        super().__init__(MODEL_PATH, ModelLoop(), settings, state, deployment, queues)

    def setup(self, device: str) -> None:
        configure_logging(self.settings)
        self.row = enter_worker(self.state, "model")
        limit_openmp_spinning()
        keep_freed_memory()
        from analysis.encoders import COMPILED, load_runners

        try:
            self.runners, self.runtime = load_runners(
                self.deployment, device, self.settings.dtype, self.settings.models_folder / COMPILED
            )
        except ModelStoreError as error:
            logger.error("the encoders cannot be loaded: %s", error.detail)
            self.state.refused[self.row] = 1
            raise SystemExit(1) from None
        self.state.report(
            self.row, {role: _how_it_is_run(runner) for role, runner in self.runners.items()}
        )
        worker_is_ready(self.state, self.row)
        logger.info(
            "encoders %s ready on %s in %s",
            ", ".join(self.runners),
            self.runtime.device,
            self.runtime.dtype,
        )


def _how_it_is_run(runner: EncoderRunner) -> dict[str, Any]:
    return {"dtype": runner.dtype_name, "compiled": runner.compiled, "path": runner.execution}


class ModelLoop(LitLoop):
    """Fetches in threads of its own, computes in this one, writes answers in another."""

    def __call__(self, lit_api: ModelAPI, device: str, *_: Any) -> None:
        state, row, queues = lit_api.state, lit_api.row, lit_api.queues
        backlog = Backlog(MAX_BATCH_SEGMENTS["cuda" if device.startswith("cuda") else "cpu"])
        taken = threading.Lock()

        def fetch(channel: Channel) -> None:
            while True:
                item: ModelItem = channel.receive()
                with taken:
                    state.taken[row] += 1
                backlog.add(Job(item))

        for name, channel in (("fetch", queues.items), ("fetch-many", queues.many)):
            threading.Thread(target=fetch, args=(channel,), daemon=True, name=name).start()
        with ThreadPoolExecutor(1, thread_name_prefix="answer") as answers:

            def send(api_worker: int, messages: Sequence[Message]) -> None:
                queues.answers[api_worker].send(messages)

            stage = ModelStage(
                lit_api.deployment,
                HeadCache(lit_api.settings.models_folder),
                lit_api.runners,
                lit_api.runtime,
                state,
                row,
                send,
                answers.submit,
            )
            while True:
                stage.run(backlog.next_batch())
