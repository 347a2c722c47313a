"""LitServe, extended by subclassing. litserve==0.2.19 is pinned.

This package is the only one that uses LitServe. What it uses beyond the documented interface, with
the meaning in 0.2.19 (tests/server/workers/test_litserve_server.py fails when an upgrade changes
one of them, or when this list is not complete):

Overridden in EcgServer:
    register_endpoints                 called by __init__; registers our routes, none of LitServe's
    _register_middleware               called by __init__; adds gzip and other middleware
    lifespan                           async context manager in every HTTP process
    _init_manager                      called by run(); starts the manager process
    _inference_workers_config_for_api  one entry (a list of devices) per worker of a LitAPI
    verify_worker_status               called by run(); waits until a worker is ready
    _start_server                      forks the HTTP processes; returns them by number
    _perform_graceful_shutdown         ends HTTP processes, workers and manager
Attributes:
    app, inference_workers             the FastAPI application; the worker processes
    monitor_internal                   seconds between looks for dead workers (spelled so)
    uvicorn_graceful_timeout           seconds that an HTTP process may take to end
    _shutdown_event                    the manager's event that ends run() and the monitor
    app.response_queue_id              the number of the HTTP process
In the worker processes (worker_process.py, signal_worker.py, model_worker.py):
    LITSERVE_WORKER_ID                 environment variable, set before setup(): the worker's number
                                       within its LitAPI
    LitLoop.__call__                   called after setup() with the LitAPI, the device and others

LitServe's own queues stay empty. server/ipc/queues.py has the queues in use: they cost a fifth, and
lose no message to a worker that ended.
"""

from __future__ import annotations

import logging
import os
import signal
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from litserve import LitServer

from access.rates import SharedCounts
from analysis.deployment import Deployment
from server.authorization.core_dumps import forbid_core_dumps
from server.authorization.guard import AccessRules, Guard
from server.ipc.queues import Queues
from server.ipc.shared_state import SharedState
from server.log import configure_logging
from server.settings import Settings
from server.stages.signal import SECONDS_PER_SIGNAL_SECOND
from server.workers.model_worker import ModelAPI
from server.workers.service import running_service
from server.workers.signal_worker import SIGNAL_PATH, SignalAPI
from server.workers.supervisor import Supervisor
from server.workers.worker_api import WorkerAPI
from server.workers.worker_process import end_with_parent

logger = logging.getLogger("ecg.server")

MONITOR_EVERY_S: Final = 0.2
GRACE_S: Final = 5.0  # after the deadlines, to send the last answers


class EcgServer(LitServer):
    """Two LitAPIs without routes: signal workers, and a model worker for each device.

    There are no model workers where no encoder is loaded.

    rules          who may do what
    tls            None to speak HTTP
    configure_app  adds routes, error handlers and middleware to the FastAPI application
    """

    def __init__(
        self,
        settings: Settings,
        state: SharedState,
        deployment: Deployment,
        rules: AccessRules,
        tls: ssl.SSLContext | None,
        configure_app: Callable[[FastAPI], None],
    ) -> None:
        self.settings = settings
        self.state = state
        self.deployment = deployment
        self.queues = Queues.for_http_processes(settings.api_workers)
        self.rules = rules
        self._tls = tls
        self._counts = SharedCounts(settings.api_workers)
        self._configure_app = configure_app
        apis: list[WorkerAPI] = [SignalAPI(settings, state, deployment, self.queues)]
        if state.devices:
            apis.append(ModelAPI(settings, state, deployment, self.queues))
        super().__init__(
            apis,
            # So that LitServe looks for no device; `_inference_workers_config_for_api` names them.
            accelerator="cpu",
            # The deadlines are ours.
            timeout=False,
            restart_workers=True,
            # server/pages serves /openapi.json.
            disable_openapi_url=True,
        )
        self.monitor_internal = MONITOR_EVERY_S
        # The longest that an accepted request may take. The drain ends earlier when nothing is in
        # flight any more.
        self.uvicorn_graceful_timeout = (
            settings.request_timeout + settings.max_seconds * SECONDS_PER_SIGNAL_SECOND + GRACE_S
        )
        self.supervisor = Supervisor(settings, state, self.stop)

    def register_endpoints(self) -> None:
        self._configure_app(self.app)

    @property
    def tls_options(self) -> dict[str, Any]:
        """Return the arguments of `run` that LitServe passes on to uvicorn."""
        if self._tls is None:
            return {}
        return {"ssl_context_factory": lambda config, default_factory: self._tls}

    def _register_middleware(self) -> None:
        """Add no middleware: LitServe's would compress every small answer on the event loop."""

    def _inference_workers_config_for_api(self, api_path: str) -> list[list[str]]:
        if api_path == SIGNAL_PATH:
            return [["cpu"] for _ in range(self.settings.signal_workers)]
        return [[device] for device in self.state.devices]

    def _init_manager(self, num_api_servers: int) -> Any:
        # Again, as LitServer.run has installed LitServe's own log format.
        configure_logging(self.settings)
        if self.rules.holds_secrets:
            # Here, as what is forked from now on inherits it: the HTTP processes.
            forbid_core_dumps()
        os.register_at_fork(after_in_child=_in_forked_child(os.getpid()))
        return super()._init_manager(num_api_servers)

    def verify_worker_status(self) -> None:
        """Do not wait for the workers.

        Until they are ready the server answers 503 starting, which says more than a refused
        connection.
        """

    def _start_server(self, *args: Any, **kwargs: Any) -> Any:
        api_workers = super()._start_server(*args, **kwargs)
        self.supervisor.start(list(api_workers.values()))
        return api_workers

    def _perform_graceful_shutdown(
        self, manager: Any, uvicorn_workers: Any, shutdown_reason: str = "normal"
    ) -> None:
        self.state.draining.value = 1
        # Or the monitor would replace the workers that are ended below. Set by another thread,
        # which has its own connection to the manager: this thread's connection may still wait
        # for the answer to `_shutdown_event.wait()`.
        setter = threading.Thread(target=self._shutdown_event.set, daemon=True)
        setter.start()
        setter.join(GRACE_S)
        super()._perform_graceful_shutdown(manager, uvicorn_workers, shutdown_reason)
        for worker in self.inference_workers:
            if worker.is_alive():
                worker.kill()

    def stop(self) -> None:
        """Make the main thread shut down as after SIGTERM."""
        os.kill(os.getpid(), signal.SIGTERM)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        http_process: int = app.response_queue_id  # type: ignore[attr-defined]
        guard = Guard(self.rules, self._counts, http_process)
        async with (
            guard.running(),
            running_service(
                self.settings, self.state, self.deployment, http_process, self.queues, guard
            ) as service,
        ):
            # Handlers find it through `service_of`.
            app.state.service = service
            yield


def _in_forked_child(main_pid: int) -> Callable[[], None]:
    """Return what the manager and the HTTP processes do first.

    They drop the main process's signal handlers, and end when the main process ends.
    """

    def after_fork() -> None:
        # The hook is inherited: in a child of a child there is nothing to do.
        if os.getppid() != main_pid:
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with_parent(main_pid)

    return after_fork
