"""LitServe, extended by subclassing. litserve==0.2.19 is pinned.

This package is the only one that uses LitServe. What it uses beyond the documented interface, with
the meaning in 0.2.19 (tests/server/workers/test_litserve_server.py fails when an upgrade changes
one of them, or when this list is not complete):

Overridden in EcgServer:
    register_endpoints                 called by __init__; registers our routes, none of LitServe's
    _register_middleware               called by __init__; adds gzip and other middleware
    lifespan                           async context manager in every HTTP process
    _init_manager                      called by run(); starts a process that holds the queues
    _inference_workers_config_for_api  one entry (a list of devices) per worker of a LitAPI
    verify_worker_status               called by run(); waits until a worker is ready
    _start_server                      called by run(); forks the HTTP processes; returns them by
                                       number
    _perform_graceful_shutdown         called by run() at its end; ends all processes
Attributes:
    app                                the FastAPI application
    inference_workers                  the worker processes: those of the first LitAPI first
    litapi_request_queues              the queue of each LitAPI, by its path
    launch_single_inference_worker     starts a worker of a LitAPI by its number; returns it
    workers_setup_status               written for each worker; read by verify_worker_status only
    _transport                         LitServe's queues of answers; passed to the workers
    _monitor_workers                   whether run() starts a thread that replaces dead workers
    _shutdown_event                    run() waits on it, then shuts down
In the worker processes (worker_process.py, signal_worker.py, model_worker.py):
    LITSERVE_WORKER_ID                 environment variable, set before setup(): the worker's number
                                       within its LitAPI
    LitLoop.__call__                   called after setup() with the LitAPI, the device and others

LitServe's own queues do not exist. server/ipc/queues.py has the queues in use: they cost a fifth,
lose no message to a worker that ended, and need no process that holds them.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from litserve import LitServer

from access.rates import SharedCounts
from analysis.deployment import Deployment
from server.authorization.core_dumps import forbid_core_dumps
from server.authorization.guard import AccessRules, Guard
from server.ipc.messages import Stage
from server.ipc.queues import Queues
from server.ipc.shared_state import SharedState
from server.log import configure_logging
from server.metric_families import count_into
from server.settings import Settings
from server.stages.signal import SECONDS_PER_SIGNAL_SECOND
from server.workers.model_worker import ModelAPI
from server.workers.overdue import OverdueWork
from server.workers.place import HttpPlace, WorkerPlace
from server.workers.service import running_service
from server.workers.signal_worker import SIGNAL_PATH, SignalAPI
from server.workers.supervisor import Supervisor
from server.workers.worker_api import WorkerAPI
from server.workers.worker_process import end_with_parent

logger = logging.getLogger("ecg.server")

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
        self._apis: dict[Stage, WorkerAPI] = {
            "signal": SignalAPI(settings, state, deployment, self.queues)
        }
        if state.devices:
            self._apis["model"] = ModelAPI(settings, state, deployment, self.queues)
        super().__init__(
            list(self._apis.values()),
            # So that LitServe looks for no device; `_inference_workers_config_for_api` names them.
            accelerator="cpu",
            # The deadlines are ours.
            timeout=False,
            # server/pages serves /openapi.json.
            disable_openapi_url=True,
        )
        # The supervisor replaces them, with a backoff and from the main thread.
        self._monitor_workers = False
        # The longest that an accepted request may take. The drain ends earlier when nothing is in
        # flight any more.
        self._drain_s = (
            settings.request_timeout + settings.max_seconds * SECONDS_PER_SIGNAL_SECOND + GRACE_S
        )
        self.supervisor = Supervisor(state, OverdueWork(state, settings.max_cpu_seconds))

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

    def _init_manager(self, num_api_servers: int) -> None:
        """Start no manager process: its end would be the end of the server."""
        # Again, as LitServer.run has installed LitServe's own log format.
        configure_logging(self.settings)
        if self.rules.holds_secrets:
            # Here, as what is forked from now on inherits it: the HTTP processes.
            forbid_core_dumps()
        os.register_at_fork(after_in_child=_in_forked_child(os.getpid()))
        count_into(self.state.main_metrics)
        self.workers_setup_status: dict[str, str] = {}
        self.litapi_request_queues = {api.api_path: None for api in self._apis.values()}
        self._transport = None
        self._shutdown_event = self.supervisor

    def verify_worker_status(self) -> None:
        """Do not wait for the workers.

        Until they are ready the server answers 503 starting, which says more than a refused
        connection.
        """

    def _start_server(
        self,
        port: int,
        num_uvicorn_servers: int,
        log_level: str,
        sockets: list[socket.socket],
        uvicorn_worker_type: str,
        **options: Any,
    ) -> dict[int, BaseProcess]:
        """Fork the HTTP processes and hand all processes over to the supervisor."""
        options |= {"log_level": log_level, "timeout_graceful_shutdown": int(self._drain_s)}
        http_places = []
        for number in range(num_uvicorn_servers):
            start = partial(self._start_http_process, number, sockets, options)
            http_places.append(HttpPlace(f"HTTP process {number}", start, self.state, number))
        worker_places = []
        for row, process in enumerate(self.inference_workers):
            worker_places.append(self._worker_place(row))
            worker_places[row].fill(process)
        for http_place in http_places:
            http_place.fill()
        self.supervisor.take(worker_places, http_places)
        return {}

    def _worker_place(self, row: int) -> WorkerPlace:
        stages = {stage: rows for stage, rows in self.state.rows.items() if row in rows}
        ((stage, rows),) = stages.items()
        number = row - rows.start
        api = self._apis[stage]
        start = partial(self.launch_single_inference_worker, api, number)
        name = f"{stage} worker {number}"
        return WorkerPlace(name, start, self.state, row, self.settings.hang_timeout)

    def _start_http_process(
        self, number: int, sockets: list[socket.socket], options: dict[str, Any]
    ) -> BaseProcess:
        def serve() -> None:
            self.app.state.http_process = number
            uvicorn.Server(uvicorn.Config(self.app, **options)).run(sockets)

        # Forked, so that it has the sockets, the queues and the application.
        process = multiprocessing.get_context("fork").Process(target=serve, name=f"http-{number}")
        process.start()
        return process

    def _perform_graceful_shutdown(
        self, manager: Any, uvicorn_workers: Any, shutdown_reason: str = "normal"
    ) -> None:
        self.supervisor.drain(self._drain_s)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        http_process: int = app.state.http_process
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
    """Return what the HTTP processes do first.

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
