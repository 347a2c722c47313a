"""LitServe, extended at its own seams. The only module that touches what is private in it; litserve==0.2.19 is pinned.

Touched, with their 0.2.19 meaning (tests/server/workers/test_litserve_server.py fails when an upgrade moves one):
    LitServer.register_endpoints               called by __init__; here it registers our routes, and none of LitServe's
    LitServer.lifespan                         async context manager in every HTTP process
    LitServer._init_manager                    makes the manager process, queues and transport
    LitServer._inference_workers_config_for_api   one entry (a list with the device) per worker of a LitAPI
    LitServer._start_server                    forks the HTTP processes
    LitServer._start_worker_monitoring         starts the thread that replaces dead workers
    LitServer._perform_graceful_shutdown       ends HTTP processes, workers, manager
    LitServer._shutdown_event, .inference_workers, .monitor_internal (spelt so), .uvicorn_graceful_timeout, .app.response_queue_id
LitServe's own queues stay empty: server/ipc/queues.py has ours, which cost a fifth and lose nothing to a worker that ended.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from litserve import LitServer

from analysis.deployment import Deployment
from server.ipc.queues import Queues
from server.ipc.shared_state import SharedState
from server.log import configure_logging
from server.settings import Settings
from server.stages.signal import SECONDS_PER_SIGNAL_SECOND
from server.workers.service import Service, running_service
from server.workers.supervisor import Supervisor
from server.workers.worker_process import end_with_parent
from server.workers.workers import SIGNAL_PATH, ModelAPI, SignalAPI, WorkerAPI

logger = logging.getLogger("ecg.server")

MONITOR_EVERY_S = 0.2
GRACE_S = 5.0  # beyond the deadlines, for answers on their way out


class EcgServer(LitServer):
    """Two LitAPIs without routes of their own: signal workers, and one model worker per device where an encoder is loaded."""

    def __init__(
        self,
        settings: Settings,
        state: SharedState,
        deployment: Deployment,
        build_app: Callable[[FastAPI, EcgServer], None],
    ) -> None:
        self.settings, self.state, self.deployment = settings, state, deployment
        self.service: Service | None = None
        self._build_app = build_app
        self.queues = Queues.for_http_processes(settings.api_workers)
        apis: list[WorkerAPI] = [SignalAPI(settings, state, deployment, self.queues)]
        if state.devices:
            apis.append(ModelAPI(settings, state, deployment, self.queues))
        super().__init__(
            apis, accelerator="cpu", timeout=False, restart_workers=True, disable_openapi_url=True
        )
        self.monitor_internal = MONITOR_EVERY_S
        # The longest that an accepted recording may still take; the drain ends as soon as nothing is in flight.
        self.uvicorn_graceful_timeout = (
            settings.request_timeout + settings.max_seconds * SECONDS_PER_SIGNAL_SECOND + GRACE_S
        )
        self.supervisor = Supervisor(settings, state, self.stop)

    def register_endpoints(self) -> None:
        self._build_app(self.app, self)

    def _register_middleware(self) -> None:
        """None of LitServe's: it would compress every small answer on the event loop."""

    def _inference_workers_config_for_api(self, api_path: str) -> list[list[str]]:
        devices = (
            ["cpu"] * self.settings.signal_workers
            if api_path == SIGNAL_PATH
            else list(self.state.devices)
        )
        return [[device] for device in devices]

    def _init_manager(self, num_api_servers: int) -> Any:
        configure_logging(self.settings)  # again: `run` has put LitServe's own format in place
        os.register_at_fork(after_in_child=_in_forked_child(os.getpid()))
        return super()._init_manager(num_api_servers)

    def verify_worker_status(self) -> None:
        """Don't wait: until the workers are ready the server answers 503 starting, which tells more than a refused connection."""

    def _start_server(self, *args: Any, **kwargs: Any) -> Any:
        api_workers = super()._start_server(*args, **kwargs)
        self.supervisor.start(list(api_workers.values()))
        return api_workers

    def _perform_graceful_shutdown(
        self, manager: Any, uvicorn_workers: Any, shutdown_reason: str = "normal"
    ) -> None:
        self.state.draining.value = 1
        # Or the monitor would replace the workers that are ended below. From a thread of its own, which has a connection
        # of its own to the manager: this thread's may still be waiting for the answer to `_shutdown_event.wait()`.
        setter = threading.Thread(target=self._shutdown_event.set, daemon=True)
        setter.start()
        setter.join(GRACE_S)
        super()._perform_graceful_shutdown(manager, uvicorn_workers, shutdown_reason)
        for worker in self.inference_workers:
            if worker.is_alive():
                worker.kill()

    def stop(self) -> None:
        """Have the main thread shut down as at Ctrl-C."""
        os.kill(os.getpid(), signal.SIGTERM)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        api_worker: int = app.response_queue_id  # type: ignore[attr-defined]
        async with running_service(
            self.settings, self.state, self.deployment, api_worker, self.queues
        ) as service:
            self.service = service
            yield

    def current_service(self) -> Service:
        assert self.service is not None, "requests come after the lifespan began. This is a bug."
        return self.service


def _in_forked_child(main_pid: int) -> Callable[[], None]:
    """What the manager and the HTTP processes do first: forget main's signal handlers, end when it ends."""

    def after_fork() -> None:
        if os.getppid() != main_pid:
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with_parent(main_pid)

    return after_fork
