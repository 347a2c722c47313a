"""The model worker's process: it receives prepared recordings and runs the encoders on a device."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from litserve.loops import LitLoop

from analysis.deployment import Deployment
from encoder.devices import keep_freed_memory, limit_openmp_spinning
from errors import ModelStoreError
from heads.cache import HeadCache
from server.ipc.channel import Channel, LostMessage
from server.ipc.messages import ModelItem
from server.ipc.queues import Queues
from server.ipc.shared_state import SharedState
from server.log import configure_logging
from server.settings import Settings
from server.stages.backlog import MAX_BATCH_SEGMENTS, Backlog, Job
from server.stages.model import ModelStage
from server.telemetry.process import start_telemetry
from server.workers.answer_sender import AnswerSender
from server.workers.worker_api import WorkerAPI
from server.workers.worker_process import register_worker, set_worker_ready

if TYPE_CHECKING:
    from encoder.runner import EncoderRunner

logger = logging.getLogger("ecg.model_worker")

# LitServe tells its LitAPIs apart by a path. This one is no route: no client can request it.
MODEL_PATH: Final = "/_model"


class ModelAPI(WorkerAPI):
    """What LitServe starts as a model worker: a process with the encoders on one device."""

    def __init__(
        self, settings: Settings, state: SharedState, deployment: Deployment, queues: Queues
    ) -> None:
        super().__init__(MODEL_PATH, ModelLoop(), settings, state, deployment, queues)

    def setup(self, device: str) -> None:
        """Load the encoders on `device`, then mark the worker as ready.

        LitServe calls it once, in the worker's process.
        """
        configure_logging(self.settings)
        self.row = register_worker(self.state, "model")
        start_telemetry(self.settings, self.state.place_of("model", self.row))
        limit_openmp_spinning()
        keep_freed_memory()
        # Imported here, as it imports torch, which no other process loads.
        from analysis.encoders import COMPILED, load_runners

        compiled_folder = self.settings.models_folder / COMPILED
        try:
            self.runners, self.runtime = load_runners(
                self.deployment, device, self.settings.dtype, compiled_folder
            )
        except ModelStoreError as error:
            logger.error("the encoders cannot be loaded: %s", error.detail)
            # At the server's start the supervisor then ends it, instead of trying again.
            self.state.cannot_start[self.row] = 1
            raise SystemExit(1) from None
        reports = {role: _encoder_report(runner) for role, runner in self.runners.items()}
        self.state.set_encoder_report(self.row, reports)
        set_worker_ready(self.state, self.row)
        roles = ", ".join(self.runners)
        logger.info("encoders %s ready on %s in %s", roles, self.runtime.device, self.runtime.dtype)


def _encoder_report(runner: EncoderRunner) -> dict[str, Any]:
    """Return what `/health` shows about an encoder and only this process knows."""
    return {"dtype": runner.dtype_name, "compiled": runner.compiled, "path": runner.execution}


class ModelLoop(LitLoop):
    """The model worker's work after its setup. It never returns.

    Two threads receive recordings, the main thread runs the encoders, a fourth one encodes answers,
    and a fifth one draws reports, so that other answers do not wait for them.
    """

    def __call__(self, lit_api: ModelAPI, device: str, *_: Any) -> None:
        state, row = lit_api.state, lit_api.row

        def waits_since(oldest_s: float) -> None:
            state.backlog_since_s[row] = oldest_s

        max_batch = MAX_BATCH_SEGMENTS["cuda" if device.startswith("cuda") else "cpu"]
        backlog = Backlog(max_batch, waits_since)
        answers = AnswerSender(lit_api.queues, state)
        _start_receiving(backlog, lit_api.queues, answers, state, row)
        # Answers are encoded in a thread of their own, so that the device does not wait for it.
        with (
            ThreadPoolExecutor(1, thread_name_prefix="answer") as answer_thread,
            ThreadPoolExecutor(1, thread_name_prefix="report") as report_thread,
        ):
            stage = ModelStage(
                lit_api.deployment,
                HeadCache(lit_api.settings.models_folder),
                lit_api.runners,
                lit_api.runtime,
                lit_api.state,
                lit_api.row,
                answers.send,
                answer_thread.submit,
                report_thread.submit,
            )
            while True:
                stage.run(backlog.next_batch())


def _start_receiving(
    backlog: Backlog, queues: Queues, answers: AnswerSender, state: SharedState, row: int
) -> None:
    """Start one thread for each queue: it moves recordings from the queue to the backlog.

    `Backlog.add` blocks while the backlog is full of one kind of recordings. With a thread for each
    kind, the other kind still arrives.
    """
    # `+=` on shared memory is not atomic.
    counter_lock = threading.Lock()

    def receive(channel: Channel) -> None:
        while True:
            item: ModelItem | None = None
            try:
                item = channel.receive()
            except LostMessage as lost:
                answers.fail("items", lost)
            with counter_lock:
                state.received[row] += 1
            if item is not None:
                backlog.add(Job(item))

    channels = {"receive-single": queues.single_items, "receive-many": queues.many_items}
    for name, channel in channels.items():
        threading.Thread(target=receive, args=(channel,), daemon=True, name=name).start()
