"""What LitServe needs of both kinds of worker: a LitAPI, which sets up the worker's process."""

from __future__ import annotations

from typing import Any

from litserve import LitAPI
from litserve.loops import LitLoop

from analysis.deployment import Deployment
from server.ipc.queues import Queues
from server.ipc.shared_state import SharedState
from server.settings import Settings


class WorkerAPI(LitAPI):
    """The base of both kinds of worker.

    LitServe pickles it into the new process, so before `setup` it holds plain values only.
    """

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
        self.settings = settings
        self.state = state
        self.deployment = deployment
        self.queues = queues
        self.row = -1  # in the shared tables; known after `setup`

    def predict(self, x: Any, **kwargs: Any) -> Any:
        raise AssertionError("requests go through the loop. This is a bug.")
