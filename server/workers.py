"""The two kinds of worker as LitServe knows them: a LitAPI that sets a process up, and the loop that it then runs."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from litserve import LitAPI
from litserve.loops import LitLoop
from threadpoolctl import threadpool_limits

from analysis.deployment import Deployment
from errors import ModelStoreError
from heads.shelf import Shelf
from server.log import configure_logging
from server.messages import Message, ModelItem, Task
from server.model_stage import MAX_BATCH_SEGMENTS, Backlog, Job, ModelStage
from server.process import enter_worker, worker_is_ready
from server.reading import Limits
from server.settings import Settings
from server.signal_stage import SignalStage, Turns
from server.state import DTYPES, SharedState

logger = logging.getLogger("ecg.worker")

SIGNAL_PATH, MODEL_PATH = "/_signal", "/_model"
# Never longer: a dead worker's last blocking get still takes one item off the queue, which is then sent again.
GET_TIMEOUT_S = 0.2
QUEUE_GONE = (EOFError, ConnectionError, OSError)  # the manager process ended: so must we


class WorkerAPI(LitAPI):
    """What both kinds share. LitServe pickles it into the new process, so it holds plain values only."""

    def __init__(self, path: str, loop: LitLoop, settings: Settings, state: SharedState, deployment: Deployment) -> None:
        super().__init__(api_path=path, loop=loop)
        self.settings, self.state, self.deployment = settings, state, deployment
        self.row = -1

    def predict(self, x: Any, **kwargs: Any) -> Any:
        raise AssertionError("requests go through the loop. This is a bug.")


class SignalAPI(WorkerAPI):
    """A process that reads and judges recordings. `model_queue` is set once the queues exist."""

    model_queue: Any = None

    def __init__(self, settings: Settings, state: SharedState, deployment: Deployment) -> None:
        super().__init__(SIGNAL_PATH, SignalLoop(), settings, state, deployment)

    def setup(self, device: str) -> None:
        configure_logging(self.settings)
        # There are as many workers as cores may hold: a second thread for a product of small matrices waits for a core, spinning.
        threadpool_limits(1, user_api="blas")
        self.row = enter_worker(self.state, "signal")
        limits = Limits(self.settings.max_body_bytes, self.settings.max_records, self.settings.max_seconds)
        self.stage = SignalStage(self.deployment, Shelf(self.settings.models_folder), limits, self.state, os.getpid())
        worker_is_ready(self.state, self.row)


class SignalLoop(LitLoop):
    """Takes a body when it has time, goes through its bodies in turns."""

    def __call__(self, lit_api: SignalAPI, device: str, worker_id: int, request_queue: Any, transport: Any, *_: Any) -> None:
        turns = Turns(lit_api.stage)
        busy = lit_api.state.busy_since_s
        try:
            while True:
                if turns.takes_more and not self._fetch(turns, request_queue):
                    return
                if turns.idle:
                    continue
                busy[lit_api.row] = time.monotonic()
                api_worker, sent = turns.step()
                busy[lit_api.row] = 0.0
                _send_out(api_worker, sent, transport, lit_api.model_queue)
        except QUEUE_GONE:
            logger.info("signal worker %d ends with its queue", worker_id)

    @staticmethod
    def _fetch(turns: Turns, request_queue: Any) -> bool:
        """Take one task if there is one; False when the server stops."""
        try:
            _, _, _, task = request_queue.get(block=turns.idle, timeout=GET_TIMEOUT_S)
        except queue.Empty:
            return True
        if task is None:
            return False
        assert isinstance(task, Task)
        turns.add(task)
        return True


def _send_out(api_worker: int, sent: Sequence[Message | ModelItem], transport: Any, model_queue: Any) -> None:
    """To the HTTP process what is its own, then to the model workers what that announced."""
    messages = [message for message in sent if not isinstance(message, ModelItem)]
    if messages:
        transport.send(messages, consumer_id=api_worker)
    for item in sent:
        if isinstance(item, ModelItem):
            model_queue.put((item.head.api_worker, item.head.uid, item.sent_s, item))


class ModelAPI(WorkerAPI):
    """A process with the encoders on one device."""

    def __init__(self, settings: Settings, state: SharedState, deployment: Deployment) -> None:
        super().__init__(MODEL_PATH, ModelLoop(), settings, state, deployment)

    def setup(self, device: str) -> None:
        configure_logging(self.settings)
        self.row = enter_worker(self.state, "model")
        from analysis.encoders import COMPILED, load_runners

        try:
            self.runners, self.runtime = load_runners(self.deployment, device, self.settings.dtype, self.settings.models_folder / COMPILED)
        except ModelStoreError as error:
            logger.error("the encoders cannot be loaded: %s", error.detail)
            self.state.refused[self.row] = 1
            raise SystemExit(1) from None
        self.state.dtype[self.row] = DTYPES.index(self.runtime.dtype)
        worker_is_ready(self.state, self.row)
        logger.info("encoders %s ready on %s in %s", ", ".join(self.runners), self.runtime.device, self.runtime.dtype)


class ModelLoop(LitLoop):
    """Fetches in one thread, computes in this one, writes answers in a third."""

    def __call__(self, lit_api: ModelAPI, device: str, worker_id: int, request_queue: Any, transport: Any, *_: Any) -> None:
        backlog = Backlog(MAX_BATCH_SEGMENTS["cuda" if device.startswith("cuda") else "cpu"])
        threading.Thread(target=_fill, args=(backlog, request_queue), daemon=True, name="fetch").start()
        with ThreadPoolExecutor(1, thread_name_prefix="answer") as answers:

            def send(api_worker: int, messages: Sequence[Message]) -> None:
                transport.send(list(messages), consumer_id=api_worker)

            stage = ModelStage(
                lit_api.deployment,
                Shelf(lit_api.settings.models_folder),
                lit_api.runners,
                lit_api.runtime,
                lit_api.state,
                lit_api.row,
                send,
                answers.submit,
            )
            try:
                while batch := backlog.next_batch():
                    stage.run(batch)
            except QUEUE_GONE:
                logger.info("model worker %d ends with its queue", worker_id)


def _fill(backlog: Backlog, request_queue: Any) -> None:
    while True:
        try:
            _, _, _, item = request_queue.get(timeout=GET_TIMEOUT_S)
        except queue.Empty:
            continue
        except QUEUE_GONE:
            item = None
        if item is None:
            backlog.close()
            return
        backlog.add(Job(item))
